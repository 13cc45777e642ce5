import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../base/index.js";
import { parseJson } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { accepts, schemaGrammar, stateAfter } from "./toy.testkit.js";

describe("a schema", () => {
  it.each<[unknown, ErrorCode, Record<string, unknown>]>([
    [{ type: "object", properties: { a: { not: {} } } }, "unsupported", { path: "#/properties/a", keyword: "not" }],
    [
      { items: { maxItem: 3 } },
      "unsupported",
      { path: "#/items", keyword: "maxItem", nearest: expect.arrayContaining(["maxItems"]) },
    ],
    [{ type: "array", uniqueItems: true }, "unsupported", { path: "#", keyword: "uniqueItems" }],
    [{ type: "object", minProperties: 1 }, "unsupported", { keyword: "minProperties" }],
    [{ type: "object", patternProperties: {} }, "unsupported", { keyword: "patternProperties" }],
    [{ if: {} }, "unsupported", { path: "#", keyword: "if" }],
    [{ allOf: [{ type: "string" }, { minLength: 1 }] }, "unsupported", { keyword: "allOf", limit: 1 }],
    [
      { anyOf: [{ type: "string" }], minLength: 1 },
      "unsupported",
      { path: "#", keyword: "minLength", beside: "anyOf" },
    ],
    [
      { $ref: "#/$defs/a", type: "string", $defs: { a: {} } },
      "unsupported",
      { path: "#", keyword: "type", beside: "$ref" },
    ],
    [{ enum: [1], minimum: 0 }, "unsupported", { path: "#", keyword: "minimum", beside: "enum" }],
    [
      { $ref: "http://example.com/schema" },
      "unsupported",
      { path: "#", keyword: "$ref", found: "http://example.com/schema" },
    ],
    [
      { type: "string", format: "nonsense" },
      "unsupported",
      { keyword: "format", supported: expect.arrayContaining(["date", "time"]), found: "nonsense" },
    ],
    [{ type: "object", propertyNames: { anyOf: [] } }, "unsupported", { path: "#/propertyNames", keyword: "anyOf" }],
    [
      { oneOf: [{ type: "string" }, { minLength: 2 }] },
      "unsupported",
      { path: "#", keyword: "oneOf", branches: [0, 1] },
    ],
    [{ $ref: "#/$defs/a" }, "invalid_request", { path: "#/$ref", missing: "#/$defs/a" }],
    [{ $ref: "#" }, "invalid_request", { path: "#", reason: "circular" }],
    [
      {
        $defs: { a: { anyOf: [{ $ref: "#/$defs/b" }] }, b: { anyOf: [{ type: "null" }, { $ref: "#/$defs/a" }] } },
        $ref: "#/$defs/a",
      },
      "invalid_request",
      { path: "#/$defs/a", reason: "circular" },
    ],
    [
      { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
      "invalid_request",
      { path: "#", reason: expect.stringMatching(/^(empty|endless)$/) },
    ],
    [{ type: "array", items: { $ref: "#" }, minItems: 1 }, "invalid_request", { path: "#", reason: "endless" }],
    [false, "invalid_request", { path: "#", reason: "empty" }],
    ["string", "invalid_request", { path: "#", expected: "object, true or false" }],
    [
      { type: "text" },
      "invalid_request",
      { path: "#/type", expected: expect.arrayContaining(["object", "array"]), found: "text" },
    ],
    [{ type: [] }, "invalid_request", { path: "#/type", found: [] }],
    [{ enum: [] }, "invalid_request", { path: "#/enum", expected: "list" }],
    [{ type: "string", enum: [1] }, "invalid_request", { path: "#/enum", types: ["string"] }],
    [{ type: "array", minItems: 3, maxItems: 2 }, "invalid_request", { minItems: 3, maxItems: 2 }],
    [{ type: "string", minLength: -1 }, "invalid_request", { path: "#/minLength", least: 0, found: -1 }],
    [{ type: "string", minLength: "3" }, "invalid_request", { path: "#/minLength", expected: "number", found: "3" }],
    [{ type: "object", required: "a" }, "invalid_request", { path: "#/required", expected: "list of names" }],
    [{ type: "object", properties: [] }, "invalid_request", { path: "#/properties", expected: "object" }],
    [
      { type: "object", properties: {}, required: ["a"], additionalProperties: false },
      "invalid_request",
      { path: "#", required: ["a"] },
    ],
  ])("is refused, with the keyword and its place: %j", (schema, code, details) => {
    expect(() => schemaGrammar(schema)).toThrow(ocellusError(code, details));
  });

  it("may hold annotations, and keywords of types that it does not have", () => {
    const grammar = schemaGrammar({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "t",
      description: "d",
      default: 1,
      examples: [1],
      "x-order": 2,
      type: "integer",
      minLength: 5,
    });
    expect(accepts(grammar, "12")).toBe(true);
  });

  it("takes oneOf whose branches no value can share", () => {
    const shape = (kind: string, side: string) => ({
      type: "object",
      properties: { kind: { const: kind }, [side]: { type: "integer" } },
      required: ["kind", side],
    });
    const grammar = schemaGrammar({
      oneOf: [shape("circle", "radius"), shape("square", "side"), { type: "null" }, { enum: ["none"] }],
    });
    expect(accepts(grammar, '{"kind":"circle","radius":1}')).toBe(true);
    expect(accepts(grammar, '{"kind":"square","radius":1}')).toBe(false);
    expect([accepts(grammar, "null"), accepts(grammar, '"none"')]).toEqual([true, true]);
    const named = {
      $defs: { circle: shape("circle", "radius"), square: shape("square", "side") },
      oneOf: [{ $ref: "#/$defs/circle" }, { $ref: "#/$defs/square" }],
    };
    expect(accepts(schemaGrammar(named), '{"kind":"square","side":2}')).toBe(true);
    expect(() => schemaGrammar({ oneOf: [shape("circle", "radius"), { type: "object" }] })).toThrow(
      ocellusError("unsupported", { path: "#", keyword: "oneOf", branches: [0, 1] }),
    );
  });

  it("writes properties in the order, and constants in the digits, of the schema's text", () => {
    const body =
      '{"properties":{"b":{"const":1.0},"2":{"enum":[2512292042121000001]},"1":{"const":{"9":1e400,"a":[-0],"3":{}}}}}';
    const schema = parseJson(body.replace("{", '{"type":"object","required":["b","2","1"],'), {
      maxDepth: 9,
      maxValues: 99,
      maxKeys: 99,
    });
    const isWritten = (text: string) => accepts(schemaGrammar(schema), text);
    expect(isWritten('{"b":1.0,"2":2512292042121000001,"1":{"9":1e400,"a":[-0],"3":{}}}')).toBe(true);
    expect(isWritten('{"2":2512292042121000001,"b":1.0,"1":{"9":1e400,"a":[-0],"3":{}}}')).toBe(false);
    expect(isWritten('{"b":1,"2":2512292042121000001,"1":{"9":1e400,"a":[-0],"3":{}}}')).toBe(false);
  });

  it("writes properties in its order, further ones after them and never a second time", () => {
    const schema = {
      type: "object",
      properties: { b: { type: "integer" }, a: { type: "integer" } },
      required: ["a"],
      additionalProperties: { type: "boolean" },
    };
    const grammar = schemaGrammar(schema);
    for (const text of ['{"b":1,"a":2}', '{"a":2}', '{"a": 2, "c": true, "aa": false}', '{\n  "a": 2\n}'])
      expect([text, accepts(grammar, text)]).toEqual([text, true]);
    for (const text of [
      '{"a":2,"b":1}',
      "{}",
      '{"a":2,"a":true}',
      '{"a":2,"b":true}',
      '{"a":2,"\\u0062":true}',
      '{"a":2,}',
      '{"a" :2}',
    ])
      expect([text, accepts(grammar, text)]).toEqual([text, false]);
  });

  it("writes further properties only where it says so, or names none", () => {
    const named = { type: "object", properties: { a: { type: "integer" } } };
    expect(accepts(schemaGrammar(named), '{"a":1,"b":2}')).toBe(false);
    expect(accepts(schemaGrammar({ ...named, additionalProperties: true }), '{"a":1,"b":[{"c":null}]}')).toBe(true);
    expect(accepts(schemaGrammar({ type: "object" }), '{"b":[{"c":null}]}')).toBe(true);
    expect(accepts(schemaGrammar({ ...named, required: ["z"] }), '{"a":1,"z":[]}')).toBe(true);
  });

  it("limits the names of further properties", () => {
    const records = schemaGrammar({
      type: "object",
      propertyNames: { type: "string", pattern: "^[a-z]+$" },
      additionalProperties: { type: "integer" },
    });
    expect([accepts(records, '{"ab":1}'), accepts(records, '{"A":1}')]).toEqual([true, false]);
    const listed = schemaGrammar({
      type: "object",
      propertyNames: { enum: ["x", "y"] },
      additionalProperties: { type: "integer" },
      required: ["x", "y"],
    });
    expect([
      accepts(listed, '{"x":1,"y":2}'),
      accepts(listed, '{"x":1}'),
      accepts(listed, '{"x":1,"y":2,"x":3}'),
    ]).toEqual([true, false, false]);
  });

  it("follows pointers with escapes, and rules that refer to each other", () => {
    const schema = {
      $defs: {
        "a/b~c d": { type: "array", items: { $ref: "#/$defs/other" } },
        other: { anyOf: [{ type: "null" }, { $ref: "#/$defs/a~1b~0c%20d" }] },
      },
      properties: { "x/y": { $ref: "#/$defs/a~1b~0c%20d" }, same: { $ref: "#/properties/x~1y" } },
    };
    expect(accepts(schemaGrammar(schema), '{"x/y":[null,[null,[]]],"same":[]}')).toBe(true);
  });

  it("counts characters, not bytes or escapes", () => {
    const grammar = schemaGrammar({ type: "string", minLength: 2, maxLength: 2 });
    for (const inside of ["ab", "你好", "👩a", "\\ud83d\\udc69a", "\\n\\u4e2d"])
      expect([inside, accepts(grammar, `"${inside}"`)]).toEqual([inside, true]);
    for (const inside of ["a", "abc", "👩", "\\ud83d\\udc69", "你"])
      expect([inside, accepts(grammar, `"${inside}"`)]).toEqual([inside, false]);
  });

  it("never lets half a character or half a surrogate pair stand", () => {
    const grammar = schemaGrammar({ type: "string" });
    const broken = [
      [0x22, 0xe4, 0xbd, 0x22],
      [0x22, 0xff],
      [0x22, 0x80],
      [0x22, 0xc0, 0xaf],
      [0x22, 0xed, 0xa0, 0x80],
      [0x22, 0xf4, 0x90],
    ];
    for (const bytes of broken) expect(stateAfter(grammar, Uint8Array.from(bytes))).toBeUndefined();
    for (const text of ['"\\ud83d"', '"\\ud83dx', '"\\udc00', '"\\ud83d\\u0041', '"\n', '"\\x', "\"\\'"])
      expect([text, stateAfter(grammar, text)]).toEqual([text, undefined]);
  });
});

describe("a schema that would take too long to read is refused", () => {
  const nested = (depth: number): unknown => (depth === 0 ? {} : { type: "array", items: nested(depth - 1) });
  const properties = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, { type: "null" }]));
  it.each([
    ["nested deeply", nested(200)],
    ["with thousands of optional properties", { type: "object", properties: properties(5000) }],
    [
      "with a pattern of too many states beside a length",
      { type: "string", pattern: "^(a|b)*a(a|b){18}c$", maxLength: 30 },
    ],
    [
      "with thousands of patterns with lookaheads",
      {
        anyOf: Array.from({ length: 4000 }, (_, i) => ({
          type: "string",
          pattern: `^(?!.*${i}${i})(?=.*[a-f]{3})[0-9a-z]{1,${i + 20}}$`,
        })),
      },
    ],
    ["with many branches of oneOf", { oneOf: Array.from({ length: 5000 }, (_, i) => ({ const: i })) }],
    [
      "that looks up all of Unicode again and again",
      {
        anyOf: [
          "L",
          "Lu",
          "Ll",
          "Lt",
          "Lm",
          "Lo",
          "M",
          "Mn",
          "Mc",
          "Me",
          "N",
          "Nd",
          "Nl",
          "No",
          "P",
          "Pc",
          "Pd",
          "Ps",
          "Pe",
          "Pi",
          "Pf",
          "Po",
          "S",
          "Sm",
          "Sc",
          "Sk",
          "So",
          "Z",
          "Zs",
          "C",
        ].map((p) => ({ type: "string", pattern: `\\p{${p}}` })),
      },
    ],
  ])("%s", (_, schema) => {
    expect(() => schemaGrammar(schema)).toThrow(
      expect.objectContaining({ code: expect.stringMatching("too_large|unsupported") }),
    );
  });
});
