/** The small files beside the weights: config.json, tokenizer.json and their kin. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileJsonLimits, ioError, JsonProblem, OcellusError, parseFileJson } from "../base/index.js";
import { fileInside } from "./inside.js";

/** Of a vocabulary: the largest published tokenizer.json has 33 MB. */
const maxVocabularyBytes = 40 * 2 ** 20;
/** Of an index: 91,000 tensors of the largest published checkpoints take 9 MB. */
const maxIndexBytes = 16 * 2 ** 20;
/** Of the rest, configs and templates: published ones end below 100 kB. */
const maxOtherBytes = 4 * 2 ** 20;

function maxBytesOf(name: string): number {
  if (/\.index\.json$/.test(name)) return maxIndexBytes;
  return /^(tokenizer|vocab|merges)\.|\.model$/.test(name) ? maxVocabularyBytes : maxOtherBytes;
}

/** The text of a side file, or undefined when there is none. @throws `too_large`, `invalid_file`, `io`. */
export async function readSideText(folder: string, name: string): Promise<string | undefined> {
  try {
    const { path, sizeBytes } = await fileInside(folder, name);
    const limit = maxBytesOf(name);
    if (sizeBytes > limit)
      throw new OcellusError("too_large", `${path} has ${sizeBytes} bytes, the limit is ${limit}`, {
        details: { path, sizeBytes, limit },
      });
    const text = await readFile(path, "utf8");
    if (text.startsWith("version https://git-lfs")) throw lfsPointer(path);
    return text;
  } catch (cause) {
    if (!(cause instanceof OcellusError)) throw ioError("read", join(folder, name), cause);
    if (cause.code === "not_found") return undefined;
    throw cause;
  }
}

/** A clone without Git LFS has a few lines in the place of each large file, vocabularies among them. */
function lfsPointer(path: string): OcellusError {
  return new OcellusError("invalid_file", `${path} is a Git LFS pointer, not the file: run \`git lfs pull\``, {
    details: { path, format: "git-lfs" },
  });
}

/** Configs and tokenizers nest about ten deep. */
const sideFileLimits: FileJsonLimits = { maxDepth: 64, uniqueKeys: false };

/** The same, parsed. @throws `invalid_config` when it is not JSON. */
export async function readSideJson(folder: string, name: string, limits = sideFileLimits): Promise<unknown> {
  const text = await readSideText(folder, name);
  if (text === undefined) return undefined;
  try {
    return parseFileJson(text.replace(/^\uFEFF/, ""), limits);
  } catch (cause) {
    const details = { path: join(folder, name), ...(cause instanceof JsonProblem && cause.details) };
    throw new OcellusError("invalid_config", `${details.path} is not JSON: ${(cause as Error).message}`, {
      details,
      cause,
    });
  }
}

/**
 * What belongs to a model beside its weights: JSON, templates and vocabularies. Indexes of shards are left out, our own
 * notes of where a folder came from, and what is longer than we would read. @throws `invalid_file` for a link out of the folder, or what is no file.
 */
export async function listSideFiles(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await listFolder(folder)) {
    if (!/\.(json|jinja|txt|model)$/.test(name) || /\.index\.json$|^(packed|ocellus)\.json$/.test(name)) continue;
    if ((await fileInside(folder, name)).sizeBytes <= maxBytesOf(name)) names.push(name);
  }
  return names.sort();
}

/** The names in a folder that are no folders themselves. @throws `not_found`, `io`. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (cause) {
    throw ioError("list", path, cause);
  }
}
