/** Schemas that ask for a box per leaf, and answers that come back without them. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { fileLimits, parseJson } from "../base/index.js";
import { citedSchema, withoutCitations } from "./cited.js";
import { checkSchema } from "./satisfies.js";

const schema = {
  $defs: {
    row: {
      type: "object",
      properties: { "a/b": { enum: ["x", "y"] }, n: { type: ["integer", "null"] } },
      required: ["a/b"],
    },
  },
  type: "object",
  properties: {
    rows: { type: "array", items: { $ref: "#/$defs/row" }, maxItems: 3 },
    total: { anyOf: [{ type: "number" }, { type: "null" }] },
    pair: { type: "array", prefixItems: [{ type: "string" }, { const: 2 }], items: false, minItems: 2 },
  },
  required: ["rows", "total"],
  additionalProperties: false,
};
const at = <T>(value: T, n = 0) => ({ value, bbox_2d: [n, n, n + 1, n + 1] });
const cited = {
  rows: [{ "a/b": at("x", 1), n: at(null, 2) }, { "a/b": at("y", 3) }],
  total: at(1.5, 4),
  pair: [at("p", 5), at(2, 6)],
};

describe("a schema with a box per leaf", () => {
  const asked = citedSchema(schema, 1000);
  it("is one that answers can be held to, and takes the cited answer and no other", () => {
    checkSchema(asked);
    const accepts = new Ajv2020({ strict: false }).compile(asked as object);
    expect(accepts(cited) || accepts.errors).toBe(true);
    expect(accepts({ ...cited, total: 1.5 })).toBe(false);
    expect(accepts({ ...cited, total: { value: 1.5, bbox_2d: [1, 2, 3, 1001] } })).toBe(false);
  });

  it("leaves an answer of the schema that was given, with the boxes by their pointers", () => {
    const { text, boxes } = withoutCitations(cited);
    const value = JSON.parse(text);
    expect(value).toEqual({ rows: [{ "a/b": "x", n: null }, { "a/b": "y" }], total: 1.5, pair: ["p", 2] });
    const accepts = new Ajv2020({ strict: false }).compile(schema);
    expect(accepts(value) || accepts.errors).toBe(true);
    expect(boxes.map(({ pointer, numbers }) => [pointer, numbers[0]])).toEqual([
      ["/rows/0/a~1b", 1],
      ["/rows/0/n", 2],
      ["/rows/1/a~1b", 3],
      ["/total", 4],
      ["/pair/0", 5],
      ["/pair/1", 6],
    ]);
  });

  it("keeps digits that a double cannot hold", () => {
    const text = '{"id":{"value":12345678901234567890,"bbox_2d":[1,2,3,4]},"one":{"value":1.0,"bbox_2d":[1,2,3,4]}}';
    expect(withoutCitations(parseJson(text, fileLimits)).text).toBe('{"id":12345678901234567890,"one":1.0}');
  });

  it("of one value is that value with its box", () => {
    checkSchema(citedSchema({ type: "integer" }, 10));
    expect(withoutCitations(at(7))).toEqual({ text: "7", boxes: [{ pointer: "", numbers: [0, 0, 1, 1] }] });
  });
});
