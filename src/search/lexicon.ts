/**
 * Texts by their words: BM25 (Robertson and Zaragoza 2009, with the usual k1 and b) over words and, for scripts without
 * spaces, pairs of characters. No stemming and no synonyms: the pictures' vectors are there for what is meant and not said.
 */
import { Nearest } from "./nearest.js";
import type { Neighbour } from "./vector-index.js";

const [k1, b] = [1.2, 0.75];

export class Lexicon {
  /** Term → text → how often. */
  readonly #postings = new Map<string, Map<number, number>>();
  /** Terms of each text, for their number and to take them out again. */
  readonly #terms = new Map<number, readonly string[]>();
  #numTerms = 0;

  get size(): number {
    return this.#terms.size;
  }

  add(key: number, text: string): void {
    const terms = termsOf(text);
    if (terms.length === 0) return;
    this.#terms.set(key, terms);
    this.#numTerms += terms.length;
    for (const term of terms) {
      const texts = this.#postings.get(term) ?? new Map<number, number>();
      texts.set(key, (texts.get(key) ?? 0) + 1);
      this.#postings.set(term, texts);
    }
  }

  remove(key: number): void {
    const terms = this.#terms.get(key) ?? [];
    this.#terms.delete(key);
    this.#numTerms -= terms.length;
    for (const term of new Set(terms)) {
      const texts = this.#postings.get(term)!;
      texts.delete(key);
      if (texts.size === 0) this.#postings.delete(term);
    }
  }

  /** Texts that have any of the query's terms, best first. Scores have no upper end and mean nothing between queries. */
  search(query: string, count: number, accepts: (key: number) => boolean = () => true): Neighbour[] {
    const scores = new Map<number, number>();
    const meanTerms = this.#numTerms / this.size;
    for (const term of new Set(termsOf(query))) {
      const texts = this.#postings.get(term);
      if (!texts) continue;
      const rarity = Math.log(1 + (this.size - texts.size + 0.5) / (texts.size + 0.5));
      for (const [key, times] of texts) {
        const length = this.#terms.get(key)!.length / meanTerms;
        const weight = (times * (k1 + 1)) / (times + k1 * (1 - b + b * length));
        scores.set(key, (scores.get(key) ?? 0) + rarity * weight);
      }
    }
    const nearest = new Nearest(count);
    for (const [key, score] of scores) if (accepts(key)) nearest.offer(key, score);
    return nearest.list();
  }
}

/** Scripts that are written without spaces between words. */
const unspaced = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}";
const isUnspaced = new RegExp(`^[${unspaced}]`, "u");
/** `型号E628` is written as one: a word ends where the unspaced script begins. */
const run = new RegExp(`[${unspaced}]+|(?:(?![${unspaced}])[\\p{L}\\p{N}\\p{M}])+`, "gu");

/** Words in lower case, compatibility forms folded; runs of Chinese or Japanese as their pairs of characters. */
export function termsOf(text: string): string[] {
  const runs = text.normalize("NFKC").toLowerCase().match(run) ?? [];
  return runs.flatMap((word) => (isUnspaced.test(word) ? pairs(word) : [word]));
}

function pairs(word: string): string[] {
  const characters = [...word];
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, i) => characters[i]! + character);
}
