/**
 * Rules → what the scanner runs: the folded words end to end in typed arrays, one automaton of shapes and one of sounds.
 * A shape: runs of one character are one symbol, what leetspeak confuses is one class, a character that can be written as
 * two side by side is those two. A sound: the letters of pinyin.
 */
import { OcellusError } from "../../core/base/index.js";
import { commonLookalikes } from "./data/lookalikes.js";
import { type FoldingTables, foldAstral, kinds } from "./folding.js";
import { hanReadings, splitParts, wholeForm } from "./han.js";
import type { WordRule } from "./rule.js";
import { type DenseAutomaton, denseAutomaton, SparseAutomaton, Trie } from "./trie.js";

/** Longer is a sentence, not a word; the scanner's rings hold this many characters at their longest. */
const maxWordLength = 64;
/** A run of one character is kept to this length, in words and in texts. */
export const longestRun = 16;
/** A word with many ambiguous characters is read in this many ways at most. */
const maxWays = 4;
/** Symbols of a sound: none, a to z. */
export const soundWidth = 27;

export interface Rules {
  readonly rules: readonly WordRule[];
  /** Rule → where its characters begin in `symbols` and `characters`; one more at the end. */
  readonly starts: Int32Array;
  readonly symbols: Uint16Array;
  readonly characters: Uint16Array;
  /** 1 where the rule's own text has a gap before the character. */
  readonly gapBefore: Uint8Array;
  /** Rule → 1: may begin within a Latin word; 2: may end within one; 4: allows rather than forbids. */
  readonly flags: Uint8Array;
  /** Rule → which of its characters is a look-alike of the word's own; -1 for none. */
  readonly nearAt: Int8Array;
}

export const flagBits = { openStart: 1, openEnd: 2, allow: 4 } as const;

export interface Compiled {
  readonly tables: FoldingTables;
  readonly rules: Rules;
  /** Some rule may begin within a Latin word. */
  readonly anyOpenStart: boolean;
  /** Its patterns are numbered as the rules. */
  readonly shapes: SparseAutomaton;
  readonly sounds: Sounds | undefined;
  readonly parts: ReadonlyMap<number, readonly [number, number]>;
  /** By symbol: the symbols of its shape when it is none of `divided`, else its place there. */
  readonly shape: Uint16Array;
  readonly isDivided: Uint8Array;
  readonly divided: readonly Uint16Array[];
  /** Characters beyond the first plane that some rule holds → the unit that stands for them. */
  readonly astral: ReadonlyMap<number, number>;
}

export interface Sounds {
  readonly automaton: DenseAutomaton;
  /** Pattern → its rule, and where its syllables begin in `syllables` (one for each character). */
  readonly rule: Int32Array;
  readonly starts: Int32Array;
  readonly syllables: Uint16Array;
}

/** @throws `invalid_request` for a word without a letter, a digit or a character, and for one that is too long. */
export function compile(rules: readonly WordRule[], allow: readonly string[], tables: FoldingTables): Compiled {
  const all: Entry[] = [
    ...rules.map((rule) => ({ text: rule.word, rule, nearAt: -1 })),
    ...allow.map((word) => ({ text: word, rule: { word, category: "allow" }, nearAt: -1 })),
  ];
  if (tables.switches.lookalikes) all.push(...rules.flatMap(lookalikesOf));
  const astral = new Map<number, number>();
  const folded = foldRules(all, [rules.length, rules.length + allow.length], tables, astral);
  const parts: Compiled["parts"] = tables.switches.split ? splitParts((unit) => tables.symbol[unit]!) : new Map();
  const divisions = divide(tables, parts);
  const shapes = new Trie();
  for (let rule = 0; rule < all.length; rule++) shapes.add(shapeOf(folded, rule, tables.coarse, divisions));
  const { pinyin, homophones } = tables.switches;
  return {
    tables,
    rules: folded,
    anyOpenStart: folded.flags.some((f) => f & flagBits.openStart),
    shapes: new SparseAutomaton(shapes),
    sounds: pinyin || homophones ? soundsOf(folded, rules.length) : undefined,
    parts,
    ...divisions,
    astral,
  };
}

