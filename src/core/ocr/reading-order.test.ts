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

  it("takes columns of running text one after the other, between lines that span them", () => {
    const column = (name: string, left: number, count: number) =>
      Array.from({ length: count }, (_, i) =>
        word(`${name}${i}`, left, 60 + 26 * i, i === count - 1 ? 120 : 290 - (i % 3)),
      );
    const [a, b, c] = [column("a", 10, 6), column("b", 330, 6), column("c", 650, 5)];
    const page = [word("Heading over all columns", 10, 10, 900), ...a, ...b, ...c, word("Footer", 10, 300, 900)];
    const text = (lines: readonly Word[]) => lines.map((line) => line.text);
    const expected = ["Heading over all columns", ...text(a), ...text(b), ...text(c), "Footer"];
    const shuffled = fc.shuffledSubarray(page, { minLength: page.length });
    fc.assert(
      fc.property(shuffled, fc.double({ min: -Math.PI, max: Math.PI, noNaN: true }), (lines, angle) => {
        expect(text(readingRows(lines.map((line) => turned(line, angle))).flat())).toEqual(expected);
      }),
    );
  });

  it("reads tables row by row, whose cells do not fill their columns", () => {
    const cells = [0, 1, 2, 3].flatMap((i) => [
      word(`name ${i}`, 10, 40 * i, 60 + 50 * i),
      word(`note ${i}`, 400, 40 * i, 230 - 60 * i),
      word(`${i}.00`, 700, 40 * i, 50),
    ]);
    expect(readingRows(cells).map((row) => row.map(({ text }) => text))).toEqual(
      [0, 1, 2, 3].map((i) => [`name ${i}`, `note ${i}`, `${i}.00`]),
    );
  });

  it("takes time in proportion to the rows", () => {
    const rows = (count: number) => {
      const lines = Array.from({ length: count }, (_, i) => [
        word("a", 0, 30 * i, 50),
        word("b", 500, 30 * i, 50),
      ]).flat();
      let reads = 0;
      const counted = lines.map(({ text, quad }) => ({
        text,
        get quad() {
          reads++;
          return quad;
        },
      }));
      readingRows(counted);
      return reads;
    };
    expect(rows(400)).toBeLessThanOrEqual(4.2 * rows(100));
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
