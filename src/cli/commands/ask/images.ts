/** Picture arguments: paths, http(s) and data: URLs, and `-` for standard input. Decoding is left to the image room. */
import { access } from "node:fs/promises";
import { ioError, OcellusError, readBounded } from "../../../core/base/index.js";
import { isUrl } from "../../../core/image/node/index.js";
import type { ImageInput } from "../../../core/runtime/index.js";
import type { Terminal } from "../../ui/terminal.js";

/** As much as the image room reads from a file. */
const maxStdinBytes = 64 * 2 ** 20;

/** Checks that every file is there before a model is opened for it. */
export async function readImages(names: readonly string[], terminal: Terminal): Promise<ImageInput[]> {
  if (names.filter((name) => name === "-").length > 1) {
    throw new OcellusError("invalid_request", "standard input (-) can be one image only; it was given twice");
  }
  return Promise.all(names.map((name) => readImage(name, terminal)));
}

async function readImage(name: string, terminal: Terminal): Promise<ImageInput> {
  if (name === "-")
    return readBounded(terminal.stdin, { what: "the image on standard input", maxBytes: maxStdinBytes });
  if (!isUrl(name))
    await access(name).catch((cause: unknown) => Promise.reject(ioError("open the image", name, cause)));
  return name;
}

export async function fileExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
