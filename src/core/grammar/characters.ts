/**
 * Sets of code points, and how they are written: as UTF-8, and inside a JSON string. Surrogates are in no set, so that
 * every string is well-formed text.
 */
import type { Expression, Expressions } from "./expression.js";

/** Ranges of code points, both ends included, ascending and apart. */
export type Characters = readonly (readonly [number, number])[];

const last = 0x10ffff;

export function characters(ranges: Iterable<readonly [number, number]>): Characters {
  const joined: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous && low <= previous[1] + 1) previous[1] = Math.max(previous[1], high);
    else joined.push([low, high]);
  }
  return joined;
}

export function complement(set: Characters): Characters {
  const starts = [0, ...set.map(([, high]) => high + 1)];
  const ends = [...set.map(([low]) => low - 1), last];
  return starts.flatMap((low, i) => (low <= ends[i]! ? [[low, ends[i]!] as const] : []));
}

function intersection(a: Characters, b: Characters): Characters {
  return a.flatMap(([low, high]) =>
    b.flatMap(([from, to]) => (low <= to && from <= high ? [[Math.max(low, from), Math.min(high, to)] as const] : [])),
  );
}

const surrogates: Characters = [[0xd800, 0xdfff]];
export const anyCharacter = complement(surrogates);

/** Control characters, the quotation mark and the backslash: JSON writes them with a backslash. [RFC 8259, 7] */
const escaped: Characters = [
  [0x00, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];
const shortEscapes: Readonly<Record<number, string>> = {
  8: "b",
  9: "t",
  10: "n",
  12: "f",
  13: "r",
  34: '"',
  92: "\\",
};

/** One character of the set as JSON.stringify writes it inside a string: one spelling for each. */
export function jsonCharacter(of: Expressions, set: Characters): Expression {
  const plain = intersection(set, intersection(anyCharacter, complement(escaped)));
  const special = intersection(set, escaped).flatMap(([low, high]) =>
    Array.from({ length: high - low + 1 }, (_, i) => low + i),
  );
  return of.choice([
    ...plain.flatMap((range) => utf8(of, range)),
    ...special.map((code) => of.text(`\\${shortEscapes[code] ?? `u${code.toString(16).padStart(4, "0")}`}`)),
  ]);
}

/** One character in any of JSON's spellings; a pair of escaped surrogates counts as the one character that it is. */
export function anyJsonCharacter(of: Expressions): Expression {
  const hex = (first: string, second = "0123456789abcdefABCDEF") =>
    of.sequence(of.oneOf(first), of.oneOf(second), ...[0, 0].map(() => of.oneOf("0123456789abcdefABCDEF")));
  const unit = of.choice([hex("0123456789abcefABCEF"), hex("dD", "01234567")]);
  const high = hex("dD", "89abAB");
  const low = hex("dD", "cdefCDEF");
  const afterBackslash = of.choice([
    of.oneOf('"\\/bfnrt'),
    of.sequence(of.text("u"), of.choice([unit, of.sequence(high, of.text("\\u"), low)])),
  ]);
  const plain = intersection(anyCharacter, complement(escaped)).flatMap((range) => utf8(of, range));
  return of.choice([...plain, of.sequence(of.text("\\"), afterBackslash)]);
}

/** The UTF-8 of each code point of a range, which holds no surrogate. */
function utf8(of: Expressions, [low, high]: readonly [number, number]): Expression[] {
  const ends = [0x7f, 0x7ff, 0xffff, last];
  const inBand = (end: number, i: number): Expression[] => {
    const [from, to] = [Math.max(low, i === 0 ? 0 : ends[i - 1]! + 1), Math.min(high, end)];
    return from <= to ? [between(of, encode(from), encode(to))] : [];
  };
  return ends.flatMap(inBand);
}

function encode(code: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(code))];
}

/** All sequences of as many bytes from `low` to `high` in the order of bytes; from the second on, bytes are 80 to bf. */
function between(of: Expressions, [a, ...low]: number[], [b, ...high]: number[]): Expression {
  if (low.length === 0) return of.range(a!, b!);
  if (a === b) return of.sequence(of.range(a!, a!), between(of, low, high));
  const least = low.map(() => 0x80);
  const most = low.map(() => 0xbf);
  const from = low.every((byte) => byte === 0x80) ? a! : a! + 1;
  const to = high.every((byte) => byte === 0xbf) ? b! : b! - 1;
  return of.choice([
    ...(from > a! ? [of.sequence(of.range(a!, a!), between(of, low, most))] : []),
    ...(from <= to ? [of.sequence(of.range(from, to), between(of, least, most))] : []),
    ...(to < b! ? [of.sequence(of.range(b!, b!), between(of, least, high))] : []),
  ]);
}
