/** Schemas that ask for a box per leaf, and answers that come back without them. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { fileLimits, parseJson } from "../base/index.js";
import { citedSchema, uncitedPointer, withoutCitations } from "./cited.js";
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

  it("leaves the schema's own value and bbox_2d as they are, also within a constant and within anything", () => {
    const integer = { type: "integer" };
    const own = {
      type: "object",
      properties: { value: { type: "string" }, bbox_2d: { type: "array", items: integer } },
      required: ["value", "bbox_2d"],
      additionalProperties: false,
    };
    const box = { value: "a", bbox_2d: [1, 2, 3, 4] };
    const answers: [schema: unknown, cited: unknown, plain: unknown, pointers: string[]][] = [
      [own, { value: at("a"), bbox_2d: [at(5)] }, { value: "a", bbox_2d: [5] }, ["/value", "/bbox_2d/0"]],
      [own, { value: at("a"), bbox_2d: [] }, { value: "a", bbox_2d: [] }, ["/value"]],
      [
        own,
        { value: at("a"), bbox_2d: [1, 2, 3, 4].map((n) => at(n)) },
        box,
        ["/value", 0, 1, 2, 3].map((n) => (n === "/value" ? n : `/bbox_2d/${n}`)),
      ],
      [{ enum: [box] }, at(box), box, [""]],
      [{ items: true }, [at(box)], [box], ["/0"]],
      [{ prefixItems: [integer] }, [at(1), at(box)], [1, box], ["/0", "/1"]],
      [{ properties: {}, required: ["x"] }, { x: at(box) }, { x: box }, ["/x"]],
    ];
    for (const [given, asked, plain, pointers] of answers) {
      const held = new Ajv2020({ strict: false }).compile(citedSchema(given, 1000) as object);
      expect(held(asked) || held.errors).toBe(true);
      const { text, boxes } = withoutCitations(asked);
      expect(JSON.parse(text)).toEqual(plain);
      expect(boxes.map(({ pointer }) => pointer)).toEqual(pointers);
      expect(boxes.flatMap(({ numbers }) => numbers).every(Number.isFinite)).toBe(true);
    }
  });

  it("names fields by their place in the answer without boxes", () => {
    const pointers = [
      "/value/value",
      "/bbox_2d/0/value",
      "/bbox_2d/0/bbox_2d/1",
      "/c/value/value",
      "/c/value/a",
      "/valued",
    ];
    const found = pointers.map((each) => uncitedPointer(each, new Set(["/value", "/bbox_2d/0", "/c"])));
    expect(found).toEqual(["/value", "/bbox_2d/0", undefined, "/c/value", "/c/a", undefined]);
    expect(uncitedPointer("/value", new Set([""]))).toBe("");
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
