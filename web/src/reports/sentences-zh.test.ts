import { describe, expect, it } from "vitest";
import type { Said, SentenceCode, SentenceValues } from "../../../src/inspect/page/page-data.js";
import { chineseOf } from "./sentences-zh.js";

const format = { weights: "int4", blockSize: 32, embeddingWeights: "int4" };
/** Of every sentence; the type asks for all. */
const samples: SentenceValues = {
  ...{ missing: { count: 3 }, misshapen: { count: 3 }, twice: { count: 3 } },
  not_finite: { name: "x.w", numNaN: 1, numInfinite: 2 },
  ...{ zero: { name: "x.w" }, constant: { name: "x.w", value: 1 }, constant_vectors: { count: 2 } },
  exploding: { name: "x.w", ratio: 31 },
  dead_rows: { name: "x.w", numDead: 1, numRows: 8 },
  outliers: { name: "x.w", count: 1, least: 6, most: "9.5" },
  duplicate: { first: "x.w", others: ["y.w", "z.w"] },
  left_out: { count: 10, all: 20, what: "least_moved" },
  would_fit: { formats: [format, { ...format, weights: "nf4" }] },
  ...{ shorter_fits: { format, tokens: 300 }, freed_fits: { format, bytes: "1 GB" } },
  nothing_fits: { format, bytes: "1 GB" },
  patch: { size: "14 × 14", width: 32, kernel: "[32, 3, 14, 14]" },
  queries: { count: 64, width: 32, shape: "[64, 32]" },
  ...{ vocabulary: { count: 100, width: 32 }, q_proj: { shape: "[8, 8]" } },
  heads: { ratio: 2, of: { queries: 8, keys: 4, width: 16 } },
  checkpoint_facts: { parameters: "1 M", size: "2 MB", numFiles: 1, format: "GGUF" },
  ...{ golden_facts: { digest: "ab12", questions: 9 }, roc_facts: { count: 2 } },
  diff: { clauses: [{ code: "names_differ", values: { count: 1, how: "added" } }] },
  ...{ nothing_differs: {}, values_unread: {}, no_value_moved: {}, configs_differ: {}, headers_same: {} },
  names_differ: { count: 2, how: "respelled" },
  not_finite_differ: { count: 2, how: "other" },
  ...{ only_moved: { parts: ["vision tower", "head"] }, all_moved: { most: "decoder", isOne: false } },
  low_rank: { count: 1, all: 2, least: 8, most: 16 },
  golden_right: { percent: "90.0", correct: 9, questions: 10 },
  golden_verdict: { verdict: "same", questions: 10 },
  golden_change: {
    ...{ questions: 10, lost: 3, gained: 1, points: "−20.0" },
    ...{ low: "−60.0", high: "+20.0", p: "0.62" },
  },
};

describe("the program's sentences in Chinese", () => {
  it.each(Object.entries(samples))("%s has no English, and holds its numbers", (code, values) => {
    const text = chineseOf({ code, values } as Said)!;
    const known = /\b(NaN|int4|nf4|LoRA|GGUF|model_type|x\.w|y\.w|z\.w|GB|MB|ab12)\b/g;
    expect(text.replace(known, "")).not.toMatch(/[a-z]{2,}/i);
    if (code !== "q_proj") expect(text).toMatch(/\p{Script=Han}/u);
    for (const value of Object.values(values as object))
      if (typeof value === "number") expect(text).toContain(String(value));
  });

  it("of a newer program stay as they are", () => {
    expect(chineseOf({ code: "unheard_of" as SentenceCode, values: {} } as Said)).toBeUndefined();
  });
});
