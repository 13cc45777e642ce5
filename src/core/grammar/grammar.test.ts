import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Batch, Engine, type ModelRunner } from "../engine/index.js";
import { hasBit } from "./bits.js";
import { aheadWork } from "./grammar.js";
import { referenceParser } from "./reference.testkit.js";
import { randomSchema } from "./schemas.testkit.js";
import {
  accepts,
  numOrdinary,
  schemaGrammar,
  seededRandom,
  toyTokenizer,
  toyVocabulary,
  write,
} from "./toy.testkit.js";

/** Not ours: what says whether a value satisfies a schema. */
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);

function expectValid(schema: object, validate: ValidateFunction, text: string): void {
  expect(validate(JSON.parse(text)) || `${text}: ${ajv.errorsText(validate.errors)} by ${JSON.stringify(schema)}`).toBe(
    true,
  );
}

describe("an answer by a schema", () => {
  it("is valid JSON that satisfies it, whatever tokens are drawn, and can always be ended", () => {
    fc.assert(
      fc.property(randomSchema, fc.nat(), fc.integer({ min: 0, max: 60 }), (schema, seed, numRandom) => {
        const grammar = schemaGrammar(schema);
        const random = seededRandom(seed);
        const validate = ajv.compile(schema);
        for (let i = 0; i < 2; i++) expectValid(schema, validate, write(grammar, { random, numRandom }).text);
      }),
      { seed: 61, numRuns: 120 },
    );
  });
});

