/**
 * Ids one at a time → pieces of text that never end inside a character. All pieces joined are `decode` of all ids.
 * A character is a code point: a sign that several code points make up (a family emoji) may come in several pieces.
 */
import { type DecodeOptions, type Tokenizer, utf8Decoder } from "./tokenizer.js";

interface Pieces {
  push(id: number): string;
  flush(): string;
}

export class StreamDecoder {
  readonly #pieces: Pieces;
  readonly #skipped: ReadonlySet<number>;

  /** @param options `keep`: special tokens that are not skipped */
  constructor(
    tokenizer: Tokenizer,
    { skipSpecialTokens = true, keep = [] }: DecodeOptions & { readonly keep?: readonly string[] } = {},
  ) {
    this.#pieces = tokenizer.bytesOf ? bytePieces(tokenizer.bytesOf) : windowPieces(tokenizer);
    const skipped = [...tokenizer.specialTokens].filter(([token]) => skipSpecialTokens && !keep.includes(token));
    this.#skipped = new Set(skipped.map(([, id]) => id));
  }

  /** The text that has become certain with this id; often empty in the middle of a character. */
  push(id: number): string {
    return this.#skipped.has(id) ? "" : this.#pieces.push(id);
  }

  /** What is left at the end: U+FFFD for an unfinished character. The decoder can then be used for another text. */
  flush(): string {
    return this.#pieces.flush();
  }
}

/** Byte-level: the bytes of the tokens through one UTF-8 decoder, which holds back what is unfinished. */
function bytePieces(bytesOf: (id: number) => Uint8Array): Pieces {
  const utf8 = utf8Decoder();
  return { push: (id) => utf8.decode(bytesOf(id), { stream: true }), flush: () => utf8.decode() };
}

/**
 * Other vocabularies: the text of an id depends on its neighbours (spaces, byte fallback), so a window is decoded with
 * and without the new ids and the difference is given out. The window starts at ids whose text is out already.
 */
function windowPieces(tokenizer: Tokenizer): Pieces {
  const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: false });
  let known: number[] = [];
  let fresh: number[] = [];
  const take = () => {
    const piece = decode([...known, ...fresh]).slice(decode(known).length);
    known = fresh;
    fresh = [];
    return piece;
  };
  return {
    push(id) {
      fresh.push(id);
      const maxHeld = 64; // a model stuck in broken bytes must not make the window, and the time, grow without end
      return decode(fresh).endsWith("\ufffd") && fresh.length < maxHeld ? "" : take();
    },
    flush() {
      const piece = fresh.length > 0 ? take() : "";
      known = [];
      return piece;
    },
  };
}
