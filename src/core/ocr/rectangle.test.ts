import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Point } from "../image/spec/index.js";
import { areasOf } from "./areas.js";
import {
  clockwise,
  cornersOf,
  expanded,
  hullOf,
  type Rectangle,
  rowOf,
  sidesOf,
  smallestRectangle,
} from "./rectangle.js";

const width = 24;
const height = 18;
const masks = fc
  .array(fc.integer({ min: 0, max: width * height - 1 }), { maxLength: 90 })
  .map((set) => Uint8Array.from({ length: width * height }, (_, i) => (set.includes(i) ? 1 : 0)));

/** Each pixel takes the least number among its neighbours, until nothing changes: the definition, slowly. */
function labelled(mask: Uint8Array): number[] {
  const labels = Array.from(mask, (value, i) => (value ? i : -1));
  for (let changed = true; changed; ) {
    changed = false;
    for (const [i, label] of labels.entries()) {
      if (label < 0) continue;
      const [x, y] = [i % width, Math.floor(i / width)];
      for (const [dx, dy] of [-1, 0, 1].flatMap((a) => [-1, 0, 1].map((b) => [a, b] as const))) {
        if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) continue;
        const other = labels[i + dy * width + dx]!;
        if (other < 0 || other >= labels[i]!) continue;
        labels[i] = other;
        changed = true;
      }
    }
  }
  return labels;
}

describe("areas of a mask", () => {
  it("are its connected pixels, by their outermost in each row", () => {
    fc.assert(
      fc.property(masks, (mask) => {
        const labels = labelled(mask);
        const expected = [...new Set(labels.filter((label) => label >= 0))].map((label) => {
          const rows = Array.from({ length: height }, (_, y) =>
            labels.slice(y * width, (y + 1) * width).flatMap((each, x) => (each === label ? [x] : [])),
          );
          const top = rows.findIndex((row) => row.length > 0);
          const filled = rows.filter((row) => row.length > 0);
          return { top, left: filled.map((row) => row[0]), right: filled.map((row) => row.at(-1)) };
        });
        const found = [...areasOf(mask.slice(), width, height)].map(({ top, left, right }) => ({
          ...{ top, left: [...left], right: [...right] },
        }));
        expect(found).toEqual(expected);
      }),
    );
  });
});

/** Within a rectangle, with the rounding of some additions. */
function isInside([x, y]: Point, { axis: [ax, ay], along, across }: Rectangle): boolean {
  const [a, b] = [x * ax + y * ay, y * ax - x * ay];
  return a > along[0] - 1e-9 && a < along[1] + 1e-9 && b > across[0] - 1e-9 && b < across[1] + 1e-9;
}

describe("the smallest rectangle", () => {
  it("holds every pixel, and no rectangle at another angle is smaller", () => {
    fc.assert(
      fc.property(masks, fc.double({ min: 0, max: Math.PI, noNaN: true }), (mask, angle) => {
        for (const area of areasOf(mask, width, height)) {
          const hull = hullOf(area);
          const found = smallestRectangle(hull);
          if (found === undefined) continue;
          for (const [i, left] of area.left.entries())
            for (const x of [left, area.right[i]!]) expect(isInside([x, area.top + i], found)).toBe(true);
          const turned = hull.map(
            ([x, y]): Point => [x * Math.cos(angle) + y * Math.sin(angle), y * Math.cos(angle) - x * Math.sin(angle)],
          );
          const spread = (axis: 0 | 1) => {
            const values = turned.map((point) => point[axis]);
            return Math.max(...values) - Math.min(...values);
          };
          const [a, b] = sidesOf(found);
          expect(a * b).toBeLessThanOrEqual(spread(0) * spread(1) + 1e-9);
        }
      }),
    );
  });

  it("is found again at any angle, with its corners in order", () => {
    fc.assert(
      fc.property(fc.double({ min: -0.7, max: 0.7, noNaN: true }), (angle) => {
        const axis: Point = [Math.cos(angle), Math.sin(angle)];
        const corners = cornersOf({ axis, along: [40, 90], across: [20, 32] });
        const found = smallestRectangle(corners)!;
        const [long, short] = [...sidesOf(found)].sort((a, b) => b - a);
        expect([long, short]).toEqual([expect.closeTo(50), expect.closeTo(12)]);
        const [topLeft, topRight, , bottomLeft] = clockwise(cornersOf(found));
        expect(topRight[0] - topLeft[0]).toBeGreaterThan(0);
        expect(bottomLeft[1] - topLeft[1]).toBeGreaterThan(0);
        expect(sidesOf(expanded(found, 3)).map((side, i) => side - sidesOf(found)[i]!)).toEqual([
          expect.closeTo(6),
          expect.closeTo(6),
        ]);
      }),
    );
  });

  it("of one pixel there is none, and of a row it has no height", () => {
    expect(smallestRectangle([[3, 4]])).toBeUndefined();
    const row = { top: 2, left: Int32Array.of(1), right: Int32Array.of(9) };
    expect(sidesOf(smallestRectangle(hullOf(row))!)).toEqual([8, 0]);
  });

  it("covers of a row what is between its sides", () => {
    const quad = [
      [2, 0],
      [8, 0],
      [6, 4],
      [0, 4],
    ] as const;
    expect([-1, 0, 2, 4, 5].map((y) => rowOf(quad, y))).toEqual([undefined, [2, 8], [1, 7], [0, 6], undefined]);
  });
});