describe("what comes next", () => {
  it("is foreseen where it is settled: in every answer the forced tokens come, and the text that is spelled", () => {
    const bytesOf = (ids: readonly number[]) => ids.flatMap((id) => [...toyVocabulary.bytesOf(id)]);
    const seen = { forced: 0, spelled: 0, cut: 0 };
    fc.assert(
      fc.property(randomSchema, fc.nat(), fc.integer({ min: 0, max: 60 }), (schema, seed, numRandom) => {
        const grammar = schemaGrammar(schema);
        const { ids } = write(grammar, { random: seededRandom(seed), numRandom });
        const constraint = grammar.constraint();
        for (const [i, id] of ids.entries()) {
          const { forced, spelled } = constraint.ahead!(5);
          expect(forced).toEqual(ids.slice(i, i + forced.length));
          const foreseen = bytesOf([...forced, ...spelled]);
          expect(bytesOf(ids.slice(i)).slice(0, foreseen.length)).toEqual(foreseen);
          expect(forced.length + spelled.length).toBeLessThanOrEqual(5);
          seen.forced += forced.length;
          seen.spelled += spelled.length;
          const wrong = [...ids.slice(i), id, id];
          const numAllowed = constraint.numAllowed!(wrong);
          expect(numAllowed).toBeGreaterThanOrEqual(ids.length - i);
          if (numAllowed < wrong.length) seen.cut++;
          constraint.accept(id);
        }
      }),
      { seed: 63, numRuns: 120 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
  });

  describe("where much may follow what must come", () => {
    const grammar = schemaGrammar({ enum: Array.from({ length: 4000 }, (_, i) => "p".repeat(40) + i) });

    it("is foreseen within the work of its own, a part of it", () => {
      const constraint = grammar.constraint();
      const p = "p".charCodeAt(0);
      constraint.accept('"'.charCodeAt(0));
      const { forced, spelled } = constraint.ahead!(15);
      expect([...forced, ...spelled].every((id) => id === p)).toBe(true);
      expect(grammar.expressions.work).toBeLessThan(2 * aheadWork);
      expect(constraint.numAllowed!(new Array(15).fill(p))).toBeLessThan(15);
      expect(grammar.expressions.work).toBeLessThan(2 * aheadWork);
    });

    it("changes no answer", async () => {
      const answer = async (speculation: "auto" | "off") => {
        const ids: number[] = [];
        const engine = new Engine(new UnevenRunner(), { speculation });
        const constraint = grammar.constraint();
        const request = { promptIds: [1], payload: "", sampling: {}, maxTokens: 3, stopTokenIds: [numOrdinary] };
        for await (const { tokenId } of engine.submit({ ...request, constraint })) ids.push(tokenId);
        return ids;
      };
      expect(await answer("auto")).toEqual(await answer("off"));
    });
  });
});

/** Its logits depend on the place alone. */
class UnevenRunner implements ModelRunner<string> {
  readonly numSlots = 1;
  readonly maxLength = 64;
  readonly maxRun = 16;
  readonly vocabSize = toyVocabulary.size;

  async step({ rows }: Batch<string>): Promise<Float32Array[]> {
    return rows.flatMap(({ position, tokens, numLogits }) =>
      Array.from({ length: numLogits }, (_, i) => {
        const at = position + tokens.length - numLogits + i;
        return Float32Array.from({ length: this.vocabSize }, (_, id) => Math.sin((at + 1) * (id + 1)));
      }),
    );
  }

  async provesRuns(): Promise<boolean> {
    return true;
  }

  release(): void {}
}

describe("the mask", () => {
  const simple = [
    {
      type: "object",
      properties: { name: { type: "string" }, colour: { enum: ["red", "你好", 'a"\\', 12] } },
      required: ["name"],
    },
    {
      type: "object",
      properties: { a: { type: "integer" }, aa: { type: "number" }, ab: { type: "boolean" } },
      required: [],
    },
    { type: "array", items: { type: "string", minLength: 1, maxLength: 3 }, minItems: 1, maxItems: 3 },
    {
      anyOf: [
        { type: "string", maxLength: 2 },
        { type: "null" },
        { type: "array", items: { type: "number" } },
        { enum: ["abc"] },
      ],
    },
    {
      $defs: {
        tree: {
          type: "object",
          properties: { a: { type: "array", items: { $ref: "#/$defs/tree" } } },
          required: ["a"],
        },
      },
      $ref: "#/$defs/tree",
    },
    {},
  ];

  it.each(simple)("opens exactly the tokens with which a reference parser can go on: %j", (schema) => {
    const grammar = schemaGrammar(schema);
    const parse = referenceParser(schema);
    const random = seededRandom(7);
    const bytesOf = (id: number) => String.fromCharCode(...toyTokenizer.bytesOf!(id));
    for (let i = 0; i < 8; i++) {
      let written = "";
      let state = grammar.start;
      for (let step = 0; step < 15; step++) {
        const mask = grammar.mask(state);
        const open = Array.from({ length: toyTokenizer.vocabSize + 40 }, (_, id) => hasBit(mask, id));
        const expected = open.map((_, id) => id < numOrdinary && parse(written + bytesOf(id)).begins);
        expect({ written, open }).toEqual({ written, open: expected });
        expect(state.isNullable).toBe(parse(written).isWhole);
        const ids = [...open.keys()].filter((id) => open[id]);
        if (ids.length === 0) break;
        const layout = ids.filter((each) => /^[[\]{},:\s]+$/.test(bytesOf(each)));
        const among = layout.length > 0 && random() < 0.5 ? layout : ids; // few tokens are
        const id = among[Math.floor(random() * among.length)]!;
        written += bytesOf(id);
        state = grammar.after(state, id)!;
      }
    }
  });

  it("is what trying every token says, for any schema", () => {
    fc.assert(
      fc.property(randomSchema, fc.nat(), (schema, seed) => {
        const grammar = schemaGrammar(schema);
        write(grammar, {
          random: seededRandom(seed),
          numRandom: 25,
          look: (state, mask) => {
            for (let id = 0; id < toyTokenizer.vocabSize; id++) {
              const expected = id < numOrdinary && grammar.after(state, id) !== undefined;
              if (hasBit(mask, id) !== expected) expect({ id, open: hasBit(mask, id) }).toEqual({ id, open: expected });
            }
          },
        });
      }),
      { seed: 62, numRuns: 60 },
    );
  });
});

describe("a grammar", () => {
  it("allows what JSON.stringify writes on one line or indented by two, where a value satisfies the schema", () => {
    const person = {
      type: "object",
      properties: {
        name: { type: "string" },
        tags: { type: "array", items: { type: "string" } },
        age: { type: "number" },
        more: {},
      },
      required: ["name", "tags", "age", "more"],
      additionalProperties: false,
    };
    const grammar = schemaGrammar(person);
    const finite = fc
      .double({ noNaN: true, noDefaultInfinity: true, min: -1e14, max: 1e14 })
      .map((n) => Number(n.toFixed(3)) || 0);
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.string({ unit: "binary" }),
        finite,
        fc.boolean(),
        fc.constant(null),
        tie("list"),
        tie("dictionary"),
      ),
      list: fc.array(tie("value"), { maxLength: 4 }),
      dictionary: fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { maxKeys: 4 }),
    })).value;
    const values = fc.record({
      name: fc.string({ unit: "binary" }),
      tags: fc.array(fc.string({ unit: "grapheme" })),
      age: finite,
      more: json,
    });
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        if (/\n {17}/.test(text)) return; // deeper than lines go
        expect(accepts(grammar, text) || text).toBe(true);
      }),
      { seed: 63, numRuns: 200 },
    );
  });

  it.each([
    ["with spaces after commas and colons", '{"a": [1, {"b": 2}], "c": {}}', true],
    ["a list on one line in an object on several", '{\n  "a": [1, {"b":2}],\n  "c": {}\n}', true],
    ["a line break inside what stands on one line", '{"a": [\n  1\n], "c": {}}', false],
    ["spaces inside brackets", '{ "a": 1 }', false],
    ["an indentation of one", '{\n "a": 1\n}', false],
    ["an indentation of four", '{\n    "a": 1\n}', false],
    ["a tab", '{\n\t"a": 1\n}', false],
    ["no space after a colon on own lines", '{\n  "a":1\n}', false],
    ["two parts on one of several lines", '{\n  "a": 1, "c": 2\n}', false],
    ["an empty object on two lines", '{"a": {\n}}', false],
    ["the end before its line", '{\n  "a": 1}', false],
    ["a blank line", '{\n\n  "a": 1\n}', false],
    ["space around the value", ' {"a": 1}', false],
  ])("bounds white space: %s", (_, text, isAllowed) => {
    expect(accepts(schemaGrammar({}), text)).toBe(isAllowed);
  });

  it("writes on one line what lies deeper than eight levels", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    const grammar = schemaGrammar({});
    expect(accepts(grammar, JSON.stringify(nested(8), undefined, 2))).toBe(true);
    expect(accepts(grammar, JSON.stringify(nested(9), undefined, 2))).toBe(false);
    const onOneLine = JSON.stringify(nested(8), undefined, 2).replace("1", JSON.stringify(nested(4)));
    expect(accepts(grammar, onOneLine)).toBe(true);
  });

  it("is a finite thing to hold: states made on the way are dropped, and answers continue", () => {
    const grammar = schemaGrammar({
      type: "array",
      items: { type: "array", items: { type: "string", maxLength: 900 } },
      maxItems: 1000,
    });
    const { text } = write(grammar, { random: seededRandom(3), numRandom: 4000 });
    expect(JSON.parse(text)).toBeInstanceOf(Array);
    expect(grammar.expressions.size).toBeLessThan(40_000);
  });

  it("never opens tokens that no text spells", () => {
    const grammar = schemaGrammar({});
    write(grammar, {
      random: seededRandom(1),
      numRandom: 200,
      look: (_, mask) => {
        for (const id of toyVocabulary.addedTokens.values()) expect(hasBit(mask, id)).toBe(false);
      },
    });
  });
});