type Divisions = Pick<Compiled, "shape" | "isDivided" | "divided">;

/** 蝴 is 虫 and 胡, which is 古 and 月: whatever of it is written apart, its shape is the same. */
function divide({ coarse }: FoldingTables, parts: Compiled["parts"]): Divisions {
  const shape = coarse.map((_, symbol) => coarse[wholeForm(symbol)]!);
  const isDivided = new Uint8Array(shape.length);
  const smallest = (symbol: number): number[] => parts.get(symbol)?.flatMap(smallest) ?? [shape[symbol]!];
  const divided = [...parts.keys()].map((symbol) => Uint16Array.from(smallest(symbol)));
  for (const [i, symbol] of [...parts.keys()].entries()) {
    isDivided[symbol] = 1;
    shape[symbol] = i;
  }
  return { shape, isDivided, divided };
}

/** A rule as it is looked for. */
interface Entry {
  readonly text: string;
  readonly rule: WordRule;
  readonly nearAt: number;
}

const near = new Map<string, string[]>();
for (let i = 0; i < commonLookalikes.length; i += 2) {
  const [a, b] = [commonLookalikes[i]!, commonLookalikes[i + 1]!];
  near.set(a, [...(near.get(a) ?? []), b]);
  near.set(b, [...(near.get(b) ?? []), a]);
}
/** Of one word: its characters have one or two look-alikes each. */
const maxLookalikes = 8;

/** A Chinese word of two characters or more with one of them written as a common one that looks like it. */
function lookalikesOf(rule: WordRule): Entry[] {
  const { word } = rule;
  if (!/^\p{sc=Han}{2,64}$/u.test(word)) return [];
  const entries = Array.from(word).flatMap((c, at) =>
    (near.get(c) ?? []).map((like) => ({ text: word.slice(0, at) + like + word.slice(at + 1), rule, nearAt: at })),
  );
  return entries.slice(0, maxLookalikes);
}

function foldRules(
  all: readonly Entry[],
  [firstAllowed, endAllowed]: readonly [number, number],
  tables: FoldingTables,
  astral: Map<number, number>,
): Rules {
  const starts = new Int32Array(all.length + 1);
  const folded: FoldedWords = { symbols: [], characters: [], gapBefore: [] };
  for (const [rule, { text: word }] of all.entries()) {
    foldWord(word.replace(/^\*|\*$/g, ""), folded, tables, astral);
    starts[rule + 1] = folded.symbols.length;
    checkLength(word, starts[rule + 1]! - starts[rule]!);
  }
  const flags = Uint8Array.from(all, ({ text }, rule) => flagsOf(text, rule >= firstAllowed && rule < endAllowed));
  return {
    ...{
      rules: all.map(({ rule }) => rule),
      nearAt: Int8Array.from(all, ({ nearAt }) => nearAt),
      starts,
      flags,
      gapBefore: Uint8Array.from(folded.gapBefore),
    },
    ...{ symbols: Uint16Array.from(folded.symbols), characters: Uint16Array.from(folded.characters) },
  };
}

interface FoldedWords {
  readonly symbols: number[];
  readonly characters: number[];
  readonly gapBefore: number[];
}

function foldWord(word: string, to: FoldedWords, tables: FoldingTables, astral: Map<number, number>): void {
  const { symbols, characters, gapBefore } = to;
  let gap = 0;
  let run = 0;
  for (const character of word) {
    const unit = ruleUnit(character, astral);
    const [kind, symbol] = [tables.kind[unit]!, tables.symbol[unit]!];
    if (kind < kinds.latin) {
      if (kind !== kinds.invisible) gap = 1;
      continue;
    }
    run = symbol === symbols.at(-1) ? run + 1 : 1;
    if (run > longestRun) continue;
    symbols.push(symbol);
    characters.push(tables.character[unit]!);
    gapBefore.push(gap);
    gap = 0;
  }
}

