/** Filters over labels: each condition, their laws, and what is refused. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { filterOf, type LabelValue, type Where } from "./where.js";

const passes = (metadata: Record<string, LabelValue>, where: object) => filterOf(where as Where)({ metadata });

describe("a filter", () => {
  const dress = { shelf: "A", price: 12.5, season: "2026-05-01", size: "40", sold: true };
  it.each([
    [{}, true],
    [{ shelf: "A", price: "12.5", sold: "true" }, true],
    [{ shelf: "A", price: 13 }, false],
    [{ price: { $gte: 12.5, $lt: 20 } }, true],
    [{ price: { $gt: 12.5 } }, false],
    [{ price: { $lte: "9" } }, false], // a number, not a text
    [{ size: { $gt: 9 } }, true],
    [{ season: { $gte: "2026-04", $lt: "2026-06" } }, true],
    [{ season: { $gt: 3 } }, false],
    [{ sold: { $gt: 0 } }, false],
    [{ absent: { $lt: 3 } }, false],
    [{ shelf: { $in: ["B", "A"] } }, true],
    [{ shelf: { $nin: ["B", "A"] } }, false],
    [{ absent: { $nin: ["B"], $ne: "A", $exists: false } }, true],
    [{ constructor: { $exists: true } }, false],
    [{ $or: [{ shelf: "B" }, { price: { $lt: 13 } }] }, true],
    [{ shelf: "B", $or: [{ shelf: "A" }] }, false],
    [{ $and: [{ shelf: "A" }, { $or: [{ price: 1 }, { size: 40 }] }] }, true],
  ])("%j says %s", (where, expected) => expect(passes(dress, where)).toBe(expected));

  it.each([
    [{ $not: {} }, "$not"],
    [{ $or: [] }, "$or"],
    [{ $or: ["A"] }, "$or"],
    [{ $or: { shelf: "A" } }, "$or"],
    [{ price: {} }, "price"],
    [{ price: { $above: 3 } }, "price"],
    [{ price: { $gt: true } }, "price"],
    [{ price: ["A"] }, "price"],
    [{ price: null }, "price"],
    [Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`label${i}`, "x"])), "label64"],
    [Array.from({ length: 12 }).reduce<object>((inner) => ({ $or: [inner] }), { shelf: "A" }), "$or"],
  ])("is refused as %j", (where, label) => {
    const refusal = ocellusError("invalid_request", { param: "where", label });
    expect(() => passes({}, where)).toThrow(refusal);
  });

  it("orders numbers as numbers, is the opposite of its opposite, and $or is `or`", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const label = fc.oneof(number, fc.string({ maxLength: 4 }), fc.boolean());
    fc.assert(
      fc.property(label, label, number, number, (a, b, x, y) => {
        expect(passes({ x }, { x: { $lt: y } })).toBe(x < y);
        expect(passes({ x }, { x: { $gte: y } })).toBe(x >= y);
        expect(passes({ a }, { a: { $ne: b } })).toBe(!passes({ a }, { a: b }));
        expect(passes({ a }, { a: { $nin: [b, x] } })).toBe(!passes({ a }, { $or: [{ a: b }, { a: x }] }));
        expect(passes({ a, x }, { a: b, x: y })).toBe(passes({ a, x }, { $and: [{ a: b }, { x: y }] }));
      }),
    );
  });
});
