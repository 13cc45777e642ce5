import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { checkPattern, checkSchema, fitsPattern, satisfiesSchema } from "./satisfies.js";
import { randomSchema } from "./schemas.testkit.js";
import { schemaGrammar, seededRandom, write } from "./toy.testkit.js";

describe("fitsPattern", () => {
  const patterns = [
    "^[a-z]{2,5}$",
    "b",
    "^$|^x+$",
    "a\\.b$",
    "^(?!a)[a-c]+$",
    "^.$",
    '"\\\\/',
    "^\\s\\S",
    "[\\u4e00-\\u9fff]",
    "(ab|a)+c",
  ];

  it("finds what RegExp finds", () => {
    const texts = fc.string({ unit: fc.constantFrom(...'abcx."\\/ \n\t你好😀\u2028\u0001\u007f'), maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.constantFrom(...patterns), (text, pattern) => {
        expect(fitsPattern(text, pattern), JSON.stringify([text, pattern])).toBe(new RegExp(pattern, "u").test(text));
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it("needs no more time where RegExp would look for years", () => {
    expect(fitsPattern(`${"a".repeat(5000)}!`, "^(a+)+$")).toBe(false);
    expect(fitsPattern("a".repeat(5000), "^(a|a?)+$")).toBe(true);
  });

  it("says what it cannot do", () => {
    expect(() => checkPattern("(a")).toThrow(ocellusError("unsupported", { pattern: "(a", construct: "syntax" }));
    expect(() => checkPattern("\\b3\\b")).toThrow(ocellusError("unsupported", { construct: "\\b" }));
  });
});

describe("satisfiesSchema", () => {
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);

  // Reference: ajv. Formats are narrower here: what fits ours fits the standard's.
  it("agrees with ajv on values of the schema and of other schemas", () => {
    const count = { fits: 0, fitsNot: 0 };
    fc.assert(
      fc.property(randomSchema, randomSchema, fc.nat(), (schema, other, seed) => {
        fc.pre(!JSON.stringify(schema).includes('""')); // ajv passes over a required "" that is not there
        checkSchema(schema);
        const validate = ajv.compile(schema);
        const hasFormat = JSON.stringify(schema).includes('"format"');
        for (const from of [schema, other]) {
          const { text } = write(schemaGrammar(from), { random: seededRandom(seed), numRandom: 40 });
          for (const value of [JSON.parse(text), reversed(JSON.parse(text)), shortened(JSON.parse(text))]) {
            const [ours, theirs] = [satisfiesSchema(JSON.stringify(value), schema), validate(value)];
            if (ours || !hasFormat) expect(ours, `${JSON.stringify(value)} by ${JSON.stringify(schema)}`).toBe(theirs);
            count[ours ? "fits" : "fitsNot"]++;
          }
        }
      }),
      { seed: 9, numRuns: 100 },
    );
    expect(count.fits).toBeGreaterThan(100);
    expect(count.fitsNot).toBeGreaterThan(100);
  });

  it("follows references, and refuses those that never end and keywords it does not know", () => {
    const tree = {
      $defs: { tree: { type: "object", properties: { a: { $ref: "#/$defs/tree" } } } },
      $ref: "#/$defs/tree",
    };
    checkSchema(tree);
    expect(satisfiesSchema('{"a":{"a":{}}}', tree)).toBe(true);
    expect(satisfiesSchema('{"a":{"a":1}}', tree)).toBe(false);
    expect(() => checkSchema({ $defs: { a: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" })).toThrow(
      ocellusError("invalid_request", { path: "#/$defs/a", reason: "circular" }),
    );
    expect(() => checkSchema({ type: "object", minProperties: 1 })).toThrow(
      ocellusError("unsupported", { path: "#", keyword: "minProperties" }),
    );
  });

  it("compares every digit, and not how a number is spelled", () => {
    const limits = { maxDepth: 9, maxValues: 99, maxKeys: 99 };
    const schema = parseJson('{"enum":[2512292042121000001,1.50,[0.0],{"1":1e400,"a":0}]}', limits);
    for (const same of ["2512292042121000001", "15e-1", "1.5", "[-0]", '{"a":0,"1":10e399}'])
      expect(satisfiesSchema(same, schema), same).toBe(true);
    for (const other of ["2512292042121000000", "1.51", "[1]", '{"a":0,"1":1e401}', "-1.5", "150"])
      expect(satisfiesSchema(other, schema), other).toBe(false);
    const property = parseJson('{"properties":{"id":{"const":2512292042121000001}}}', limits);
    expect(satisfiesSchema('{"id":2512292042121000001}', property)).toBe(true);
    expect(satisfiesSchema('{"id":2512292042121000002}', property)).toBe(false);
  });
});

/** The members of an object the other way round. */
function reversed(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).reverse());
}

/** Without its first part. */
function shortened(value: unknown): unknown {
  if (typeof value === "string" || Array.isArray(value)) return value.slice(1);
  if (typeof value === "number") return -value;
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).slice(1));
}
