/**
 * What `ocellus index add` is given → one source after the other: folders (with theirs inside), patterns with `*`, `**` and
 * `?`, picture files, PDFs, and files of lines:
 *   {"image": "a.jpg" or a data URL, "text"?: "…", "metadata"?: {…}, "source"?: "what to call it"}
 */
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join, resolve, sep } from "node:path";
import { z } from "zod";
import { globMatcher, ioError, OcellusError } from "../../../core/base/index.js";
import { type JsonLine, readJsonLines, recordOf } from "../../../core/fs/index.js";
import { isUrl } from "../../../core/image/node/index.js";
import { maxTextLength, metadataSchema } from "../../../retrieval/index.js";

export interface Source {
  /** What the entry is called: an absolute path, or as the line says. */
  readonly source: string;
  /** A path or a data URL. */
  readonly image: string;
  /** Changes when the file or what is said about it does. */
  readonly stamp: string;
  readonly text?: string | undefined;
  readonly metadata?: Record<string, string | number | boolean> | undefined;
}

/** Other files of a folder are passed over, and counted. */
const imageNames = new Set([".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".pdf"]);
/** As many as a collection may have, and as many again that are known. */
const maxSources = 2_000_000;
/** A data URL of a phone photo, and a page of text. */
const maxLineBytes = 64 * 2 ** 20;

const lineSchema = z.strictObject({
  image: z.string().min(1),
  text: z.string().max(maxTextLength).optional(),
  metadata: metadataSchema.optional(),
  source: z.string().min(1).max(4096).optional(),
});

export interface Sources<T extends Source = Source> {
  /** Each name once; of two lines that give it to different pictures, the later one. */
  readonly sources: readonly T[];
  /** What is no picture, by its kind. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly failed: readonly FailedSource[];
  /** Whether there may be more sources than were found, behind a folder or a line that cannot be read. */
  readonly isIncomplete: boolean;
}

export interface FailedSource {
  readonly source: string;
  readonly problem: string;
}

/** Gathers what a command names: one bad file, folder or line does not stop the rest. */
class SourceList {
  readonly sources = new Map<string, Source>();
  readonly skipped = new Map<string, number>();
  readonly failed: FailedSource[] = [];
  isIncomplete = false;
  firstError: OcellusError | undefined;

  add(source: Source): void {
    const before = this.sources.get(source.source);
    if (before && before.stamp !== source.stamp) this.skip("listed twice (the later one counts)");
    this.sources.set(source.source, source);
    if (this.sources.size > maxSources)
      throw new OcellusError("too_large", `${source.source}: more than ${maxSources} sources`);
  }

  async addFile(path: string): Promise<void> {
    try {
      this.add({ source: path, image: path, stamp: await stampOf(path) });
    } catch (error) {
      this.fail(path, error);
    }
  }

  fail(source: string, error: unknown, isIncomplete = false): void {
    if (!(error instanceof OcellusError) || error.code === "too_large") throw error;
    // Bytes that are no UTF-8 are read as this sign, under which the file is not found.
    const told = source.includes("\ufffd")
      ? new OcellusError("invalid_file", `${source}: its name is not valid UTF-8; rename it`, { cause: error })
      : error;
    this.failed.push({ source, problem: told.message });
    this.firstError ??= told;
    this.isIncomplete ||= isIncomplete;
  }

  skip(kind: string): void {
    this.skipped.set(kind, (this.skipped.get(kind) ?? 0) + 1);
  }

  list(): Sources {
    const { sources, skipped, failed, isIncomplete } = this;
    return { sources: [...sources.values()], skipped, failed, isIncomplete };
  }
}

/** Files by name, then lines of the files of lines. @throws `not_found`, `io`, `invalid_file` where there is none; `too_large`. */
export async function readSources(names: readonly string[]): Promise<Sources> {
  const list = new SourceList();
  for (const name of names) await readName(name, list).catch((error: unknown) => list.fail(name, error, true));
  if (list.sources.size > 0) return list.list();
  const { firstError, failed } = list;
  if (firstError)
    throw new OcellusError(firstError.code, firstError.message, { details: { failed }, cause: firstError });
  throw new OcellusError("not_found", `${names.join(", ")}: no images or PDFs found`);
}

async function readName(name: string, list: SourceList): Promise<void> {
  if (/[*?]/.test(name) && !(await stat(name).catch(() => undefined))) {
    const pattern = resolve(name);
    const matches = globMatcher(pattern.replaceAll(sep, "/"), { ignoreCase: true });
    return readFolder(folderOf(pattern), list, (path) => matches(path.replaceAll(sep, "/")));
  }
  const path = resolve(name);
  const status = await stat(path).catch((cause: unknown) => Promise.reject(ioError("read", name, cause)));
  if (status.isDirectory()) return readFolder(path, list);
  if (extname(path) === ".jsonl") return readLineSources(path, list);
  await list.addFile(path);
}

/** With the folders in it; symbolic links are not followed: they may lead in circles, or out of it. */
async function readFolder(top: string, list: SourceList, matches = (_path: string) => true): Promise<void> {
  const folders = [top];
  for (const folder of folders) {
    const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
      const error = ioError("list", folder, cause);
      if (folder === top) throw error;
      list.fail(folder, error, true);
      return [];
    });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (!matches(path)) continue;
      else if (!entry.isFile()) list.skip(entry.isSymbolicLink() ? "symbolic links" : "special files");
      else if (imageNames.has(extname(entry.name).toLowerCase())) await list.addFile(path);
      else list.skip(skippedKind(entry.name));
    }
  }
}

function skippedKind(name: string): string {
  const ending = extname(name).toLowerCase();
  return ending === ".svg" ? ".svg (render them to PNG first)" : ending || "files without an extension";
}

/** The part of a pattern before its first special sign. */
function folderOf(pattern: string): string {
  const parts = pattern.split(sep);
  const first = parts.findIndex((part) => /[*?]/.test(part));
  return parts.slice(0, first).join(sep) || sep;
}

async function stampOf(path: string): Promise<string> {
  const status = await stat(path).catch((cause: unknown) => Promise.reject(ioError("read", path, cause)));
  return `${status.size}-${Math.round(status.mtimeMs)}`;
}

async function readLineSources(file: string, list: SourceList): Promise<void> {
  for await (const line of readJsonLines(file, lineSchema, maxLineBytes)) {
    try {
      list.add(await lineSource(file, line));
    } catch (error) {
      list.fail(line.origin, error, true);
    }
  }
}

async function lineSource(file: string, read: JsonLine<z.infer<typeof lineSchema>>): Promise<Source> {
  const { origin, text } = read;
  const line = recordOf(read);
  const isAddress = isUrl(line.image);
  if (isAddress && !/^data:/i.test(line.image))
    throw new OcellusError("invalid_file", `${origin}: image: expected a path or a data URL, found a URL`);
  const image = isAddress ? line.image : resolve(dirname(file), line.image);
  const said = createHash("sha256").update(text).digest("hex").slice(0, 16);
  // A picture that is not there is told when its turn comes, as one that cannot be read.
  const stamp = isAddress ? said : `${await stampOf(image).catch(() => "missing")}-${said}`;
  const source = line.source ?? (isAddress ? origin : image);
  return { source, image, stamp, text: line.text, metadata: line.metadata };
}
