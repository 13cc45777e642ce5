/**
 * The last characters a scanner has read, in rings of typed arrays: no object a character. Separators and invisible
 * characters are not in it; what is known of them is the gap before the character that follows.
 */
import { kinds } from "./folding.js";

/** The longest word has 64 characters, and a run of one is kept to 16: see compile.ts. */
const capacity = 2 ** 11;
const mask = capacity - 1;

/**
 * Of several signs in one gap, a space counts before an odd one, that before a quotation mark or bracket, and that before others; many signs, or the end of a line that
 * holds one character, are a wide gap.
 */
export const gaps = { none: 0, separator: 1, quote: 2, odd: 3, space: 4, wide: 5, break: 6 } as const;

export class Window {
  readonly #symbol = new Uint16Array(capacity);
  readonly #character = new Uint16Array(capacity);
  readonly #kind = new Uint8Array(capacity);
  readonly #gap = new Uint8Array(capacity);
  readonly #letter = new Uint8Array(capacity);
  readonly #start = new Int32Array(capacity);
  readonly #end = new Int32Array(capacity);
  /** Number of the next character. */
  size = 0;
  /** Of the character that stands right behind the last one, while it is not yet in here; 0 at a gap, a break or the end. */
  nextKind: number = kinds.break;
  nextCharacter = 0;

  append(
    symbol: number,
    character: number,
    kind: number,
    gap: number,
    letter: number,
    start: number,
    end: number,
  ): void {
    const at = this.size++ & mask;
    this.#symbol[at] = symbol;
    this.#character[at] = character;
    this.#kind[at] = kind;
    this.#gap[at] = gap;
    this.#letter[at] = letter;
    this.#start[at] = start;
    this.#end[at] = end;
  }

  /** The last character goes on to here. */
  extend(end: number): void {
    this.#end[(this.size - 1) & mask] = end;
  }

  symbol(i: number): number {
    return this.#symbol[i & mask]!;
  }
  character(i: number): number {
    return this.#character[i & mask]!;
  }
  kind(i: number): number {
    return this.#kind[i & mask]!;
  }
  /** What lies between this character and the one before it. */
  gap(i: number): number {
    return this.#gap[i & mask]!;
  }
  letter(i: number): number {
    return this.#letter[i & mask]!;
  }
  start(i: number): number {
    return this.#start[i & mask]!;
  }
  end(i: number): number {
    return this.#end[i & mask]!;
  }
  has(i: number): boolean {
    return i >= 0 && i > this.size - capacity;
  }
}
