import fc from "fast-check";
import { expect, it } from "vitest";
import type { PageLine } from "./page.js";
import { rowsOf } from "./rows.js";
import { tablesIn } from "./table.js";

const cell = (left: number, top: number, width = 20): PageLine => ({
  ...{ text: "ab", size: 8, box: [left, top, left + width, top + 8] },
});
const tablesOf = (lines: readonly PageLine[]) =>
  tablesIn(rowsOf(lines)).flatMap((part) => ("table" in part && part.table.kind === "table" ? [part.table.rows] : []));

it("looks at a cell a few times only, however many rows continue a cell", () => {
  let numLooks = 0;
  const counted = (line: PageLine): PageLine => ({
    ...line,
    get box() {
      numLooks++;
      return line.box;
    },
  });
  const pairs = Array.from({ length: 250 }, (_, i) => [cell(0, 20 * i), cell(50, 20 * i), cell(50, 20 * i + 10)]);
  const rows = rowsOf(pairs.flat().map(counted));
  numLooks = 0;
  expect(tablesIn(rows)).toMatchObject([{ table: { rows: { length: 250 } } }]);
  expect(numLooks).toBeLessThan(50 * 750);
});

it("keeps cells that stand under no others out of tables, which would have a column for each", () => {
  const stairs = (numRows: number) =>
    Array.from({ length: numRows }, (_, i) => [cell(100 * i, 10 * i), cell(100 * i + 50, 10 * i)]).flat();
  expect(tablesOf(stairs(20))).toMatchObject([{ length: 20, 0: { length: 40 } }]);
  expect(tablesOf(stairs(200))).toEqual([]);
});

it("loses no line and gives each row of a table one cell a column", () => {
  const lines = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 5, max: 90 })),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(lines, (places) => {
      const given = places.map(([x, y, width]) => cell(40 * x, 10 * y, width));
      let numFound = 0;
      for (const part of tablesIn(rowsOf(given))) {
        if ("rows" in part) numFound += part.rows.flatMap(({ cells }) => cells).length;
        else if (part.table.kind === "table") {
          const { rows } = part.table;
          expect(new Set(rows.map(({ length }) => length)).size).toBe(1);
          numFound += rows.flat().join(" ").match(/ab/g)!.length;
        }
      }
      expect(numFound).toBe(given.length);
    }),
  );
});
