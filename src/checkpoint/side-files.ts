/** The small files beside the weights: config.json, tokenizer.json and their kin. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ioError, OcellusError } from "../base/index.js";
import { type JsonLimits, parseJson } from "./json.js";

/** The largest tokenizer.json of a published model has 33 MB. */
const maxSideFileBytes = 64 * 2 ** 20;

/** The text of a side file, or undefined when there is none. @throws `too_large`, `io`. */
export async function readSideText(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  try {
    const { size } = await stat(path);
    if (size > maxSideFileBytes)
      throw new OcellusError("too_large", `${path} has ${size} bytes, the limit is ${maxSideFileBytes}`);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof OcellusError) throw cause;
    if ((cause as { code?: string }).code === "ENOENT") return undefined;
    throw ioError("read", path, cause);
  }
}

/** Configs and tokenizers nest about ten deep. */
const sideFileLimits: JsonLimits = { maxDepth: 64, uniqueKeys: false };

/** The same, parsed. @throws `invalid_config` when it is not JSON. */
export async function readSideJson(folder: string, name: string, limits = sideFileLimits): Promise<unknown> {
  const text = await readSideText(folder, name);
  if (text === undefined) return undefined;
  try {
    return parseJson(text.replace(/^\uFEFF/, ""), limits);
  } catch (cause) {
    throw new OcellusError("invalid_config", `${join(folder, name)} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** What belongs to a model beside its weights: JSON, templates and vocabularies; indexes of shards are left out. */
export async function listSideFiles(folder: string): Promise<string[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (cause) {
    throw ioError("list", folder, cause);
  }
  return names
    .filter((name) => /\.(json|jinja|txt|model)$/.test(name) && !/\.index\.json$|^packed\.json$/.test(name))
    .sort();
}
