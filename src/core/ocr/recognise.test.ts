import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classifierFrame, decodeSteps, isUpsideDown, recogniserFrame } from "./recognise.js";

const symbols = ["", "a", "b", "国", " "];

/** Steps whose best symbols are these, each with probability 0.8 but for what a space has. */
function steps(best: readonly number[], space = 0): Float32Array {
  const of = (i: number, wanted: number) => (i === wanted ? 0.8 : i === 4 ? space : 0.001);
  return Float32Array.from(best.flatMap((wanted) => symbols.map((_, i) => of(i, wanted))));
}

describe("decoding", () => {
  it("takes repeats for one character, unless nothing is between them", () => {
    expect(decodeSteps(steps([0, 1, 1, 0, 1, 2, 2, 4, 3, 0]), symbols)).toEqual({
      text: "aab 国",
      score: expect.closeTo(0.8),
    });
  });

  it("writes a space where the steps between two characters are together sure enough of one", () => {
    expect(decodeSteps(steps([1, 0, 0, 0, 2], 0.03), symbols).text).toBe("ab");
    expect(decodeSteps(steps([1, 0, 0, 0, 0, 2], 0.03), symbols).text).toBe("a b");
    expect(decodeSteps(steps([0, 4, 1, 4, 4, 2, 4]), symbols).text).toBe("a b"); // none before the first, and after the last
  });

  it("finds no text where every step is nothing", () => {
    expect(decodeSteps(steps([0, 4, 0]), symbols)).toEqual({ text: "", score: 0 });
    expect(decodeSteps(new Float32Array(), symbols)).toEqual({ text: "", score: 0 });
  });

  it("reads back any text, however long each character is", () => {
    const character = fc.record({ symbol: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(character, { maxLength: 30 }), (characters) => {
        const best = characters.flatMap(({ symbol, length }) => [...Array(length).fill(symbol), 0]);
        const { text } = decodeSteps(steps(best), symbols);
        expect(text).toBe(characters.map(({ symbol }) => symbols[symbol]).join(""));
      }),
    );
  });
});

describe("a line's frame", () => {
  it("keeps the line's form between its bounds, and the rest is padding", () => {
    expect(recogniserFrame({ width: 100, height: 30 })).toEqual({ size: { width: 160, height: 48 }, padded: 320 });
    expect(recogniserFrame({ width: 1001, height: 48 })).toEqual({ size: { width: 1001, height: 48 }, padded: 1001 });
    expect(recogniserFrame({ width: 65_535, height: 1 })).toEqual({ size: { width: 3200, height: 48 }, padded: 3200 });
    expect(classifierFrame({ width: 100, height: 48 })).toEqual({ size: { width: 100, height: 48 }, padded: 192 });
    expect(classifierFrame({ width: 1000, height: 48 })).toEqual({ size: { width: 192, height: 48 }, padded: 192 });
  });

  it("is turned over only when that is nearly certain", () => {
    const turns = [0.05, 0.4, 0.89, 0.91].map((turned) => isUpsideDown(Float32Array.of(1 - turned, turned)));
    expect(turns).toEqual([false, false, false, true]);
  });
});
