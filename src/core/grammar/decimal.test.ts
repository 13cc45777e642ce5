import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { accepts, schemaGrammar } from "./toy.testkit.js";

describe("numbers", () => {
  const number = fc.oneof(
    fc.integer({ min: -30, max: 30 }),
    fc.integer({ min: -3000, max: 3000 }).map((n) => n / 100),
    fc.double({ min: -2, max: 2, noNaN: true }).map((n) => Number(n.toPrecision(6))),
  );
  const limits = fc.record(
    {
      minimum: number,
      maximum: number,
      exclusiveMinimum: number,
      exclusiveMaximum: number,
      multipleOf: fc.integer({ min: 1, max: 9 }),
    },
    { requiredKeys: [] },
  );
  const fits = (
    value: number,
    of: {
      minimum?: number;
      maximum?: number;
      exclusiveMinimum?: number;
      exclusiveMaximum?: number;
      multipleOf?: number;
    },
  ) =>
    value >= (of.minimum ?? -Infinity) &&
    value <= (of.maximum ?? Infinity) &&
    value > (of.exclusiveMinimum ?? -Infinity) &&
    value < (of.exclusiveMaximum ?? Infinity) &&
    (of.multipleOf === undefined || (Number.isInteger(value) && value % of.multipleOf === 0));
  /** As a person would write it, without an exponent; one more zero now and then. */
  const plain = (value: number) => value.toFixed(12).replace(/\.?0+$/, "");

  it.each(["integer", "number"])("of the type %s are exactly those within the limits", (type) => {
    fc.assert(
      fc.property(limits, fc.array(number, { minLength: 5 }), (of, values) => {
        let grammar: ReturnType<typeof schemaGrammar>;
        try {
          grammar = schemaGrammar({ type, ...of });
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_request" });
          for (const value of values)
            expect(fits(value, of) && (type === "number" || Number.isInteger(value))).toBe(false);
          return;
        }
        const candidates = [...values, ...Object.values(of), ...Object.values(of).map((at) => at + 0.01)].filter(
          (value) => Number(plain(value)) === value,
        );
        for (const value of candidates) {
          const expected = fits(value, of) && (type === "number" || Number.isInteger(value)) && !Object.is(value, -0);
          expect([plain(value), of, accepts(grammar, plain(value))]).toEqual([plain(value), of, expected]);
          if (
            expected &&
            type === "number" &&
            of.multipleOf === undefined &&
            plain(value).includes(".") &&
            Object.keys(of).length > 0
          )
            expect(accepts(grammar, `${plain(value)}0`)).toBe(true);
        }
      }),
      { seed: 72, numRuns: 200 },
    );
  });

  it("have JSON's spelling, and no more digits than every reader keeps", () => {
    const [whole, any] = [schemaGrammar({ type: "integer" }), schemaGrammar({ type: "number" })];
    for (const text of ["0", "-1", "10", "999999999999999"]) expect([text, accepts(whole, text)]).toEqual([text, true]);
    for (const text of ["-0", "01", "1.0", "1e3", "+1", "9999999999999999", "-"])
      expect([text, accepts(whole, text)]).toEqual([text, false]);
    for (const text of ["-0", "0.5", "-0.25", "1e10", "1.5E-7", "0.12345678901234567"])
      expect([text, accepts(any, text)]).toEqual([text, true]);
    for (const text of [".5", "1.", "1e400", "1e", "NaN", "00", "0.123456789012345678"])
      expect([text, accepts(any, text)]).toEqual([text, false]);
  });

  it("are refused when none is within the limits", () => {
    for (const of of [
      { minimum: 3, maximum: 2 },
      { exclusiveMinimum: 1, exclusiveMaximum: 2 },
      { minimum: 1, maximum: 6, multipleOf: 7 },
      { minimum: 1e15 },
    ])
      expect(() => schemaGrammar({ type: "integer", ...of })).toThrow(
        ocellusError("invalid_request", { path: "#", type: "integer", largest: expect.any(Number) }),
      );
    expect(() => schemaGrammar({ type: "number", multipleOf: 0.1 })).toThrow(
      ocellusError("unsupported", { path: "#", keyword: "multipleOf", least: 1, found: 0.1 }),
    );
  });
});
