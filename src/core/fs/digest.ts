/** SHA-256 of files and texts. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ioError, throwIfAborted } from "../base/index.js";

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes read since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Hashed between the answers of a server: a piece takes about a millisecond. */
const pieceBytes = 2 ** 20;

/** Hexadecimal SHA-256 of a file. @throws `not_found`, `io`, `aborted`. */
export async function fileDigest(path: string, { signal, onBytes }: ReadOptions = {}): Promise<string> {
  const hash = createHash("sha256");
  const pieces = createReadStream(path, { highWaterMark: pieceBytes }) as AsyncIterable<Buffer>;
  try {
    for await (const piece of pieces) {
      throwIfAborted(signal);
      hash.update(piece);
      onBytes?.(piece.length);
    }
  } catch (cause) {
    throw (cause as { syscall?: string }).syscall ? ioError("read", path, cause) : cause;
  }
  return hash.digest("hex");
}

/** Hexadecimal SHA-256 of a text. */
export function textDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
