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
export async function fileDigest(path: string, options: ReadOptions = {}): Promise<string> {
  const hash = createHash("sha256");
  await readPieces(path, options, (piece) => hash.update(piece));
  return hash.digest("hex");
}

/** The length of a file, and the hexadecimal SHA-256 of each part of it, of which the last may be shorter. @throws as `fileDigest`. */
export async function partDigests(
  path: string,
  partBytes: number,
): Promise<{ readonly bytes: number; readonly parts: string[] }> {
  const parts: string[] = [];
  let [bytes, hash] = [0, createHash("sha256")];
  const end = () => {
    parts.push(hash.digest("hex"));
    hash = createHash("sha256");
  };
  await readPieces(path, {}, (piece) => {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + partBytes - (bytes % partBytes));
      hash.update(taken);
      at += taken.length;
      bytes += taken.length;
      if (bytes % partBytes === 0) end();
    }
  });
  if (bytes % partBytes !== 0) end();
  return { bytes, parts };
}

async function readPieces(path: string, { signal, onBytes }: ReadOptions, use: (piece: Buffer) => void): Promise<void> {
  const pieces = createReadStream(path, { highWaterMark: pieceBytes }) as AsyncIterable<Buffer>;
  try {
    for await (const piece of pieces) {
      throwIfAborted(signal);
      use(piece);
      onBytes?.(piece.length);
    }
  } catch (cause) {
    throw (cause as { syscall?: string }).syscall ? ioError("read", path, cause) : cause;
  }
}

/** Hexadecimal SHA-256 of a text. */
export function textDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
