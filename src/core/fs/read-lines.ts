/**
 * The lines of a file of any size, one at a time, each within a bound: readline would gather a line of gigabytes. A byte order mark
 * before the first one, as editors of Windows write it, is no part of the text.
 */
import { createReadStream } from "node:fs";
import { ioError, OcellusError } from "../base/index.js";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** Bytes of the file up to here, line break included. */
  readonly end: number;
  /** False for a last line without a line break. */
  readonly isWhole: boolean;
}

const lineFeed = 0x0a;

interface ReadLinesOptions {
  /** Byte of the file to begin at; lines are counted from there. Default 0. */
  readonly start?: number;
  /** "latin1": a character for each byte, so that different bytes never look alike. Default "utf8". */
  readonly encoding?: "utf8" | "latin1";
}

/** @throws `not_found`, `io`, `too_large` naming the line. */
export async function* readLines(
  path: string,
  maxBytes: number,
  { start: from = 0, encoding = "utf8" }: ReadLinesOptions = {},
): AsyncGenerator<Line> {
  let number = 1;
  let end = from;
  let parts: Buffer[] = [];
  let numBytes = 0;
  const line = (isWhole: boolean): Line => {
    const text = Buffer.concat(parts).toString(encoding);
    const mayBeMarked = number === 1 && from === 0 && encoding === "utf8";
    return { number: number++, text: mayBeMarked ? text.replace(/^\ufeff/, "") : text, end, isWhole };
  };
  for await (const chunk of chunksOf(path, from)) {
    for (let start = 0; start < chunk.length; ) {
      const found = chunk.indexOf(lineFeed, start);
      const part = chunk.subarray(start, found < 0 ? chunk.length : found);
      start += part.length + (found < 0 ? 0 : 1);
      end += part.length + (found < 0 ? 0 : 1);
      numBytes += part.length;
      if (numBytes > maxBytes)
        throw new OcellusError("too_large", `${path}:${number}: the line has more than ${maxBytes} bytes`, {
          details: { path, line: number, limit: maxBytes },
        });
      parts.push(part);
      if (found < 0) continue;
      yield line(true);
      parts = [];
      numBytes = 0;
    }
  }
  if (numBytes > 0) yield line(false);
}

async function* chunksOf(path: string, start: number): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { start }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw ioError("read", path, cause);
  }
}
