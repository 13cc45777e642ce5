/**
 * Whether a place in a text is ordinary Chinese: each of its characters stands in a common word with a neighbour, or is one
 * that often stands alone. What is ordinary is no disguise: a word of the list found there by its sound, across a gap or out
 * of halves is an accident (系统重新 is no 系统中心). Facts: the counts of jieba's dictionary (data/).
 */
import { ordinaryPairs, particles } from "./data/ordinary.js";
import { gaps, type Window } from "./window.js";

let pairs: ReadonlySet<number> | undefined;
const alone = new Set(Array.from(particles, (c) => c.charCodeAt(0)));
const key = (a: number, b: number) => a * 0x10000 + b;

function readPairs(): Set<number> {
  const read = new Set<number>();
  for (const group of ordinaryPairs.split(" "))
    for (let i = 1; i < group.length; i++) read.add(key(group.charCodeAt(0), group.charCodeAt(i)));
  return read;
}

/** Whether two characters stand together in common words; `word` of another length is none. */
export function isCommonPair(word: string): boolean {
  pairs ??= readPairs();
  return word.length === 2 && pairs.has(key(word.charCodeAt(0), word.charCodeAt(1)));
}

/** Whether two characters are the end of one common word and the beginning of the next, and no word themselves (无法轮换). */
export function crossesWords(window: Window, first: number): boolean {
  pairs ??= readPairs();
  const [a, b] = [window.character(first), window.character(first + 1)];
  const before = window.has(first - 1) && window.gap(first) === gaps.none ? window.character(first - 1) : 0;
  return pairs.has(key(before, a)) && pairs.has(key(b, following(window, first + 1))) && !pairs.has(key(a, b));
}

/** @param any one such character is enough; else all must be. What is not Chinese is not judged. */
export function isOrdinary(window: Window, { first, last }: { first: number; last: number }, any = false): boolean {
  pairs ??= readPairs();
  let isAll = true;
  for (let t = first; t <= last; t++) {
    const character = window.character(t);
    if (character < firstHan) continue;
    const before = window.has(t - 1) && window.gap(t) === gaps.none ? window.character(t - 1) : 0;
    const isPaired = pairs.has(key(before, character)) || pairs.has(key(character, following(window, t)));
    if (any && isPaired) return true;
    isAll &&= isPaired || alone.has(character);
  }
  return isAll;
}

const firstHan = 0x4e00;

function following(window: Window, t: number): number {
  if (t + 1 === window.size) return window.nextCharacter;
  return window.gap(t + 1) === gaps.none ? window.character(t + 1) : 0;
}
