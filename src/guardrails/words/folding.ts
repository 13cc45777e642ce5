/**
 * How characters are made alike before they are compared: one table lookup a character, made once for a set of switches.
 * `symbol` is what a character counts as; `coarse` puts together what leetspeak confuses, so that one automaton finds
 * candidates, which verify-shape.ts then checks character by character. Facts: Unicode NFKD and general categories
 * (of the JavaScript engine), Unihan (data/), and the small lists below.
 */
import { simplifiedPairs } from "../../core/base/index.js";
import { latinLookalikes, rareLookalikes } from "./data/lookalikes.js";

/** In the order in which docs/guards-words.md explains them. */
export const foldings = [
  ...(["width", "case", "invisible", "script", "digits", "lookalikes"] as const),
  ...(["repeats", "separators", "split", "pinyin", "homophones", "leet"] as const),
] as const;
export type Folding = (typeof foldings)[number];

/** Each switch is on unless it is false. */
export type FoldingOptions = { readonly [F in Folding]?: boolean };
export type Switches = { readonly [F in Folding]: boolean };

function switchesOf(options: FoldingOptions): Switches {
  return Object.fromEntries(foldings.map((name) => [name, options[name] !== false])) as Switches;
}

/** What a character is to the scanner. */
export const kinds = {
  ...{ break: 0, separator: 1, space: 2, odd: 3, quote: 4, invisible: 5 },
  ...{ latin: 6, digit: 7, other: 8, leet: 9 },
} as const;

export interface FoldingTables {
  readonly switches: Switches;
  /** By UTF-16 unit: a value of `kinds`. */
  readonly kind: Uint8Array;
  /** By UTF-16 unit: the folded unit; below 128 for Latin letters, digits and leet signs only. */
  readonly symbol: Uint16Array;
  /** By UTF-16 unit: simplified, but a numeral stays a character: what is looked up for its reading. */
  readonly character: Uint16Array;
  /** By symbol: the class that stands for it in the automaton. */
  readonly coarse: Uint16Array;
  /** By UTF-16 unit: 1 to 26 for a letter of pinyin (ü is v), else 0. */
  readonly letter: Uint8Array;
}

const size = 0x10000;
const code = (character: string) => character.charCodeAt(0);
const pairsOf = (text: string) =>
  Array.from({ length: text.length / 2 }, (_, i) => [text.charCodeAt(2 * i), text.charCodeAt(2 * i + 1)] as const);

