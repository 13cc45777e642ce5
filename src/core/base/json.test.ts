/** The reader against JSON.parse, which says what JSON is; what JSON.parse loses; and the bounds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entriesOf, type JsonLimits, JsonProblem, memberTexts, numberText, parseJson, stringifyJson } from "./json.js";

const wide: JsonLimits = { maxDepth: 64, maxValues: 10_000, maxKeys: 10_000 };
const read = (text: string) => parseJson(text, wide);

/** JSON with names and numbers that JavaScript would change, without white space. */
const exactJson = fc.letrec<{ value: string }>((tie) => {
  const name = fc.oneof(
    fc.stringMatching(/^[0-9]{1,3}$/),
    fc.constantFrom("a", "b", "__proto__", "toJSON", "4294967295"),
  );
  const digits = fc.constantFrom("1.0", "-0", "1e400", "1E5", "2512292042121000001", "0.10", "7", "-1.5e-7");
  const members = fc.uniqueArray(fc.tuple(name, tie("value")), { selector: ([key]) => key, maxLength: 6 });
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      digits,
      fc.constantFrom("true", "false", "null"),
      fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
      fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
      members.map((list) => `{${list.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`),
    ),
  };
}).value;

describe("parseJson", () => {
  it("makes the values that JSON.parse makes", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(read(text)).toEqual(JSON.parse(text));
        expect(read(JSON.stringify(JSON.parse(text), null, "\t "))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("accepts what JSON.parse accepts, and nothing else", () => {
    const piece = fc.constantFrom(
      ...'{}[]:,"\\ \n\t0123-+.eE/u',
      "true",
      "nul",
      "fals",
      '"a"',
      "\u0000",
      "\u00a0",
      "\ufeff",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.json({ maxDepth: 2 }), fc.nat(40), (pieces, json, at) => {
        const text = json.slice(0, at) + pieces.join("") + json.slice(at);
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => read(text)).toThrow(JsonProblem);
          return;
        }
        expect(read(text)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("is printed as it was written", () => {
    fc.assert(
      fc.property(exactJson, (value) => {
        const text = `{"x":${value}}`;
        expect(stringifyJson(read(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps the last of equal names, in the first one's place", () => {
    const text = '{"b":1.0,"2":1.0,"b":3,"1":0}';
    expect(stringifyJson(read(text))).toBe('{"b":3,"2":1.0,"1":0}');
    expect(read(text)).toEqual(JSON.parse(text));
  });

  it("says where a text ends to be JSON, and nothing of what it holds", () => {
    const secret = '{"key": sk-secret}';
    expect(() => read(secret)).toThrow(expect.objectContaining({ details: { at: 9 } }));
    expect(() => read(secret)).toThrow(expect.not.objectContaining({ message: expect.stringContaining("sk") }));
  });

  it.each([
    ["maxDepth", { ...wide, maxDepth: 3 }, "[[[1]]]", "[[[[1]]]]"],
    ["maxValues", { ...wide, maxValues: 3 }, '[1,"a"]', '[1,"a",{}]'],
    ["maxKeys", { ...wide, maxKeys: 2 }, '{"a":{"b":1}}', '[{"a":1},{"b":{"c":1}}]'],
    ["maxStringLength", { ...wide, maxStringLength: 3 }, '{"abc":"def"}', '["abcd"]'],
    ["maxStringLength", { ...wide, maxStringLength: 3 }, '["abc"]', '{"abcd":1}'],
  ] as const)("bounds %s", (of, limits, within, beyond) => {
    expect(parseJson(within, limits)).toEqual(JSON.parse(within));
    expect(() => parseJson(beyond, limits)).toThrow(
      expect.objectContaining({ isTooLarge: true, details: { limit: limits[of], of } }),
    );
  });

  it("stops at a bound, however much follows", () => {
    const endless = `[${"{},".repeat(1000)}`; // never closed: read to its end it would be no JSON
    expect(() => parseJson(endless, { ...wide, maxValues: 500 })).toThrow(
      expect.objectContaining({ isTooLarge: true }),
    );
    expect(() => read(`[${"1".repeat(5000)}]`)).toThrow(expect.objectContaining({ isTooLarge: true }));
  });
});

describe("what JSON.parse loses", () => {
  it("is at hand by name and index", () => {
    const json = read('{"z":[1,2.50],"1":2512292042121000001,"0":1}') as Record<string, object>;
    expect(entriesOf(json).map(([key]) => key)).toEqual(["z", "1", "0"]);
    expect(numberText(json, "1")).toBe("2512292042121000001");
    expect(numberText(json, "0")).toBeUndefined();
    expect(numberText(json.z!, 1)).toBe("2.50");
  });

  it("is printed of other values as JSON.stringify prints them", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void expect(stringifyJson(value)).toBe(JSON.stringify(value))));
    const odd = { a: undefined, b: [undefined, () => 1], c: new Date(0), d: Number.NaN };
    expect(stringifyJson(odd)).toBe(JSON.stringify(odd));
  });
});

describe("memberTexts", () => {
  it("gives each member's own text", () => {
    const texts = memberTexts(' { "name" : "f", "arguments": { "a": 1.0, "2" : [ ] } } ', wide);
    expect([...texts]).toEqual([
      ["name", '"f"'],
      ["arguments", '{ "a": 1.0, "2" : [ ] }'],
    ]);
  });
});
