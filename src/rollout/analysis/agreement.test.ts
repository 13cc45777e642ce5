import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreementOf } from "./agreement.js";

describe("the agreement of two answers", () => {
  it("is whole but for case, white space and width", () => {
    const same = { isExact: true, similarity: 1, sameUntil: 1 };
    expect(agreementOf("A red  dress.\n", "a red dress.")).toMatchObject(same);
    expect(agreementOf("ＡＢＣ１２", "abc12")).toMatchObject(same);
    expect(agreementOf("", " \n")).toMatchObject(same);
  });

  it("counts words that are kept, wherever the first difference stands", () => {
    expect(agreementOf("a red dress", "a blue dress")).toEqual({
      ...{ isExact: false, similarity: 2 / 3, sameUntil: 1 / 3 },
      numWords: [3, 3],
    });
    expect(agreementOf("it is a red dress", "a red dress")).toMatchObject({ similarity: 3 / 5, sameUntil: 0 });
    expect(agreementOf("red", "blue")).toMatchObject({ similarity: 0, sameUntil: 0 });
    expect(agreementOf("red", "")).toMatchObject({ similarity: 0, numWords: [1, 0] });
  });

  it("counts characters where words are not written apart, and words between them", () => {
    expect(agreementOf("一条红裙子", "一条蓝裙子")).toMatchObject({
      similarity: 0.8,
      sameUntil: 0.4,
      numWords: [5, 5],
    });
    expect(agreementOf("iPhone手机", "iphone 手机")).toMatchObject({ isExact: true, numWords: [3, 3] });
    expect(agreementOf("12.50 €", "12.5 €")).toMatchObject({ isExact: false, similarity: 0.75 });
  });

  it("is of both alike, a share, and 1 for equal answers only", () => {
    const answer = fc
      .array(fc.constantFrom("a", "b", "c", "。", "红"), { maxLength: 12 })
      .map((words) => words.join(" "));
    fc.assert(
      fc.property(answer, answer, (a, b) => {
        const [there, back] = [agreementOf(a, b), agreementOf(b, a)];
        expect(there.similarity).toBe(back.similarity);
        expect(there.similarity === 1).toBe(there.isExact);
        expect(there.sameUntil).toBeLessThanOrEqual(there.similarity);
        expect(there.similarity).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("looks at the beginning of what is very long, and knows that the rest differs", () => {
    const long = "word ".repeat(5000);
    expect(agreementOf(`${long}a`, `${long}b`)).toMatchObject({
      isExact: false,
      similarity: 1,
      numWords: [5001, 5001],
    });
  });
});
