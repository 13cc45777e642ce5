/**
 * Spellings that hide a number or an address: full-width, circled, mathematical and other decimal digits, keycaps, dashes of
 * all widths, middle dots, characters without width, `(at)` and `[dot]`. Digits are those of Unicode's category Nd and the
 * enclosed, raised and lowered ones.
 */

/** Stands for what has no width, so that a folded text is as long as the text. */
const noWidth = "\u200b";

let units: Uint16Array | undefined;

function foldedUnits(): Uint16Array {
  const table = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);
  const fold = (to: string, ...from: number[]) => {
    for (const unit of from) table[unit] = to.charCodeAt(0);
  };
  for (let unit = 0xff01; unit <= 0xff5e; unit++) table[unit] = unit - 0xfee0;
  fold(" ", 0xa0, 0x3000, 0x202f, 0x205f, ...range(0x2000, 0x200a));
  fold("-", ...range(0x2010, 0x2015), 0x2212, 0xfe58, 0xfe63);
  fold(".", 0xb7, 0x2022, 0x2219, 0x22c5, 0x30fb, 0xff65);
  fold(noWidth, 0xad, 0x61c, 0x180e, 0x20e3, 0xfe0e, 0xfe0f, 0xfeff);
  fold(noWidth, ...range(0x200b, 0x200f), ...range(0x202a, 0x202e), ...range(0x2060, 0x2064));
  for (const zero of decimalZeros()) for (let i = 0; i < 10; i++) table[zero + i] = 0x30 + i;
  for (const one of [0x2460, 0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a])
    for (let i = 1; i < 10; i++) table[one + i - 1] = 0x30 + i;
  for (let i = 4; i < 10; i++) table[0x2070 + i] = 0x30 + i;
  for (const [unit, digit] of Object.entries({ "\u2070": 0, "¹": 1, "²": 2, "³": 3, "⓪": 0, "⓿": 0 }))
    table[unit.charCodeAt(0)] = 0x30 + digit;
  return table;
}

/** Of the digits of each script: ten in a row. */
function decimalZeros(): number[] {
  const isDigit = (unit: number) => /\p{Nd}/u.test(String.fromCharCode(unit));
  return [0x2080, ...range(0x100, 0xd7ff).filter((unit) => isDigit(unit) && !isDigit(unit - 1))];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Mathematical digits (1D7CE, five alphabets) and segmented ones (1FBF0), each two units long. */
function astralDigit(low: number, high: number): number | undefined {
  const codePoint = (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
  if (codePoint >= 0x1d7ce && codePoint <= 0x1d7ff) return (codePoint - 0x1d7ce) % 10;
  if (codePoint >= 0x1fbf0 && codePoint <= 0x1fbf9) return codePoint - 0x1fbf0;
  return undefined;
}

/** The text in plain letters, digits and signs, unit for unit: places stay where they are. */
export function folded(text: string): string {
  units ??= foldedUnits();
  const out = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    out[i] = units[unit]!;
    const high = i > 0 ? text.charCodeAt(i - 1) : 0;
    if (unit < 0xdc00 || unit > 0xdfff || high < 0xd800 || high > 0xdbff) continue;
    const digit = astralDigit(unit, high);
    if (digit === undefined) continue;
    out[i - 1] = 0x30 + digit;
    out[i] = noWidth.charCodeAt(0);
  }
  return stringOf(out);
}

function stringOf(out: Uint16Array): string {
  const parts: string[] = [];
  for (let at = 0; at < out.length; at += 8192) parts.push(String.fromCharCode(...out.subarray(at, at + 8192)));
  return parts.join("");
}

/** A part of a folded text without what has no width, and with `@` and `.` for their words. */
export class Compact {
  readonly text: string;
  /** Where each of its units, and its end, is in the part. */
  readonly #places: number[] = [];

  constructor(part: string) {
    let text = "";
    let at = 0;
    const take = (to: number) => {
      for (; at < to; at++) {
        if (part[at] === noWidth) continue;
        text += part[at];
        this.#places.push(at);
      }
    };
    for (const { index, 0: word } of part.matchAll(/ ?[([{](?:at|dot)[)\]}] ?/gi)) {
      take(index);
      text += /at/i.test(word) ? "@" : ".";
      this.#places.push(at);
      at = index + word.length;
    }
    take(part.length);
    this.text = text;
    this.#places.push(part.length);
  }

  start(at: number): number {
    return this.#places[at]!;
  }

  /** Behind the unit before `at`, and what has no width there: the other half of a digit, or a keycap's frame. */
  end(at: number): number {
    return this.#places[at]!;
  }
}
