/** A response's body in pieces of known lengths. */
import { OcellusError } from "../../base/index.js";

export class PieceReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #heard: () => void;
  #rest: Uint8Array = new Uint8Array(0);

  /** @param heard called whenever something arrived. */
  constructor(body: ReadableStream<Uint8Array> | null, heard: () => void) {
    this.#chunks = chunksOf(body);
    this.#heard = heard;
  }

  /** @param onBytes called with the bytes that each chunk adds to the piece. @throws `io` when the body ends before. */
  async piece(
    sizeBytes: number,
    name: string,
    onBytes: (bytes: number) => void = () => {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(sizeBytes);
    let done = 0;
    while (done < sizeBytes) {
      const chunk = await this.#next(name);
      if (!chunk) throw new OcellusError("io", `${name}: the connection ended ${sizeBytes - done} bytes early`);
      const taken = chunk.subarray(0, sizeBytes - done);
      bytes.set(taken, done);
      done += taken.length;
      onBytes(taken.length);
      this.#rest = chunk.subarray(taken.length);
    }
    return bytes;
  }

  /** @throws `invalid_file` when there is more. */
  async expectEnd(name: string): Promise<void> {
    if (!(await this.#next(name))) return;
    throw new OcellusError("invalid_file", `${name}: the server sends more bytes than packed.json describes`, {
      details: { file: name },
    });
  }

  async #next(name: string): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next().catch((cause: Error) => {
        throw new OcellusError("io", `${name}: the connection broke off: ${cause.message}`, { cause });
      });
      if (done) return undefined;
      this.#heard();
      this.#rest = value;
    }
    return this.#rest;
  }
}

/** Safari's streams are not iterable. What is not read to its end is cancelled. */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done || !value) return;
      yield value;
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}
