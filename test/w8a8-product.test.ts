import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { float32, GraphSession } from "../src/core/backend/index.js";
import { encodeOnnx, GraphBuilder, type Matrix, recordingCatalog } from "../src/core/graph/index.js";
import { multiply } from "../src/core/nn/linear.js";
import { quantizeChannels, transposeBytes } from "../src/core/quantize/w8a8.js";
import { bytesOf } from "../src/core/tensor/index.js";

const [rows, columns] = [40, 96];
let state = 1;
const normal = () => {
  let sum = -6;
  for (let i = 0; i < 12; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    sum += state / 2 ** 32;
  }
  return sum;
};
const weights = Float32Array.from({ length: rows * columns }, () => normal() * 0.05);
/** Tokens as decoders have them: a few columns are far larger than the rest. */
const token = () => Float32Array.from({ length: columns }, (_, i) => normal() * (i === 17 ? 40 : 1));
const tokens = Array.from({ length: 9 }, token);

let session: GraphSession;
beforeAll(async () => {
  const builder = new GraphBuilder(
    "product",
    recordingCatalog(() => ({ kind: "w8a8" })),
  );
  const { codes, scales } = quantizeChannels(weights, columns);
  const stored = transposeBytes(bytesOf(codes), columns);
  const matrix: Matrix = {
    format: { kind: "w8a8" },
    rows,
    columns,
    values: builder.root.constant("values", "i8", [columns, rows], stored),
    scales: builder.root.constant("scales", "f32", [rows], bytesOf(scales)),
  };
  const x = builder.input("x", "f32", ["batch", "sequence", columns]);
  builder.output("y", multiply(builder.root, x, matrix));
  const model = encodeOnnx(builder.build(), () => ({ file: "", offset: 0 }));
  session = await GraphSession.open(model, { device: "cpu", threads: 1 });
});
afterAll(() => session.close());

async function product(x: readonly Float32Array[]): Promise<Float32Array[]> {
  const data = Float32Array.from(x.flatMap((row) => [...row]));
  const { y } = await session.run({ x: float32(data, [1, x.length, columns]) }, { y: null });
  return x.map((_, i) => (y!.data as Float32Array).slice(i * rows, (i + 1) * rows));
}

function exact(x: Float32Array): number[] {
  return Array.from({ length: rows }, (_, n) =>
    x.reduce((sum, value, k) => sum + value * weights[n * columns + k]!, 0),
  );
}

const length = (values: readonly number[]) => Math.hypot(...values);

describe("a product of 8-bit weights by channel and 8-bit tokens", () => {
  it("is the float product within 1.5 %, tokens with large columns too", async () => {
    for (const [i, y] of (await product(tokens)).entries()) {
      const expected = exact(tokens[i]!);
      const error = length(expected.map((value, n) => value - y[n]!)) / length(expected);
      expect(error).toBeGreaterThan(1e-5);
      expect(error).toBeLessThan(0.015);
    }
  });

  it("of a token is the same to the last bit, whatever tokens are beside it", async () => {
    const together = await product(tokens);
    for (const [i, each] of tokens.entries()) expect((await product([each]))[0]).toEqual(together[i]);
    expect(await product(tokens.toReversed())).toEqual(together.toReversed());
  });

  it("of a token of zeros is zero, and NaN stays in its own token", async () => {
    const [first, second] = [tokens[0]!, tokens[1]!];
    const broken = second.map((value, i) => (i === 5 ? Number.NaN : value));
    const [zeros, known, bad, last] = await product([new Float32Array(columns), first, broken, second]);
    expect([...zeros!].every((value) => value === 0)).toBe(true);
    expect([known, last]).toEqual([(await product([first]))[0], (await product([second]))[0]]);
    expect([...bad!].every(Number.isNaN)).toBe(true);
  });
});
