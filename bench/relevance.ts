/**
 * How well words find, by the way a text is cut into terms: nDCG at 10 of the judged queries of src/retrieval/fixtures/, and
 * what 20,000 texts take to be added and asked for. `npm run bench -- relevance [--texts 20000] [--misses]`
 */
import { parseArgs } from "node:util";
import { Lexicon } from "../src/retrieval/lexicon.js";
import { meanNdcg, readRelevance } from "../src/retrieval/relevance.testkit.js";
import { termsOf } from "../src/retrieval/terms.js";

const segmenter = new Intl.Segmenter("zh", { granularity: "word" });
const isHan = /^\p{Script=Han}/u;

/** As until 2026-11-29: no single character beside others, and scripts kept apart. */
function pairsOnly(text: string): string[] {
  const runs =
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}\p{M}])+/gu) ?? [];
  return runs.flatMap((run) =>
    isHan.test(run) && run.length > 1 ? [...run].slice(1).map((c, i) => run[i]! + c) : [run],
  );
}

/** In simplified characters: those of terms.ts, joined again. */
function segmented(text: string): string[] {
  return termsOf(text)
    .filter((term) => !isHan.test(term))
    .concat(words(simplify(text)));
}

function simplify(text: string): string {
  return Array.from(text, (c) => (isHan.test(c) ? termsOf(c)[0]! : c)).join("");
}

function words(text: string): string[] {
  return [...segmenter.segment(text)].map(({ segment }) => segment).filter((word) => isHan.test(word));
}

const ways: Readonly<Record<string, (text: string) => string[]>> = {
  "pairs of characters (before)": pairsOnly,
  "words by `Intl.Segmenter`": segmented,
  "words by `Intl.Segmenter`, characters": (text) => [
    ...segmented(text).filter((word) => [...word].length > 1 || !isHan.test(word)),
    ...termsOf(text).filter((term) => [...term].length === 1 && isHan.test(term)),
  ],
  "characters and pairs (terms.ts)": termsOf,
};

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { texts: { type: "string", default: "20000" }, misses: { type: "boolean", default: false } },
  });
  const { texts, queries } = readRelevance();
  const oneOf = (i: number) => texts[(i * 7919) % texts.length]!.text;
  const many = Array.from({ length: Number(values.texts) }, (_, i) => `${oneOf(i)} ${oneOf(i + 31)} sku${i}`);
  console.log(`${texts.length} texts, ${queries.length} queries; speed over ${many.length} texts\n`);
  console.log("| terms | Chinese | of one character | English | adding | a query |\n|---|---|---|---|---|---|");
  for (const [name, terms] of Object.entries(ways)) {
    const { chinese, single, english, scored } = meanNdcg(new Lexicon(terms));
    const figures = [chinese, single, english].map((value) => value.toFixed(3));
    console.log(
      `| ${[
        name,
        ...figures,
        ...speed(
          terms,
          many,
          queries.map(({ query }) => query),
        ),
      ].join(" | ")} |`,
    );
    if (values.misses)
      for (const { query, ndcg } of scored) if (ndcg < 0.75) console.log(`  ${query} ${ndcg.toFixed(2)}`);
  }
}

function speed(terms: (text: string) => string[], texts: readonly string[], queries: readonly string[]): string[] {
  const lexicon = new Lexicon(terms);
  const started = performance.now();
  for (const [key, text] of texts.entries()) lexicon.add(key, text);
  const added = performance.now();
  for (const query of queries) lexicon.search(query, 10);
  const asked = performance.now() - added;
  return [`${((added - started) / 1000).toFixed(1)} s`, `${(asked / queries.length).toFixed(1)} ms`];
}
