/**
 * Qwen3.5's way of splitting words, token for token against the Python package tokenizers (test/golden/qwen3_5-tokenizer/make_golden.py):
 * in Thai, Hindi and their like, marks belong to the word before them. Equality is exact; what is left out is said in
 * parity-qwen3-tokenizer.test.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createTokenizer } from "../src/core/tokenizer/index.js";
import { repository } from "./support/folders.js";

type Case = Readonly<{ group: string; text: string; ids: number[]; marksCount: boolean }>;

const readJson = (name: string) =>
  JSON.parse(readFileSync(join(repository, "test/golden/qwen3_5-tokenizer", name), "utf8"));
const { cases }: { cases: Case[] } = readJson("golden.json");
const tokenizer = createTokenizer(readJson("tokenizer.json"), undefined);
const groups = [...new Set(cases.map(({ group }) => group))];

describe("Qwen3.5's splitting equals the Python reference", () => {
  it("compares texts that Qwen3 would split otherwise, of each script that writes marks", () => {
    for (const group of ["thai_lao_khmer_burmese", "indic", "arabic", "hebrew", "normal", "random"])
      expect(cases.filter((each) => each.group === group && each.marksCount).length).toBeGreaterThan(0);
  });

  it.each(groups)("on texts of the group %s", (group) => {
    const own = cases.filter((each) => each.group === group);
    expect(own.map(({ text }) => [text, tokenizer.encode(text)])).toEqual(own.map(({ text, ids }) => [text, ids]));
    for (const { text, ids } of own) expect(tokenizer.decode(ids)).toBe(text.normalize("NFC"));
  });
});
