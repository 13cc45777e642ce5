import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Point } from "../image/spec/index.js";
import { readingRows } from "./reading-order.js";
import type { Quad } from "./rectangle.js";

interface Word {
  readonly text: string;
  readonly quad: Quad;
}

function word(text: string, left: number, top: number, width: number, height = 20): Word {
  const [right, bottom] = [left + width, top + height];
  return {
    text,
    quad: [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ],
  };
}

const receipt = [
  word("Tea", 10, 12, 60),
  word("3.20", 300, 16, 50), // a little lower
  word("Cake", 10, 50, 70),
  word("4.10", 300, 47, 50),
  word("Thank you", 90, 120, 160, 40),
];
const rows = [["Tea", "3.20"], ["Cake", "4.10"], ["Thank you"]];

function turned({ text, quad }: Word, angle: number): Word {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return { text, quad: quad.map(([x, y]): Point => [x * cos - y * sin, x * sin + y * cos]) as unknown as Quad };
}

describe("reading order", () => {
  it("is row by row from the top, whatever order the lines are found in and however the page is turned", () => {
    const shuffled = fc.shuffledSubarray(receipt, { minLength: receipt.length });
    fc.assert(
      fc.property(shuffled, fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }), (lines, angle) => {
        const read = readingRows(lines.map((line) => turned(line, angle)));
        expect(read.map((row) => row.map(({ text }) => text))).toEqual(rows);
      }),
    );
  });

  it("keeps two small lines beside a large one apart", () => {
    const lines = [word("199", 10, 10, 90, 60), word("was 250", 120, 12, 80, 18), word("now", 120, 48, 40, 18)];
    expect(readingRows(lines)).toHaveLength(3);
  });

  it("takes columns of vertical text from the right", () => {
    const column = (text: string, left: number): Word => {
      const [a, b, c, d] = word(text, left, 10, 20, 200).quad;
      return { text, quad: [b, c, d, a] };
    };
    expect(readingRows([column("春", 10), column("秋", 60)]).map(([line]) => line!.text)).toEqual(["秋", "春"]);
  });

  it("of no lines is none", () => {
    expect(readingRows([])).toEqual([]);
  });
});
