/**
 * How well words find: texts of shops and manuals and what people ask of them, in fixtures/, judged by hand before any search
 * was tried (2 answers, 1 is related, the rest does not matter). nDCG at 10 with gains 2^grade − 1 (Burges et al. 2005).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Lexicon } from "./lexicon.js";

interface JudgedQuery {
  readonly query: string;
  /** Id of a text → grade. */
  readonly relevant: Readonly<Record<string, number>>;
}

const depth = 10;

export function readRelevance() {
  return {
    texts: readLines("texts.jsonl") as { readonly id: string; readonly text: string }[],
    queries: readLines("queries.jsonl") as JudgedQuery[],
  };
}

/** Means over the queries in Chinese, those of one character among them, and the queries in English. Fills the lexicon. */
export function meanNdcg(lexicon: Lexicon) {
  const { texts, queries } = readRelevance();
  for (const [key, { text }] of texts.entries()) lexicon.add(key, text);
  const scored = queries.map(({ query, relevant }) => {
    const grades = lexicon.search(query, depth).map(({ key }) => relevant[texts[key]!.id] ?? 0);
    return { query, ndcg: gain(grades) / gain(Object.values(relevant).sort((a, b) => b - a)) };
  });
  const mean = (accepts: (query: string) => boolean) => {
    const values = scored.filter(({ query }) => accepts(query)).map(({ ndcg }) => ndcg);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const isChinese = (query: string) => /\p{Script=Han}/u.test(query);
  return {
    chinese: mean(isChinese),
    single: mean((query) => [...query].length === 1),
    english: mean((query) => !isChinese(query)),
    scored,
  };
}

function gain(grades: readonly number[]): number {
  return grades.slice(0, depth).reduce((sum, grade, i) => sum + (2 ** grade - 1) / Math.log2(i + 2), 0);
}

function readLines(name: string): unknown[] {
  const text = readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