/** Between these no word continues; a comma or a full stop of ASCII is but a separator. */
const breaks = /[\n\r。！？；：，、…?;]/u;
const space = /[\s\u3000]/u;
/** Signs that ordinary texts do not set between Chinese characters: also emoji, see foldAstral. */
const odd = /[*_#|+=\p{So}\p{Sk}]/u;
/** Quotation marks and brackets: ordinary texts set them within what is a word of the list, around a part of it. */
const quote = /["'\p{Ps}\p{Pe}\p{Pi}\p{Pf}]/u;
/** Cf: zero width, direction marks, soft hyphen; M: combining; the last: fillers that show as nothing. */
const invisible = /[\p{Cf}\p{M}\u115f\u1160\u3164\uffa0]|(?![\t\n\r])\p{Cc}/u;
/** Co: private use, where compile.ts puts the rare characters of its rules. */
const wordCharacter = /[\p{L}\p{N}\p{Co}]/u;

/** Numerals of one digit; 两 and 十 are left out, being more than a way to write a digit. */
const numerals = ["〇零", "一壹弌", "二贰弍", "三叁弎", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"];

/** Letters that look like a Latin one and are not in Unicode's table. */
const furtherLookalikes = "aᗩ bвβⲂ cᏨ dɗ eε hн iᏆ kк mм nпηᏁ oᎾᎤ sᔕ tт uцᏌ vν wшω xχ"; // Cherokee by eye

/** Letter → the signs that stand for it. */
const leetSigns: Readonly<Record<string, string>> = {
  ...{ a: "4@", b: "8", e: "3€", g: "96", i: "1!|", l: "1!|", o: "0", s: "5$", t: "7", z: "2" },
};
const leetClass: Readonly<Record<string, string>> = { l: "i" };

const signs = new Map<number, string>();
for (const [letter, list] of Object.entries(leetSigns))
  for (const sign of list) signs.set(code(sign), (signs.get(code(sign)) ?? "") + letter);

/** Whether the sign may stand for the letter; both are symbols. */
export function isLeetFor(sign: number, letter: number): boolean {
  return signs.get(sign)?.includes(String.fromCharCode(letter)) === true;
}

const made = new Map<string, FoldingTables>();

/** The tables of these switches; remembered, since there are few sets in use. Takes some 60 ms the first time. */
export function foldingTables(options: FoldingOptions): FoldingTables {
  const switches = switchesOf(options);
  const key = foldings.map((name) => Number(switches[name])).join("");
  const tables = made.get(key) ?? makeTables(switches);
  made.set(key, tables);
  return tables;
}

function makeTables(switches: Switches): FoldingTables {
  const tables = {
    switches,
    kind: new Uint8Array(size),
    symbol: new Uint16Array(size),
    character: new Uint16Array(size),
    coarse: Uint16Array.from({ length: size }, (_, i) => i),
    letter: new Uint8Array(size),
  };
  const direct = directFolds(switches);
  for (let unit = 0; unit < size; unit++) foldUnit(unit, tables, direct);
  if (switches.leet) {
    for (const [sign, letters] of signs) tables.coarse[sign] = code(leetClass[letters[0]!] ?? letters[0]!);
    for (const [letter, other] of Object.entries(leetClass)) tables.coarse[code(letter)] = code(other);
  }
  return tables;
}

interface DirectFolds {
  readonly simplified: ReadonlyMap<number, number>;
  readonly numerals: ReadonlyMap<number, number>;
  readonly lookalikes: ReadonlyMap<number, number>;
}

function directFolds(switches: Switches): DirectFolds {
  const map = (isOn: boolean, entries: (readonly [number, number])[]) => new Map(isOn ? entries : []);
  const digits = numerals.flatMap((same, digit) => [...same].map((c) => [code(c), 48 + digit] as const));
  const latin = `${furtherLookalikes} ${latinLookalikes}`
    .split(" ")
    .flatMap(([letter, ...same]) => same.map((c) => [code(c), code(letter!)] as const));
  return {
    simplified: map(switches.script, pairsOf(simplifiedPairs)),
    numerals: map(switches.digits, digits),
    lookalikes: map(switches.lookalikes, [...latin, ...pairsOf(rareLookalikes)]),
  };
}

function foldUnit(unit: number, tables: FoldingTables, direct: DirectFolds): void {
  const { switches } = tables;
  const raw = String.fromCharCode(unit);
  if (unit >= 0xd800 && unit <= 0xdfff) return; // surrogates: see foldAstral
  if (invisible.test(raw)) {
    tables.kind[unit] = switches.invisible ? kinds.invisible : kinds.break;
    return;
  }
  const base = baseOf(raw, switches);
  const like = direct.lookalikes.get(code(base)) ?? direct.lookalikes.get(code(base.toLowerCase())) ?? code(base);
  const cased = switches.case ? lowerOf(like) : like;
  const character = direct.simplified.get(cased) ?? cased;
  const symbol = direct.numerals.get(character) ?? otherDigit(character, switches) ?? character;
  tables.character[unit] = character;
  tables.symbol[unit] = symbol;
  tables.kind[unit] = kindOf(symbol, raw, switches);
  const lower = symbol | 32;
  if (tables.kind[unit] === kinds.latin) tables.letter[unit] = /[üǖǘǚǜÜǕǗǙǛ]/.test(raw) ? 22 : lower - 96;
}

/** Without what NFKD knows as a way of writing (full-width, circled, accents), when one character is left. */
function baseOf(raw: string, { width, invisible: marks }: Switches): string {
  const form = width ? "NFKD" : marks ? "NFD" : undefined;
  if (form === undefined || !wordOrSymbol.test(raw)) return raw;
  const kept = raw.normalize(form).replace(marks ? /[\p{M}().]/gu : /[().]/g, "");
  return kept.length === 1 && wordCharacter.test(kept) ? kept : raw;
}
const wordOrSymbol = /[\p{L}\p{N}\p{So}]/u;

function lowerOf(unit: number): number {
  const lower = String.fromCharCode(unit).toLowerCase();
  return lower.length === 1 ? code(lower) : unit;
}

/** Digits of other scripts: blocks of ten, zero first. */
function otherDigit(unit: number, { digits }: Switches): number | undefined {
  if (!digits || unit < 128 || !/\p{Nd}/u.test(String.fromCharCode(unit))) return undefined;
  let zero = unit;
  while (/\p{Nd}/u.test(String.fromCharCode(zero - 1)) && unit - zero < 9) zero--;
  return 48 + unit - zero;
}

function kindOf(symbol: number, raw: string, switches: Switches): number {
  const folded = String.fromCharCode(symbol);
  if (/[a-z]/i.test(folded)) return kinds.latin;
  if (/[0-9]/.test(folded)) return kinds.digit;
  if (switches.leet && signs.has(symbol)) return kinds.leet;
  if (wordCharacter.test(folded)) return kinds.other;
  if (breaks.test(raw)) return kinds.break;
  if (space.test(raw)) return kinds.space;
  if (odd.test(raw)) return kinds.odd;
  return quote.test(raw) ? kinds.quote : kinds.separator;
}

/** Where the letters in black circles and black squares begin, of which Unicode does not say what they are made of. */
const negativeLetters = [0x1f150, 0x1f170];

/**
 * A character beyond the first plane as a UTF-16 unit that folds alike: mathematical letters and digits to themselves,
 * variation selectors to an invisible one, emoji to a separator; undefined for what is written with it, such as rare Chinese.
 */
export function foldAstral(codePoint: number): number | undefined {
  for (const first of negativeLetters) if (codePoint >= first && codePoint < first + 26) return 97 + codePoint - first;
  const text = String.fromCodePoint(codePoint);
  const plain = text.normalize("NFKD");
  if (plain.length === 1) return code(plain);
  if (invisible.test(text)) return 0x200b;
  return wordCharacter.test(text) ? undefined : 0x2a;
}
