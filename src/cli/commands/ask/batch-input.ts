/**
 * The input of a batch, as OpenAI's batch API has it: one request a line.
 *   {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {…}}
 * Beside data URLs, a picture may be a path, relative to the file: its bytes are put in its place when its turn comes.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ioError, OcellusError, withNotesOf } from "../../../core/base/index.js";
import { type JsonLine, parseJsonLine, readJsonLines, recordOf } from "../../../core/fs/index.js";
import { isUrl } from "../../../core/image/node/index.js";
import { sniffFormat, sniffVideo } from "../../../core/runtime/index.js";
import { type BatchLine, batchLineSchema } from "../../../protocol/index.js";

/** What the server reads of a body, and some: several photos in base64. */
export const maxLineBytes = 64 * 2 ** 20;
/** Their ids take some 100 bytes each; OpenAI takes 50,000 in a batch. */
const maxRequests = 5_000_000;

/** A file of requests, or the `.jsonl` files of a folder in the order of their names. @throws `not_found`, `io`, `invalid_file`. */
export async function batchFiles(path: string): Promise<readonly string[]> {
  const unreadable = (cause: unknown) => Promise.reject(ioError("open", path, cause));
  if (!(await stat(path).catch(unreadable)).isDirectory()) return [path];
  const names = (await readdir(path).catch(unreadable)).filter((name) => name.endsWith(".jsonl")).sort();
  if (names.length > 0) return names.map((name) => join(path, name));
  throw new OcellusError("invalid_file", `${path}: expected a folder of .jsonl files, found none`);
}

/** @throws `not_found`, `io`, `too_large`, `invalid_file` naming the line. */
export async function* readBatch(path: string): AsyncGenerator<BatchLine> {
  for (const file of await batchFiles(path))
    for await (const line of readJsonLines(file, batchLineSchema, maxLineBytes)) yield requestOf(line);
}

/** Reads the whole file, so that a slip in its last line is told before hours of work. @throws as `readBatch`. */
export async function checkBatch(path: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { custom_id } of readBatch(path)) {
    if (ids.has(custom_id))
      throw new OcellusError("invalid_file", `${path}: custom_id ${JSON.stringify(custom_id)} appears twice`);
    ids.add(custom_id);
    if (ids.size > maxRequests)
      throw new OcellusError("too_large", `${path}: more than ${maxRequests} requests; split the file`);
  }
  if (ids.size === 0) throw new OcellusError("invalid_file", `${path}: expected one request a line, found none`);
  return ids;
}

/** @throws `invalid_file` naming its origin. */
export function parseRequest(text: string, origin: string): BatchLine {
  return requestOf(parseJsonLine(text, origin, batchLineSchema));
}

function requestOf(line: JsonLine<BatchLine>): BatchLine {
  return { ...recordOf(line), body: (line.json as BatchLine).body }; // as it is written there
}

/** The same body with what `read` makes of each path where an image or a video is expected. @throws as `read`. */
export async function withImages(body: unknown, read: (path: string) => Promise<string>): Promise<unknown> {
  if (typeof body !== "object" || body === null) return body;
  if (Array.isArray(body)) return withNotesOf(body, await Promise.all(body.map((part) => withImages(part, read))));
  const entries = Object.entries(body).map(async ([name, value]) => {
    const isPath = (text: unknown): text is string => typeof text === "string" && !isUrl(text);
    const isMedia = name === "image_url" || name === "video_url";
    if (isMedia && isPath(value)) return [name, await read(value)];
    if (isMedia && isPath(value?.url)) return [name, { ...value, url: await read(value.url) }];
    return [name, await withImages(value, read)];
  });
  return withNotesOf(body, Object.fromEntries(await Promise.all(entries)));
}

/** An image or video file as a data URL. @throws `not_found`, `io`, `too_large`, `invalid_image` for what is neither. */
export async function dataUrl(path: string, maxBytes: number): Promise<string> {
  const reading = (cause: unknown) => Promise.reject(ioError("read the image", path, cause));
  const status = await stat(path).catch(reading);
  if (!status.isFile())
    throw new OcellusError("invalid_request", `${path}: expected an image file, found no regular file`);
  if (status.size > maxBytes)
    throw new OcellusError("too_large", `${path}: expected at most ${maxBytes} bytes, found ${status.size}`);
  const bytes = await readFile(path).catch(reading);
  const video = sniffVideo(bytes);
  const type = video ? `video/${video}` : `image/${sniffFormat(bytes, path)}`;
  return `data:${type};base64,${bytes.toString("base64")}`;
}

/** Reads images by paths relative to the input. */
export async function imagesBeside(input: string, maxBytes: number): Promise<(path: string) => Promise<string>> {
  const [file] = await batchFiles(input);
  return (path) => dataUrl(resolve(dirname(file!), path), maxBytes);
}
