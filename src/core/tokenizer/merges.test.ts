import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BpeModel, createMerger } from "./merges.js";

const fixture = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `fixtures/${name}.json`), "utf8")).tokenizer;
const libraryModel = (json: object) =>
  new LibraryTokenizer(json, {}).model as unknown as BpeModel & { bpe(word: string): string[] };

describe.each(["byte-level", "metaspace"])("merging by a %s vocabulary", (name) => {
  const json = fixture(name);
  const letters = [...new Set(Object.keys(json.model.vocab).join(""))];

  it.each([null, "</w>"])("gives the library's tokens (end of word %s)", (end_of_word_suffix) => {
    const model = libraryModel({ ...json, model: { ...json.model, end_of_word_suffix } });
    const merge = createMerger(model)!;
    const word = fc.oneof(
      fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 60 }).map((all) => all.join("")),
      fc
        .array(fc.constantFrom(...Object.keys(json.model.vocab)), { minLength: 1, maxLength: 12 })
        .map((all) => all.join("")),
      fc.string({ unit: "grapheme", minLength: 1 }),
    );
    fc.assert(
      fc.property(word, (text) => {
        expect(merge(text)).toEqual(model.bpe(text));
      }),
      { seed: 1, numRuns: 400 },
    );
  });
});

describe("merging", () => {
  const model = (merges: [string, string][]): BpeModel => {
    const vocabulary = new Set(merges.flatMap(([a, b]) => [...a, ...b, a, b, a + b]));
    return { tokens_to_ids: new Map([...vocabulary].map((token, id) => [token, id])), merges };
  };

  it("takes the lowest rank first, and the leftmost of equals", () => {
    const merge = createMerger(
      model([
        ["b", "c"],
        ["a", "a"],
        ["aa", "b"],
      ]),
    )!;
    expect(merge("aaabc")).toEqual(["aa", "a", "bc"]);
    expect(merge("aabc")).toEqual(["aa", "bc"]);
    expect(merge("aab")).toEqual(["aab"]);
    expect(merge("axxb")).toEqual(["a", "x", "x", "b"]);
  });

  it("bears a word of a million letters", () => {
    const merge = createMerger(
      model([
        ["a", "a"],
        ["aa", "aa"],
        ["aaaa", "aaaa"],
      ]),
    )!;
    expect(merge("a".repeat(1_000_000))).toEqual(Array(125_000).fill("a".repeat(8)));
  });

  it("leaves vocabularies to the library whose merges lead out of them", () => {
    const outside = model([["a", "b"]]);
    expect(createMerger({ ...outside, merges: [["a", "c"]] })).toBeUndefined();
    expect(createMerger({ ...outside, continuing_subword_suffix: "@@" })).toBeUndefined();
  });
});
