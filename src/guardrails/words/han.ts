/** What is known of a Chinese character: how it is read, and which two characters side by side look like it. */
import { firstReadings, furtherReadings, readingNames } from "./data/readings.js";
import { splitTriples } from "./data/splits.js";

const first = 0x4e00; // the block "CJK Unified Ideographs", which the tables cover
const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const numberAt = (text: string, at: number) => digits.indexOf(text[at]!) * 62 + digits.indexOf(text[at + 1]!);

export interface Readings {
  /** By UTF-16 unit: the number of the syllable of its likeliest reading; 0 for none. */
  readonly syllable: Uint16Array;
  /** By syllable number: its letters, 1 to 26, without tone. */
  readonly letters: readonly Uint8Array[];
  /** All readings, tone included, of a character that has one. */
  of(unit: number): readonly Reading[];
  /** The syllables of `of`, each once. */
  syllablesOf(unit: number): readonly number[];
  shareReading(a: number, b: number): boolean;
}

export interface Reading {
  readonly syllable: number;
  /** 1 to 4; 5 without one. */
  readonly tone: number;
}

let read: Readings | undefined;

export function hanReadings(): Readings {
  read ??= readTables();
  return read;
}

function readTables(): Readings {
  const names = readingNames.split(" ");
  const syllables = ["", ...new Set(names.map((name) => name.slice(0, -1)))];
  const numbers = new Map(syllables.map((name, i) => [name, i]));
  const readings = names.map((name) => ({ syllable: numbers.get(name.slice(0, -1))!, tone: Number(name.at(-1)) }));
  const syllable = new Uint16Array(0x10000);
  const byUnit = new Map<number, Reading[]>();
  for (let i = 0; i < firstReadings.length; i += 2) {
    const number = numberAt(firstReadings, i);
    if (number === 0) continue;
    const reading = readings[number - 1]!;
    syllable[first + i / 2] = reading.syllable;
    byUnit.set(first + i / 2, [reading]);
  }
  for (let i = 0; i < furtherReadings.length; i += 3)
    byUnit.get(furtherReadings.charCodeAt(i))!.push(readings[numberAt(furtherReadings, i + 1) - 1]!);
  const bySyllable = new Map([...byUnit].map(([unit, list]) => [unit, [...new Set(list.map((r) => r.syllable))]]));
  const of = (unit: number): readonly Reading[] => byUnit.get(unit) ?? [];
  return {
    syllable,
    letters: syllables.map((name) => Uint8Array.from(name, (letter) => letter.charCodeAt(0) - 96)),
    of,
    syllablesOf: (unit) => bySyllable.get(unit) ?? [],
    shareReading: (a, b) => of(a).some((x) => of(b).some((y) => x.syllable === y.syllable && x.tone === y.tone)),
  };
}

/** Radicals as they stand beside another part, and the character they come from. */
const standing = "亻人氵水扌手忄心讠言钅金饣食纟丝刂刀犭犬礻示衤衣牜牛王玉";

/** UTF-16 unit → its left and its right part, as `fold` makes them; radicals count as the characters they come from. */
export function splitParts(fold: (unit: number) => number): Map<number, readonly [number, number]> {
  const parts = new Map<number, readonly [number, number]>();
  for (let i = 0; i < splitTriples.length; i += 3) {
    const [left, right] = [part(splitTriples[i + 1]!), part(splitTriples[i + 2]!)];
    const whole = fold(splitTriples.charCodeAt(i));
    if (whole >= 128) parts.set(whole, [fold(left), fold(right)]); // 捌 counts as the digit it is
  }
  for (const whole of parts.keys()) if (depthOf(parts, whole) > deepest) parts.delete(whole);
  return parts;
}

/** A character within its own half, after folding, would be divided forever; real ones are four deep at most. */
const deepest = 4;

function depthOf(parts: ReadonlyMap<number, readonly [number, number]>, whole: number, depth = 0): number {
  const halves = depth > deepest ? undefined : parts.get(whole);
  return halves ? Math.max(...halves.map((half) => depthOf(parts, half, depth + 1))) : depth;
}

function part(character: string): number {
  return wholeForm(character.charCodeAt(0));
}

const whole = new Map(
  Array.from({ length: standing.length / 2 }, (_, i) => [standing.charCodeAt(2 * i), standing.charCodeAt(2 * i + 1)]),
);

/** 亻 → 人; any other unit as it is. */
export function wholeForm(unit: number): number {
  return whole.get(unit) ?? unit;
}
