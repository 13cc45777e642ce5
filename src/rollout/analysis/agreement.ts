/**
 * How alike two answers to one question are. Counted in words and not in tokens, since two versions may have two tokenizers, and
 * as a share, so that its mean can be tested by betting. Says nothing about which of the two is right.
 */

export interface Agreement {
  /** The same but for case, white space and the width of characters. */
  readonly isExact: boolean;
  /** 1 - Levenshtein distance / words of the longer answer: 1 for equal ones, 0 where no word is kept. */
  readonly similarity: number;
  /** The part of the longer answer before the first word that differs. */
  readonly sameUntil: number;
  /** Of each. */
  readonly numWords: readonly [number, number];
}

/** Of each answer: what differs has mostly differed by then, and the distances take less than a millisecond. */
const maxWords = 512;

export function agreementOf(a: string, b: string): Agreement {
  const [x, y] = [wordsOf(a), wordsOf(b)];
  const numWords = [x.length, y.length] as const;
  const first = Math.min(maxWords, Math.max(...numWords));
  if (first === 0) return { isExact: true, similarity: 1, sameUntil: 1, numWords };
  const [left, right] = [x.slice(0, first), y.slice(0, first)];
  const differs = left.findIndex((word, i) => word !== right[i]);
  const numSame = differs === -1 ? left.length : differs;
  return {
    isExact: x.length === y.length && x.every((word, i) => word === y[i]),
    similarity: (first - distance(left.slice(numSame), right.slice(numSame))) / first,
    sameUntil: numSame / first,
    numWords,
  };
}

/** Runs of letters and digits; a character by itself where words are not written apart; signs, each. */
const word = /(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{M}\p{N}])+|\S/gu;

function wordsOf(text: string): string[] {
  return text.normalize("NFKC").toLowerCase().match(word) ?? [];
}

/** Levenshtein's: the fewest words to insert, delete or replace. One row of the table at a time. */
function distance(a: readonly string[], b: readonly string[]): number {
  const row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, wordOfA] of a.entries()) {
    let diagonal = row[0]!;
    row[0] = i + 1;
    for (const [j, wordOfB] of b.entries()) {
      const above = row[j + 1]!;
      row[j + 1] = Math.min(above + 1, row[j]! + 1, diagonal + (wordOfA === wordOfB ? 0 : 1));
      diagonal = above;
    }
  }
  return row[b.length]!;
}
