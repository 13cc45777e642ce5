import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import type { BlockFormat } from "../tensor/index.js";
import { dequantizeRows, quantizeRows } from "./blocks.js";
import { type ColumnSpan, ridgeOf, writeFactor } from "./column-span.js";
import { compensatedRows } from "./compensate.js";

const format: fc.Arbitrary<BlockFormat> = fc.record({
  kind: fc.constant("int4" as const),
  blockSize: fc.constantFrom(32 as const, 64 as const, 128 as const),
  zeroPoints: fc.boolean(),
});
const cases = fc.record({ rows: fc.integer({ min: 1, max: 40 }), columns: fc.integer({ min: 8, max: 150 }), format });

/** Numbers between -0.5 and 0.5. */
function randoms(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

/** H of inputs whose columns have a few causes in common, as activations do. */
function correlated(columns: number, seed: number, numInputs = 300): Float64Array {
  const next = randoms(seed);
  const mix = Float64Array.from({ length: columns * 6 }, next);
  const gram = new Float64Array(columns * columns);
  for (let n = 0; n < numInputs; n++) {
    const causes = Array.from({ length: 6 }, next);
    const x = Array.from({ length: columns }, (_, k) =>
      causes.reduce((sum, cause, i) => sum + cause * mix[k * 6 + i]!, 0.2 * next()),
    );
    for (const [i, a] of x.entries()) for (const [j, b] of x.entries()) gram[i * columns + j]! += a * b;
  }
  return gram;
}

function spanOf(gram: Float64Array, columns: number, start = 0, numInputs = 300): ColumnSpan {
  const span = {
    start,
    columns,
    gram,
    factor: new Float64Array(gram.length),
    ridge: ridgeOf(gram, columns, numInputs),
  };
  writeFactor(span);
  return span;
}

/** The whole of H, or its blocks along the diagonal. */
function spansOf(gram: Float64Array, columns: number, width = columns): ColumnSpan[] {
  return Array.from({ length: Math.ceil(columns / width) }, (_, s) => {
    const [start, size] = [s * width, Math.min(width, columns - s * width)];
    const own = Float64Array.from({ length: size * size }, (_, i) => {
      return gram[(start + Math.floor(i / size)) * columns + start + (i % size)]!;
    });
    return spanOf(own, size, start);
  });
}

/** What inputs stand for, and the inputs as earlier rounding left them. */
function disturbedInputs(columns: number, seed: number, numInputs: number) {
  const next = randoms(seed);
  const mix = Float64Array.from({ length: columns * 6 }, next);
  const exact = Array.from({ length: numInputs }, () => {
    const causes = Array.from({ length: 6 }, next);
    return Float64Array.from({ length: columns }, (_, k) =>
      causes.reduce((sum, cause, i) => sum + cause * mix[k * 6 + i]!, 0.2 * next()),
    );
  });
  // Columns are exchanged in part with their neighbours: what is lost of one is there in another.
  return {
    exact,
    given: exact.map((x) => x.map((value, k) => 0.8 * value + 0.2 * x[(k + 1) % columns]! + 0.05 * next())),
  };
}

/** Σ a·bᵀ */
function momentsOf(left: readonly Float64Array[], right: readonly Float64Array[]): Float64Array {
  const columns = right[0]!.length;
  const sum = new Float64Array(left[0]!.length * columns);
  for (const [n, a] of left.entries())
    for (const [i, value] of a.entries())
      for (let j = 0; j < columns; j++) sum[i * columns + j]! += value * right[n]![j]!;
  return sum;
}

/** Σ over rows of (w − ŵ)·H·(w − ŵ)ᵀ: the squared error of what the product gives. */
function outputError(values: Float32Array, back: Float32Array, gram: Float64Array, columns: number): number {
  let sum = 0;
  for (let at = 0; at < values.length; at += columns) {
    for (let i = 0; i < columns; i++) {
      const error = values[at + i]! - back[at + i]!;
      for (let j = 0; j < columns; j++) sum += error * gram[i * columns + j]! * (values[at + j]! - back[at + j]!);
    }
  }
  return sum;
}

/** W·x */
function productOf(w: Float32Array, x: Float64Array): Float64Array {
  return Float64Array.from({ length: w.length / x.length }, (_, row) =>
    x.reduce((sum, value, k) => sum + value * w[row * x.length + k]!, 0),
  );
}

function sumOf(a: Float64Array, b: Float64Array, factor = 1): Float64Array {
  return a.map((value, k) => value + factor * b[k]!);
}

const weights = (count: number, seed: number) => {
  const next = randoms(seed);
  return Float32Array.from({ length: count }, () => next() + next() + next());
};

describe("the factor of columns", () => {
  it("is upper triangular, and UᵀU times H with its ridge is 1", () => {
    const n = 37;
    const { gram, factor, ridge } = spanOf(correlated(n, 3), n);
    const at = (m: Float64Array, i: number, j: number) => m[i * n + j]! + (m === gram && i === j ? ridge : 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (j < i) expect(at(factor, i, j)).toBe(0);
        let product = 0;
        for (let k = 0; k < n; k++)
          for (let m = 0; m < n; m++) product += at(factor, m, i) * at(factor, m, k) * at(gram, k, j);
        expect(product).toBeCloseTo(i === j ? 1 : 0, 8);
      }
    }
  });

  it("exists for columns that no input uses", () => {
    const { factor } = spanOf(new Float64Array(9), 3);
    expect(Array.from(factor, (x) => x + 0)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  it("refuses what is no sum of squares", () => {
    expect(() => spanOf(Float64Array.of(1, 5, 5, 1), 2)).toThrow(ocellusError("internal", { column: 0 }));
  });

  it("is led less by H the fewer inputs it has", () => {
    const gram = correlated(64, 1);
    const ridges = [64, 640, 6400, 64_000].map((numInputs) => ridgeOf(gram, 64, numInputs));
    expect(ridges.map((ridge) => ridge / ridges[0]!)).toEqual(
      [1, 0.1, 0.01, 0.01].map((share) => expect.closeTo(share, 9)),
    );
  });
});

describe("compensating rounding", () => {
  it("gives the layout of plain rounding, within its codes", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 0, max: 999 }), ({ rows, columns, format }, seed) => {
        const values = weights(rows * columns, seed);
        const plain = quantizeRows(values, rows, columns, format);
        const spans = spansOf(correlated(columns, seed, 20), columns);
        const found = compensatedRows({ values, rows, columns }, spans, format);
        for (const part of ["codes", "scales", "zeroPoints"] as const)
          expect([part, found[part]?.length]).toEqual([part, plain[part]?.length]);
        expect(dequantizeRows(found, rows, columns, format).every(Number.isFinite)).toBe(true);
      }),
      { seed: 5, numRuns: 40 },
    );
  });

  it("loses less of the product than plain rounding, in one span and in several", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 0, max: 999 }), ({ rows, columns, format }, seed) => {
        const values = weights(rows * columns, seed);
        const gram = correlated(columns, seed);
        const lost = (back: Float32Array) => outputError(values, back, gram, columns);
        const plain = lost(dequantizeRows(quantizeRows(values, rows, columns, format), rows, columns, format));
        const compensated = lost(
          dequantizeRows(
            compensatedRows({ values, rows, columns }, spansOf(gram, columns), format),
            rows,
            columns,
            format,
          ),
        );
        expect(compensated).toBeLessThanOrEqual(plain);
      }),
      { seed: 6, numRuns: 20 },
    );
    const [values, gram, format] = [weights(16 * 256, 1), correlated(256, 1), { kind: "int4", blockSize: 32 } as const];
    const lost = (width: number) => {
      const found = compensatedRows({ values, rows: 16, columns: 256 }, spansOf(gram, 256, width), format);
      return outputError(values, dequantizeRows(found, 16, 256, format), gram, 256);
    };
    const plain = outputError(
      values,
      dequantizeRows(quantizeRows(values, 16, 256, format), 16, 256, format),
      gram,
      256,
    );
    expect(lost(128)).toBeLessThan(plain);
    expect(lost(256)).toBeLessThan(lost(128));
  });

  it("comes nearer to what is to be given with a target, on inputs that it has not seen too", () => {
    const [rows, columns, numInputs] = [16, 64, 600];
    const format = { kind: "int4", blockSize: 32 } as const;
    for (const seed of [1, 2, 3]) {
      const [values, extra] = [weights(rows * columns, seed), weights(rows * columns, seed + 9)];
      const { exact, given } = disturbedInputs(columns, seed, 2 * numInputs);
      const wanted = exact.map((x, n) => sumOf(productOf(values, x), productOf(extra, given[n]!)));
      const [seen, unseen] = [given.slice(0, numInputs), given.slice(numInputs)];
      const plain = spanOf(momentsOf(seen, seen), columns, 0, numInputs);
      const cross = momentsOf(seen.map((x, n) => sumOf(exact[n]!, x, -1)), seen); // biome-ignore format: one thought
      const more = Float32Array.from(momentsOf(seen.map((x) => productOf(extra, x)), seen)); // biome-ignore format: one thought
      const lost = (target?: ColumnSpan["target"]) => {
        const span = { ...plain, ...(target && { target }) };
        // In two pieces, as threads get them.
        const back = [0, 8].flatMap((firstRow) => {
          const piece = values.subarray(firstRow * columns, (firstRow + 8) * columns);
          const source = { values: piece, rows: 8, columns, origin: { tensor: "w", firstRow } };
          return [...dequantizeRows(compensatedRows(source, [span], format), 8, columns, format)];
        });
        return unseen.reduce((sum, x, n) => {
          const gap = sumOf(wanted[numInputs + n]!, productOf(Float32Array.from(back), x), -1);
          return sum + gap.reduce((squares, value) => squares + value * value, 0);
        }, 0);
      };
      expect(lost({ cross })).toBeLessThan(lost());
      expect(lost({ cross, more })).toBeLessThan(0.3 * lost({ cross }));
    }
  });

  it("keeps what the format can hold, whatever the inputs", () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => ((i % 16) - 8) * 0.25);
    const found = compensatedRows({ values, rows: 1, columns: 64 }, spansOf(correlated(64, 2), 64), { kind: "int4", blockSize: 32 }); // biome-ignore format: one thought
    expect(dequantizeRows(found, 1, 64, { kind: "int4", blockSize: 32 })).toEqual(values);
  });

  it("names the place of NaN", () => {
    const source = {
      values: Float32Array.of(1, Number.NaN),
      rows: 1,
      columns: 2,
      origin: { tensor: "w", firstRow: 7 },
    };
    const spans = spansOf(Float64Array.of(1, 0, 0, 1), 2);
    const round = () => compensatedRows(source, spans, { kind: "int4", blockSize: 32 });
    expect(round).toThrow(ocellusError("invalid_file", { tensor: "w", row: 7, column: 1 }));
  });
});
