/** Leaves of one answer in another: which may be exchanged, and that what is joined satisfies the schema as both do. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerLeaves, isExchangeable, withLeafOf } from "./replaced.js";
import { satisfiesSchema } from "./satisfies.js";

const item = {
  type: "object",
  properties: { name: { type: "string" }, price: { type: "number" }, size: { enum: ["S", "M", null] } },
  required: ["name", "price", "size"],
  additionalProperties: false,
};
const schema = {
  $defs: { item },
  type: "object",
  properties: {
    "a/b~c": { type: "boolean" },
    count: { type: "integer", minimum: 0, maximum: 9 },
    items: { type: "array", items: { $ref: "#/$defs/item" }, maxItems: 4 },
  },
  required: ["a/b~c", "count", "items"],
  additionalProperties: false,
};
const anItem = fc.record({
  name: fc.string({ unit: "grapheme" }),
  price: fc.double({ noNaN: true, noDefaultInfinity: true }),
  size: fc.constantFrom("S", "M", null),
});
const anAnswer = fc.record({
  "a/b~c": fc.boolean(),
  count: fc.integer({ min: 0, max: 9 }),
  items: fc.array(anItem, { maxLength: 4 }),
});

describe("a leaf of another answer", () => {
  it("stands where the first answer's stood, all else as it was written, and the schema holds", () => {
    fc.assert(
      fc.property(anAnswer, anAnswer, fc.boolean(), (first, second, isWide) => {
        const [text, other] = [JSON.stringify(first, null, isWide ? 2 : 0), JSON.stringify(second)];
        const there = new Map(answerLeaves(other).map(({ pointer, value }) => [pointer, value]));
        for (const { pointer, keys } of answerLeaves(text)) {
          expect(isExchangeable(schema, keys)).toBe(true);
          const joined = withLeafOf(text, other, pointer);
          expect(joined !== undefined).toBe(there.has(pointer));
          if (joined === undefined) continue;
          expect(satisfiesSchema(joined, schema)).toBe(true);
          const leaves = answerLeaves(joined);
          expect(leaves.find((leaf) => leaf.pointer === pointer)!.value).toEqual(there.get(pointer));
          const others = (list: typeof leaves) => list.filter((leaf) => leaf.pointer !== pointer);
          expect(others(leaves)).toEqual(others(answerLeaves(text)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["branches", { anyOf: [{ properties: { a: {} } }, { properties: { a: { type: "null" } } }] }],
    ["fixed values", { enum: [{ a: 1 }, { a: 2 }] }],
    ["differing items", { type: "array", items: { type: "integer" }, uniqueItems: true }],
    ["a count of names", { type: "object", patternProperties: { a: {} } }],
    ["nothing", false],
  ])("is not exchanged below %s", (_, container) => {
    const key = "items" in (Object(container) as object) ? "0" : "a";
    expect(isExchangeable(container, [key])).toBe(false);
    expect(isExchangeable({ properties: { inside: container } }, ["inside", key])).toBe(false);
  });

  it("is not looked for behind references without end", () => {
    expect(isExchangeable({ $ref: "#" }, ["a"])).toBe(false);
  });

  it("may have branches of its own", () => {
    expect(isExchangeable({ properties: { a: { anyOf: [{ type: "string" }, { type: "null" }] } } }, ["a"])).toBe(true);
    expect(isExchangeable({ properties: {}, additionalProperties: false }, ["a"])).toBe(false);
    expect(isExchangeable({ type: "string" }, [])).toBe(true);
  });
});
