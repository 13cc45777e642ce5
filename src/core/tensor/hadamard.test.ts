import { describe, expect, it } from "vitest";
import { hadamard, rotateColumns, rotationSize } from "./hadamard.js";

const sizes = [1, 2, 4, 8, 16, 32];
const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * i + 1));

describe("Hadamard matrices", () => {
  it.each(sizes)("of size %i are orthogonal and symmetric, with entries of one size", (size) => {
    const matrix = hadamard(size);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        const dot = Array.from({ length: size }, (_, i) => matrix[a * size + i]! * matrix[b * size + i]!);
        expect(dot.reduce((sum, x) => sum + x)).toBeCloseTo(a === b ? 1 : 0, 6);
        expect(matrix[a * size + b]).toBe(matrix[b * size + a]);
        expect(Math.abs(matrix[a * size + b]!)).toBe(matrix[0]);
      }
    }
  });

  it("are what columns are turned by, group by group", () => {
    for (const columns of [8, 24, 48, 96, 160]) {
      const size = rotationSize(columns);
      const matrix = hadamard(size);
      const rows = wave(3 * columns);
      const turned = rows.slice();
      rotateColumns(turned, columns);
      for (const [i, value] of turned.entries()) {
        const start = i - (i % size);
        const product = Array.from({ length: size }, (_, j) => rows[start + j]! * matrix[j * size + (i % size)]!);
        expect(value).toBeCloseTo(
          product.reduce((sum, x) => sum + x),
          5,
        );
      }
      rotateColumns(turned, columns);
      for (const [i, value] of turned.entries()) expect(value).toBeCloseTo(rows[i]!, 5);
    }
  });

  it("turn as many columns at once as divide the row, 32 at most", () => {
    expect([1024, 1152, 4304, 48, 7].map(rotationSize)).toEqual([32, 32, 16, 16, 1]);
  });
});
