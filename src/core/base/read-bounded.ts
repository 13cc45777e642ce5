/** Bytes that come from outside, piece by piece and within a bound: bodies of requests and answers, standard input. */
import { OcellusError } from "./error.js";

export interface Bound {
  /** What is read, for messages: "the body". */
  readonly what: string;
  readonly maxBytes: number;
  /** What to try when it is longer. */
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

interface ReadBoundedOptions extends Bound {
  /** The length that the sender states, as a header has it: refused before anything is read. */
  readonly statedBytes?: string | null | undefined;
  /** Called with the length of each piece that fits; may throw. */
  readonly onBytes?: ((numBytes: number) => void) | undefined;
}

type Pieces = AsyncIterable<Uint8Array | string> | null | undefined;

/** The same as text. @throws as `readBounded`. */
export async function readBoundedText(pieces: Pieces, options: ReadBoundedOptions): Promise<string> {
  return new TextDecoder().decode(await readBounded(pieces, options));
}

/** However the reading ends, `pieces` are closed. @throws `too_large`, what `pieces` and `onBytes` throw. */
export async function readBounded(pieces: Pieces, options: ReadBoundedOptions): Promise<Uint8Array<ArrayBuffer>> {
  checkBytes(Number(options.statedBytes ?? 0), options);
  const chunks: Uint8Array[] = [];
  let numBytes = 0;
  for await (const piece of pieces ?? []) {
    const chunk = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    numBytes += chunk.length;
    checkBytes(numBytes, options);
    options.onBytes?.(chunk.length);
    chunks.push(chunk);
  }
  return joined(chunks, numBytes);
}

/** @throws `too_large`. */
export function checkBytes(numBytes: number, { what, maxBytes, hint, details }: Bound): void {
  if (numBytes <= maxBytes) return;
  const message = `${what}: at least ${numBytes} bytes, at most ${maxBytes} are read`;
  throw new OcellusError("too_large", hint ? `${message}; ${hint}` : message, {
    details: { ...details, numBytes, maxBytes },
  });
}

function joined(chunks: readonly Uint8Array[], numBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(numBytes);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
