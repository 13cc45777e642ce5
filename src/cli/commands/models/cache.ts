/** `ocellus cache`: the packed models on this machine, and how to be rid of them. They can always be made again. */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { formatBytes } from "../../../core/base/index.js";
import { cacheRoot } from "../../../core/fs/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { folderBytes } from "./folder-bytes.js";

interface CacheFlags extends GlobalFlags {
  readonly clear?: boolean;
}

export function addCacheCommand(program: Command, terminal: Terminal): void {
  program
    .command("cache")
    .description("list the packed models in the cache")
    .option("--clear", "remove them all; they are made again when needed")
    .action((_local: unknown, command: Command) => cache(command.optsWithGlobals(), terminal));
}

async function cache(flags: CacheFlags, terminal: Terminal): Promise<void> {
  const folder = packedFolder();
  const models = await packedModels(folder);
  if (flags.clear) await rm(folder, { recursive: true, force: true });
  if (flags.json) return printJson(terminal, { folder, models, cleared: flags.clear === true });
  const totalBytes = models.reduce((sum, model) => sum + model.bytes, 0);
  if (models.length > 0)
    printLine(
      terminal,
      textTable(
        models.map((m) => [m.name, formatBytes(m.bytes)]),
        ["left", "right"],
      ),
    );
  printLine(
    terminal,
    `${folder}: ${models.length} packed, ${formatBytes(totalBytes)}${flags.clear ? ", removed" : ""}`,
  );
}

export function packedFolder(): string {
  return join(cacheRoot(), "packed");
}

export async function packedModels(folder: string): Promise<{ name: string; bytes: number }[]> {
  const names = (await readdir(folder).catch(() => [])).sort();
  return Promise.all(names.map(async (name) => ({ name, bytes: await folderBytes(join(folder, name)) })));
}
