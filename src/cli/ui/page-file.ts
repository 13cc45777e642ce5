/** Writing a page that a command was asked for: whole or not at all, over an older one of the same name. */
import { dirname, resolve } from "node:path";
import { formatBytes, OcellusError } from "../../core/base/index.js";
import { pathExists, writeFileAtomically } from "../../core/fs/index.js";
import type { GlobalFlags } from "../options.js";
import { coloursFor, type Terminal } from "./terminal.js";

/** Before work that takes long: whether a page can lie there. @throws `not_found`. */
export async function checkPagePath(path: string | undefined): Promise<void> {
  if (path === undefined || (await pathExists(dirname(resolve(path))))) return;
  throw new OcellusError("not_found", `cannot write ${path}: the folder ${dirname(resolve(path))} does not exist`);
}

/** @throws `io`; nothing is left of a page that could not be written. */
export async function writePage(path: string, page: string, terminal: Terminal, { json }: GlobalFlags): Promise<void> {
  await writeFileAtomically(path, page);
  if (json) return;
  terminal.stderr.write(`${coloursFor(terminal.stderr).dim(`${path}  ${formatBytes(Buffer.byteLength(page))}`)}\n`);
}
