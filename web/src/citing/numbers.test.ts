import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markedNumber, markNumbers, replaceNumbers, withoutMarks } from "./numbers.js";

const known =
  (...numbers: number[]) =>
  (number: number) =>
    numbers.includes(number);
/** The numbers of code spans that open a page. */
const opened = (marked: string) => [...marked.matchAll(/`([^`]*)`/g)].flatMap(([, span]) => markedNumber(span!) ?? []);

describe("the numbers of pages in an answer", () => {
  it("are found alone, in lists, beside each other and as Chinese has them, and no others", () => {
    for (const [text, numbers] of [
      ["so it is [1].", [1]],
      ["[2][1]", [2, 1]],
      ["[1, 2] and [2，1]", [1, 2, 2, 1]],
      ["更换滤芯【2】，见［1］。", [2, 1]],
      ["[1](https://example.com) [1]: https://example.com", [1, 1]],
      ["[3] [1-2] [one] [12345] [] [1 [2", []],
      ["`list[1]` and ```\nlist[2]\n```", []],
    ] as const)
      expect(opened(markNumbers(text, known(1, 2))), text).toEqual(numbers);
  });

  it("leave in a list what is no page", () => {
    expect(replaceNumbers("see [1, 9].", (number) => (number === 1 ? "(one)" : undefined))).toBe("see (one)[9].");
  });

  it("are the same ones in the same order, whatever stands around them", () => {
    const piece = fc.oneof(
      fc
        .integer({ min: 1, max: 9 })
        .map((number) => ({ text: `[${number}]`, number: number <= 4 ? number : undefined })),
      fc
        .string({ unit: "grapheme" })
        .map((text) => ({ text: text.replace(/[`[\]［］【】]/g, " "), number: undefined })),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const marked = markNumbers(pieces.map(({ text }) => text).join(""), (number) => number <= 4);
        expect(opened(marked)).toEqual(pieces.flatMap(({ number }) => number ?? []));
        expect(withoutMarks(marked)).toBe(pieces.map(({ text }) => text).join(""));
      }),
    );
  });
});
