/**
 * What is dangerous in a list of words before it guards anything: entries that cannot be looked for, that are too short, whole
 * sentences, doubles, words that a shorter one covers, disguises of other words, and words that ordinary texts are full of.
 */
import { wordFinder } from "../unescaped.js";
import { foldings, foldingTables } from "./folding.js";
import { buildMatcher, type MatcherOptions } from "./matcher.js";
import { isCommonPair, ordinariness } from "./ordinary.js";
import type { Span, WordRule } from "./rule.js";
import type { ReadList } from "./word-list.js";

export const lintKinds = ["unusable", "short", "sentence", "duplicate", "shadowed", "disguise", "common"] as const;
export type LintKind = (typeof lintKinds)[number];

export interface LintProblem {
  readonly line: number;
  readonly word: string;
  readonly kind: LintKind;
  /** The word that covers this one, or that this is a disguise of; in how many sentences of the ordinary text it stands. */
  readonly by?: string;
  readonly numSentences?: number;
}

export interface LintReport {
  readonly numWords: number;
  readonly problems: readonly LintProblem[];
  /** Of the ordinary text; undefined without one. */
  readonly numSentences: number | undefined;
  /** How many of them are hit by the whole list, and by what is left of it. */
  readonly numHit: number | undefined;
  readonly numHitCleaned: number | undefined;
  /** The list without what is unusable, short, doubled, a disguise or common. */
  readonly cleaned: readonly WordRule[];
}

/** Longer entries are sentences: no text has them twice. */
const longest = 20;
/** In fewer sentences a word is meant. What is found in another writing is found by accident: ordinary texts hold no disguises. */
const fewestCommon = 3;
const literally: MatcherOptions = Object.fromEntries(
  foldings.map((name) => [name, ["case", "width", "script"].includes(name)]),
);

/** @param ordinary text that no one should be stopped for: by it common words are known; without it, by a table of pairs. */
export function lintWords(list: ReadList, ordinary?: string): LintReport {
  const { rules, lines, leftOut } = list;
  const sentences = ordinary?.split(/[。！？!?\n]+/).filter((s) => /[\p{L}\p{N}]/u.test(s));
  const hits = sentences && hitsOf(rules, sentences);
  const shadows = coveredBy(rules);
  const disguises = disguisesOf(rules);
  const problems: LintProblem[] = leftOut.map(({ line, word, kind }) => ({ line, word, kind }));
  const dropped = new Set<number>();
  for (const [i, { word }] of rules.entries()) {
    const numSentences = hits?.byWord.get(word) ?? 0;
    const common = hits ? numSentences >= fewestCommon || hits.byAccident.has(word) : isCommonPair(word);
    const add = (kind: LintKind, more: Partial<LintProblem> = {}) =>
      problems.push({ line: lines[i]!, word, kind, ...more });
    if (isShort(word)) add("short");
    if (word.length > longest || /[。！？]/.test(word)) add("sentence");
    if (common) add("common", hits && { numSentences });
    if (shadows.has(i)) add("shadowed", { by: shadows.get(i)! });
    if (disguises.has(i)) add("disguise", { by: disguises.get(i)! });
    if (isShort(word) || common || disguises.has(i)) dropped.add(i);
  }
  const cleaned = rules.filter((_, i) => !dropped.has(i));
  return {
    ...{ numWords: rules.length, cleaned, numSentences: sentences?.length, numHit: hits?.numHit },
    numHitCleaned: sentences && hitsOf(cleaned, sentences).numHit,
    problems: problems.sort((a, b) => a.line - b.line),
  };
}

function isShort(word: string): boolean {
  const signs = Array.from(word).filter((c) => /[\p{L}\p{N}]/u.test(c));
  return signs.length < (/\p{sc=Han}/u.test(word) ? 2 : 3);
}

function hitsOf(rules: readonly WordRule[], sentences: readonly string[]) {
  const matcher = wordFinder(rules);
  const byWord = new Map<string, number>();
  const byAccident = new Set<string>();
  let numHit = 0;
  for (const sentence of sentences) {
    const spans = matcher.find(sentence);
    const words = new Set(spans.map(({ word }) => word));
    for (const { word, start, end } of spans) if (!isSame(word, sentence.slice(start, end))) byAccident.add(word);
    if (words.size > 0) numHit++;
    for (const word of words) byWord.set(word, (byWord.get(word) ?? 0) + 1);
  }
  return { byWord, byAccident, numHit };
}

function isSame(word: string, found: string): boolean {
  const plain = (text: string) => text.normalize("NFKC").toLowerCase();
  return plain(word.replace(/^\*|\*$/g, "")) === plain(found);
}

/** Rule → a shorter word of the list that is in it, so that it is never needed. */
function coveredBy(rules: readonly WordRule[]): Map<number, string> {
  const matcher = buildMatcher(rules, literally);
  const covered = new Map<number, string>();
  for (const [i, { word }] of rules.entries()) {
    const by = matcher.find(word).find((span) => span.word.length < word.length);
    if (by) covered.set(i, by.word);
  }
  return covered;
}

/**
 * Rule → another one of which it is but a disguise (囘良玉 of 回良玉): that one finds it by itself, while it would find the
 * word where that is common. Of two that find each other the more ordinary spelling is the word, then the first.
 */
function disguisesOf(rules: readonly WordRule[]): Map<number, string> {
  const matcher = buildMatcher(rules);
  const { character } = foldingTables({});
  const numPlain = (word: string) => Array.from(word, (c) => c.charCodeAt(0)).filter((c) => character[c] === c).length;
  const score = new Map(rules.map(({ word }) => [word, ordinariness(word) + numPlain(word)]));
  const place = new Map(rules.map(({ word }, i) => [word, i]));
  const disguises = new Map<string, string>();
  const isWhole = (span: Span, word: string) => span.start === 0 && span.end === word.length;
  for (const { word } of rules) {
    for (const span of matcher.find(word)) {
      if (!isWhole(span, word) || isSame(span.word, word) || disguises.has(span.word)) continue;
      const more = score.get(span.word)! - score.get(word)! || place.get(word)! - place.get(span.word)!;
      if (more > 0) disguises.set(word, span.word);
    }
  }
  return new Map(rules.flatMap(({ word }, i) => (disguises.has(word) ? [[i, disguises.get(word)!] as const] : [])));
}
