/** What is refused of tokenizer.json, entry by entry: the quick look at a vocabulary lets nothing pass that the schema would not. */
import { expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { parseTokenizerFiles } from "./files.js";

const file = (model: object) => ({
  model,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
});
const vocab = { a: 0, b: 1, ab: 2 };
const bpe = (changes: object) => file({ type: "BPE", vocab, merges: ["a b"], ...changes });
const refused = ocellusError("invalid_file", { file: "tokenizer.json" });

it.each([-1, 1.5, Number.NaN, "1", null, undefined, 2 ** 24 + 1, [1], {}, true])("refuses %j as a token's id", (id) => {
  expect(() => parseTokenizerFiles(bpe({ vocab: { ...vocab, c: id } }), {})).toThrow(refused);
  expect(() =>
    parseTokenizerFiles(file({ type: "WordPiece", vocab: { "[UNK]": 0, c: id }, unk_token: "[UNK]" }), {}),
  ).toThrow(refused);
});

it.each([1, null, undefined, [], ["a"], ["a", 1], ["a", "b", "c"], { left: "a" }])("refuses %j as a merge", (merge) => {
  expect(() => parseTokenizerFiles(bpe({ merges: ["a b", merge] }), {})).toThrow(refused);
});

it("refuses a vocabulary, merges and an unknown token of another kind", () => {
  for (const changes of [
    { vocab: ["a"] },
    { vocab: null },
    { vocab: "a" },
    { merges: {} },
    { merges: null },
    { unk_token: 1 },
  ])
    expect(() => parseTokenizerFiles(bpe(changes), {}), JSON.stringify(changes)).toThrow(refused);
  expect(() => parseTokenizerFiles(file({ type: "WordPiece", vocab }), {})).toThrow(refused);
});

it("takes the largest id, merges of both spellings, and no unknown token", () => {
  const model = { vocab: { ...vocab, c: 2 ** 24 }, merges: ["a b", ["a", "b"]], unk_token: null };
  expect(parseTokenizerFiles(bpe(model), {}).vocabSize).toBe(2 ** 24 + 1);
});
