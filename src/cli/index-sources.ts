/**
 * What `ocellus index add` is given → one source after the other: folders (with theirs inside), patterns with `*`, `**` and
 * `?`, picture files, PDFs, and files of lines:
 *   {"picture": "a.jpg" or a data URL, "text"?: "…", "metadata"?: {…}, "source"?: "what to call it"}
 */
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join, resolve, sep } from "node:path";
import { z } from "zod";
import {
  fieldExpectation,
  fieldProblems,
  fileLimits,
  firstOf,
  globMatcher,
  ioError,
  OcellusError,
  parseJson,
} from "../base/index.js";
import { maxTextLength, metadataSchema } from "../search/index.js";
import { isUrl } from "./pictures.js";
import { readLines } from "./read-lines.js";

export interface Source {
  /** What the entry is called: an absolute path, or as the line says. */
  readonly source: string;
  /** A path or a data URL. */
  readonly picture: string;
  /** Changes when the file or what is said about it does. */
  readonly stamp: string;
  readonly text?: string | undefined;
  readonly metadata?: Record<string, string | number | boolean> | undefined;
}

/** Other files of a folder are passed over. */
const pictureNames = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".pdf"]);
/** As many as a collection may have, and as many again that are known. */
const maxSources = 2_000_000;
/** A data URL of a phone photo, and a page of text. */
const maxLineBytes = 64 * 2 ** 20;

const lineSchema = z.strictObject({
  picture: z.string().min(1),
  text: z.string().max(maxTextLength).optional(),
  metadata: metadataSchema.optional(),
  source: z.string().min(1).max(4096).optional(),
});

/** Files by name, then lines of the files of lines. @throws `not_found`, `io`, `invalid_file`, `too_large`. */
export async function readSources(names: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const name of names) {
    for await (const source of sourcesOf(name)) sources.push(source);
    if (sources.length > maxSources) throw new OcellusError("too_large", `${name}: more than ${maxSources} sources`);
  }
  if (sources.length > 0) return sources;
  throw new OcellusError("not_found", `${names.join(", ")}: no pictures and no PDFs found there`);
}

async function* sourcesOf(name: string): AsyncGenerator<Source> {
  if (/[*?]/.test(name) && !(await stat(name).catch(() => undefined))) {
    const pattern = resolve(name);
    const matches = globMatcher(pattern.replaceAll(sep, "/"), { ignoreCase: true });
    for (const path of await filesUnder(folderOf(pattern)))
      if (matches(path.replaceAll(sep, "/"))) yield await fileSource(path);
    return;
  }
  const path = resolve(name);
  const status = await stat(path).catch((cause: unknown) => Promise.reject(ioError("read", name, cause)));
  if (status.isDirectory()) for (const file of await filesUnder(path)) yield await fileSource(file);
  else if (extname(path) === ".jsonl") yield* lineSources(path);
  else yield await fileSource(path);
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw ioError("list", folder, cause);
  });
  return entries
    .filter((entry) => entry.isFile() && pictureNames.has(extname(entry.name).toLowerCase()))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** The part of a pattern before its first special sign. */
function folderOf(pattern: string): string {
  const parts = pattern.split(sep);
  const first = parts.findIndex((part) => /[*?]/.test(part));
  return parts.slice(0, first).join(sep) || sep;
}

async function fileSource(path: string): Promise<Source> {
  return { source: path, picture: path, stamp: await stampOf(path) };
}

async function stampOf(path: string): Promise<string> {
  const status = await stat(path).catch((cause: unknown) => Promise.reject(ioError("read", path, cause)));
  return `${status.size}-${Math.round(status.mtimeMs)}`;
}

async function* lineSources(file: string): AsyncGenerator<Source> {
  for await (const { number, text } of readLines(file, maxLineBytes)) {
    if (text.trim() === "") continue;
    const origin = `${file}:${number}`;
    const line = parseLine(text, origin);
    const isAddress = isUrl(line.picture);
    if (isAddress && !/^data:/i.test(line.picture))
      throw new OcellusError("invalid_file", `${origin}: picture: expected a path or a data URL, found an address`);
    const picture = isAddress ? line.picture : resolve(dirname(file), line.picture);
    const said = createHash("sha256").update(text).digest("hex").slice(0, 16);
    // A picture that is not there is told when its turn comes, as one that cannot be read.
    const stamp = isAddress ? said : `${await stampOf(picture).catch(() => "missing")}-${said}`;
    const source = line.source ?? (isAddress ? origin : picture);
    yield { source, picture, stamp, text: line.text, metadata: line.metadata };
  }
}

function parseLine(text: string, origin: string): z.infer<typeof lineSchema> {
  let json: unknown;
  try {
    json = parseJson(text, fileLimits);
  } catch (cause) {
    throw new OcellusError("invalid_file", `${origin}: expected JSON: ${(cause as Error).message}`, { cause });
  }
  const line = lineSchema.safeParse(json, { error: fieldExpectation });
  if (line.success) return line.data;
  throw new OcellusError("invalid_file", `${origin}: ${firstOf(fieldProblems(line.error))}`);
}
