import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { accepts, schemaGrammar, stateAfter } from "./toy.testkit.js";

describe("pattern", () => {
  const patterns = [
    ...[
      "",
      "a",
      "^a",
      "a$",
      "^a$",
      "^$",
      "a|b",
      "^a|b$",
      "^(a|b)c$",
      "(?:ab)+",
      "^(?<first>a)b?$",
      "^a{2}$",
      "^a{2,}$",
      "^a{0,2}b*$",
      "^(a*)*$",
    ],
    ...[
      "^[abc]$",
      "^[^abc]$",
      "^[a-c0-2]+$",
      "^[\\]\\-^]+$",
      "^[-a]+$",
      "^[a-]+$",
      "^\\w\\d\\s$",
      "^\\W\\D\\S$",
      "^[\\d,]+$",
      "^[^\\s]+$",
      "^.$",
      "^[.]$",
    ],
    ...[
      "^\\u00e9$",
      "^\\u{1F469}$",
      "^\\ud83d\\udc69$",
      "^\\x41$",
      "^\\t\\n\\r\\f\\v\\0$",
      "^\\cA$",
      "^[\\b]$",
      "^\\/\\.\\*$",
      "^👩+$",
      "^[😀-😎]$",
      "^[一-龥]{1,2}$",
    ],
    ...[
      "^(?!a)",
      "^(?!ab)[ab]*$",
      "^(?=.*b)[ab]+$",
      "(?!b)a",
      "a(?=b)",
      "a(?!b$)",
      "^a(?!.*a).*$",
      "^(?=a)(?!ab)..$",
      "^[a-z]+?b$",
      '^["\\\\]$',
      "^\\p{L}+$",
      "^\\P{L}$",
      "^[\\p{Lu}\\d]$",
    ],
  ];
  const text = fc.string({
    unit: fc.constantFrom(
      ..."ab",
      ..."ab",
      ..."cAB12,. -]^/*",
      ..."é👩😀中",
      '"',
      "\\",
      "\t",
      "\n",
      "\r",
      "\0",
      "\x01",
      "\b",
      "\u2028",
    ),
    maxLength: 5,
  });

  it.each(patterns)("allows exactly the strings that RegExp finds it in: %s", (pattern) => {
    const grammar = schemaGrammar({ type: "string", pattern });
    const expected = new RegExp(pattern, "u");
    fc.assert(
      fc.property(text, (value) => {
        const written = JSON.stringify(value);
        expect([written, accepts(grammar, written)]).toEqual([written, expected.test(value)]);
      }),
      { seed: 71, numRuns: 150 },
    );
  });

  const place = { path: "#/properties/a", keyword: "pattern" };
  it.each([
    ["(", ocellusError("unsupported", { ...place, construct: "syntax" })],
    ["(a)\\1", ocellusError("unsupported", { ...place, construct: "\\1" })],
    ["(?<=a)b", ocellusError("unsupported", { ...place, construct: "(?<=" })],
    ["\\bword", ocellusError("unsupported", { ...place, construct: "\\b" })],
    ["(a$|b)", ocellusError("unsupported", { ...place, construct: "$" })],
    ["(^a)", ocellusError("unsupported", { ...place, construct: "^" })],
    ["((?=a)b)+", ocellusError("unsupported", { ...place, construct: "(?=" })],
    ["a".repeat(2001), ocellusError("too_large", { path: "#/properties/a/pattern", limit: 2000 })],
  ])("refuses what it cannot keep: %s", (pattern, error) => {
    expect(() => schemaGrammar({ type: "object", properties: { a: { type: "string", pattern } } })).toThrow(error);
  });

  it("may be joined by a format and by lengths", () => {
    const grammar = schemaGrammar({ type: "string", pattern: "^[a-z]+$", minLength: 2, maxLength: 3 });
    expect(["a", "ab", "abc", "abcd", "AB"].map((value) => accepts(grammar, `"${value}"`))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(stateAfter(grammar, '"abcd')).toBeUndefined();
    const dated = schemaGrammar({ type: "string", format: "date", pattern: "^2024" });
    expect(["2024-02-29", "2023-02-28", "2024-02-30"].map((value) => accepts(dated, `"${value}"`))).toEqual([
      true,
      false,
      false,
    ]);
    expect(() => schemaGrammar({ type: "string", pattern: "^[a-z]{5}$", maxLength: 4 })).toThrow(
      ocellusError("invalid_request", { path: "#", type: "string" }),
    );
  });

  it("never begins what it cannot end", () => {
    const grammar = schemaGrammar({ type: "string", pattern: "^(abc|abd)$", maxLength: 3 });
    const long = schemaGrammar({ type: "string", pattern: "^(a|bcde)$", maxLength: 3 });
    expect(stateAfter(grammar, '"ab')).toBeDefined();
    expect(stateAfter(long, '"b')).toBeUndefined();
  });
});
