/** The files of a collection, and the few ways in which they are read and written. */
import { createHash } from "node:crypto";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { ioError, OcellusError } from "../core/base/index.js";

export function fileOf(
  folder: string,
  what: "entries" | "images",
  { generation }: { readonly generation: number },
): string {
  return join(folder, what === "entries" ? `entries-${generation}.log` : `images-${generation}`);
}

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** At `end`, which cuts off what is behind it; by itself at the end of the file. Synced. As it was when it fails. */
export async function append(path: string, bytes: Uint8Array, end?: number): Promise<void> {
  const file = await open(path, "r+").catch((cause: unknown) => Promise.reject(fileError("write", path, cause)));
  const start = end ?? (await file.stat()).size;
  try {
    await file.truncate(start);
    await writeAll(file, bytes, start);
    await file.sync();
  } catch (cause) {
    await file.truncate(start).catch(() => {}); // half of it would count as added
    throw ioError("write", path, cause);
  } finally {
    await file.close();
  }
}

/** A disk that is nearly full takes a part, and only refuses the next one. */
async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** One that `collection.json` names and that is not there is damage, not a collection that is not there. */
function fileError(action: string, path: string, cause: unknown): OcellusError {
  if ((cause as { code?: string }).code !== "ENOENT") return ioError(action, path, cause);
  return new OcellusError("invalid_file", `${path} is missing, and collection.json names it; import a snapshot`, {
    details: { path },
    cause,
  });
}

/** @throws `invalid_file` when it is missing, `io`. */
export async function presentSize(path: string): Promise<number> {
  return (await stat(path).catch((cause: unknown) => Promise.reject(fileError("read", path, cause)))).size;
}

/** None where it is missing. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** @throws `invalid_file` when the file is missing or ends before, `io`. */
export async function readAt(path: string, at: number, length: number): Promise<Buffer> {
  const file = await open(path, "r").catch((cause: unknown) => Promise.reject(fileError("read", path, cause)));
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at);
    if (bytesRead === length) return buffer;
    throw new OcellusError("invalid_file", `${path} ends before byte ${at + length}; add its images again`);
  } finally {
    await file.close();
  }
}

/** A file from its parts, each made when its turn comes; synced. Resolves to its size. @throws `io`, as `partOf`. */
export async function writeParts<T>(
  path: string,
  items: readonly T[],
  partOf: (item: T) => Promise<Uint8Array>,
  last: Uint8Array = new Uint8Array(),
): Promise<number> {
  const file = await open(path, "w").catch((cause: unknown) => Promise.reject(ioError("write", path, cause)));
  try {
    let size = 0;
    const write = async (part: Uint8Array) => {
      await writeAll(file, part, size);
      size += part.length;
    };
    for (const item of items) await write(await partOf(item));
    await write(last);
    await file.sync();
    return size;
  } catch (cause) {
    throw cause instanceof OcellusError ? cause : ioError("write", path, cause);
  } finally {
    await file.close();
  }
}
