/**
 * Texts by their terms: BM25 (Robertson and Zaragoza 2009, with the usual k1 and b) over what terms.ts makes of them. No
 * stemming and no synonyms: the pictures' vectors are there for what is meant and not said. Why no library does this:
 * docs/decisions/0008-finding.md.
 */
import { Nearest } from "./nearest.js";
import { termsOf } from "./terms.js";
import type { Neighbour } from "./vector-index.js";

const [k1, b] = [1.2, 0.75];

interface Postings {
  /** A text's key and how often it has the term, and so on; flat, since there are a hundred for each text. */
  readonly list: number[];
  /** Texts that have the term and were not removed. */
  size: number;
}

export class Lexicon {
  readonly #postings = new Map<string, Postings>();
  /** Terms of each text. */
  readonly #lengths = new Map<number, number>();
  /** Texts that were removed and still are in lists: they go when they are more than the others. */
  readonly #removed = new Set<number>();
  readonly #termsOf: (text: string) => string[];
  #numTerms = 0;

  constructor(terms = termsOf) {
    this.#termsOf = terms;
  }

  get size(): number {
    return this.#lengths.size;
  }

  add(key: number, text: string): void {
    const terms = this.#termsOf(text);
    if (terms.length === 0) return;
    if (this.#removed.has(key)) this.#sweep();
    this.#lengths.set(key, terms.length);
    this.#numTerms += terms.length;
    for (const [term, times] of counted(terms)) this.#post(term, key, times);
  }

  #post(term: string, key: number, times: number): void {
    const postings = this.#postings.get(term);
    if (!postings) {
      this.#postings.set(term, { list: [key, times], size: 1 });
      return;
    }
    postings.list.push(key, times);
    postings.size++;
  }

  /** With the text that it was added with. */
  remove(key: number, text: string): void {
    const length = this.#lengths.get(key);
    if (length === undefined) return;
    this.#lengths.delete(key);
    this.#numTerms -= length;
    this.#removed.add(key);
    for (const term of new Set(this.#termsOf(text))) {
      const postings = this.#postings.get(term)!;
      if (--postings.size === 0) this.#postings.delete(term);
    }
    if (this.#removed.size > this.size) this.#sweep();
  }

  #sweep(): void {
    for (const { list } of this.#postings.values()) {
      let end = 0;
      for (let i = 0; i < list.length; i += 2) {
        if (!this.#lengths.has(list[i]!)) continue;
        list[end++] = list[i]!;
        list[end++] = list[i + 1]!;
      }
      list.length = end;
    }
    this.#removed.clear();
  }

  /** Texts that have any of the query's terms, best first. Scores have no upper end and mean nothing between queries. */
  search(query: string, count: number, accepts: (key: number) => boolean = () => true): Neighbour[] {
    const scores = new Map<number, number>();
    for (const term of new Set(this.#termsOf(query))) this.#score(term, scores);
    const nearest = new Nearest(count);
    for (const [key, score] of scores) if (accepts(key)) nearest.offer(key, score);
    return nearest.list();
  }

  #score(term: string, scores: Map<number, number>): void {
    const { list, size } = this.#postings.get(term) ?? { list: [], size: 0 };
    const meanTerms = this.#numTerms / this.size;
    const rarity = Math.log(1 + (this.size - size + 0.5) / (size + 0.5));
    for (let i = 0; i < list.length; i += 2) {
      const [key, times] = [list[i]!, list[i + 1]!];
      const numTerms = this.#lengths.get(key);
      if (numTerms === undefined) continue; // removed
      const weight = (times * (k1 + 1)) / (times + k1 * (1 - b + (b * numTerms) / meanTerms));
      scores.set(key, (scores.get(key) ?? 0) + rarity * weight);
    }
  }
}

function counted(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}