function flagsOf(word: string, isAllowed: boolean): number {
  const { openStart, openEnd, allow } = flagBits;
  return (word.startsWith("*") ? openStart : 0) | (word.endsWith("*") ? openEnd : 0) | (isAllowed ? allow : 0);
}

function checkLength(word: string, length: number): void {
  const hasLetter = /[\p{L}\p{N}]/u.test(word);
  if (hasLetter && length > 0 && length <= maxWordLength) return;
  throw new OcellusError(
    "invalid_request",
    length <= maxWordLength
      ? `guarded word ${JSON.stringify(word)}: expected a letter, a digit or a character of a script, found none`
      : `guarded word ${JSON.stringify(word.slice(0, 20))}…: expected at most ${maxWordLength} characters, found ${length}`,
    { details: { word: word.slice(0, 20), limit: maxWordLength, found: length } },
  );
}

/** The unit of a rule's character; one beyond the first plane is given a private one. */
function ruleUnit(character: string, astral: Map<number, number>): number {
  if (character.length === 1) return character.charCodeAt(0);
  const codePoint = character.codePointAt(0)!;
  const unit = foldAstral(codePoint) ?? astral.get(codePoint) ?? firstPrivate + astral.size;
  if (unit < firstPrivate || unit >= firstPrivate + numPrivate) return unit;
  astral.set(codePoint, unit);
  return unit;
}
/** U+E000 to U+F8FF; a list with more than 6,400 different rare characters has its last ones folded together. */
const [firstPrivate, numPrivate] = [0xe000, 6400];

/** Whether a symbol is a Latin letter, a digit or a leet sign, of which a run counts by class. */
export function isLatinLike(symbol: number): boolean {
  return symbol < 128;
}

function shapeOf({ starts, symbols }: Rules, rule: number, coarse: Uint16Array, divisions: Divisions): number[] {
  const { shape, isDivided, divided } = divisions;
  const items: number[] = [];
  let last = 0;
  for (let i = starts[rule]!; i < starts[rule + 1]!; i++) {
    const symbol = symbols[i]!;
    if (coarse[symbol] === last) continue;
    last = coarse[symbol]!;
    if (isDivided[symbol]) items.push(...divided[shape[symbol]!]!);
    else items.push(shape[symbol]!);
  }
  return items;
}

function soundsOf(rules: Rules, numForbidden: number): Sounds {
  const readings = hanReadings();
  const trie = new Trie();
  const rule: number[] = [];
  const starts = [0];
  const syllables: number[] = [];
  for (let r = 0; r < numForbidden; r++) {
    for (const way of waysToRead(rules, r)) {
      const letters: number[] = [];
      for (const syllable of way) {
        letters.push(...readings.letters[syllable]!);
        syllables.push(syllable);
      }
      trie.add(letters);
      rule.push(r);
      starts.push(syllables.length);
    }
  }
  return {
    automaton: denseAutomaton(trie, soundWidth),
    rule: Int32Array.from(rule),
    starts: Int32Array.from(starts),
    syllables: Uint16Array.from(syllables),
  };
}

/** Syllable numbers for each character; none for a word of one character, or with one that is not Chinese. */
function waysToRead({ starts, characters }: Rules, rule: number): number[][] {
  const [from, to] = [starts[rule]!, starts[rule + 1]!];
  if (to - from < 2) return [];
  let ways: number[][] = [[]];
  for (let i = from; i < to; i++) {
    const options = hanReadings().syllablesOf(characters[i]!);
    if (options.length === 0) return [];
    if (options.length === 1) for (const way of ways) way.push(options[0]!);
    else ways = ways.flatMap((way) => options.map((syllable) => [...way, syllable])).slice(0, maxWays);
  }
  return ways;
}
