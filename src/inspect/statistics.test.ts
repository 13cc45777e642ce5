import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { bytesOf, dtypes, elementCount, toBFloat16Bits } from "../core/tensor/index.js";
import { countPiece } from "./piece-statistics.js";
import { piecesOf } from "./pieces.js";
import { tensorStatistics } from "./statistics.js";
import { StatisticsSum } from "./tensor-statistics.js";
import { writeCheckpoint, writeSparseCheckpoint } from "./unknown-family.testkit.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ocellus-statistics-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the pieces of a tensor", () => {
  it("follow each other without gap, end between rows, and stay small", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 9000 }), { maxLength: 3 });
    fc.assert(
      fc.property(shapes, fc.constantFrom(...dtypes), (shape, dtype) => {
        const pieces = piecesOf({ name: "x", dtype, shape });
        expect([0, ...pieces.map((p) => p.end)]).toEqual([...pieces.map((p) => p.start), elementCount(shape)]);
        for (const { start, end, columns } of pieces) {
          expect(end - start).toBeLessThanOrEqual(8 * 2 ** 20);
          if (columns > 0) expect([start % columns, end % columns]).toEqual([0, 0]);
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

describe("statistics of pieces", () => {
  it("add up to those of the whole, in any order", () => {
    const info = { name: "x", dtype: "bf16", shape: [12, 20] } as const;
    const bytes = bytesOf(toBFloat16Bits(Float32Array.from({ length: 240 }, (_, i) => Math.tan(i) * (i % 7))));
    const count = (start: number, end: number) =>
      countPiece(bytes.subarray(start * 2, end * 2), { dtype: "bf16", columns: 20, int4RowStep: 1 });
    const whole = new StatisticsSum(info);
    whole.add(count(0, 240), 240);
    const parts = new StatisticsSum(info);
    for (const [start, end] of [[160, 240], [0, 20], [20, 160]] as const) parts.add(count(start, end), end - start); // biome-ignore format: pairs
    const [a, b] = [whole.finish(), parts.finish()];
    expect(b).toEqual({ ...a, rows: { ...a.rows, int4Error: b.rows!.int4Error } });
    expect(b.rows!.int4Error).toBeCloseTo(a.rows!.int4Error!, 12);
  });
});

describe("tensorStatistics", () => {
  const shapes = { "a.0.q.weight": [4, 8], "a.1.q.weight": [4, 8], "b.weight": [3] };

  it("takes the tensors whose names hold the pattern, or match it from end to end, in the checkpoint's order", async () => {
    const path = await writeCheckpoint(join(folder, "names"), shapes);
    const names = async (pattern?: string) =>
      (await tensorStatistics(path, pattern === undefined ? {} : { pattern })).map((s) => s.name);
    expect(await names()).toEqual(["a.0.q.weight", "a.1.q.weight", "b.weight"]);
    expect(await names("q")).toEqual(["a.0.q.weight", "a.1.q.weight"]);
    expect(await names("a.?.q*")).toEqual(["a.0.q.weight", "a.1.q.weight"]);
    expect(await names("*.weight")).toHaveLength(3);
    await expect(names("weight*")).rejects.toThrow(ocellusError("not_found", { path, pattern: "weight*" }));
    await expect(names("b.wait")).rejects.toThrow(
      ocellusError("not_found", { pattern: "b.wait", nearest: expect.arrayContaining(["b.weight"]) }),
    );
  });

  it("reads a large checkpoint in threads, and stops them when it is given up", async () => {
    const path = join(folder, "large");
    writeSparseCheckpoint(path, new Map([["x", [1024, 40_000]], ["y", [8]]]), {}, 1); // biome-ignore format: two tensors
    const seen: number[] = [];
    const onProgress = (done: number, total: number) => seen.push(done / total);
    const [x, y] = await tensorStatistics(path, { threads: 2, onProgress });
    expect(x).toMatchObject({ numElements: 40_960_000, numZeros: 40_960_000, rms: 0, rows: { numDead: 1024 } });
    expect(y).toMatchObject({ numElements: 8, numZeros: 8 });
    expect([seen.at(-1), seen.length]).toEqual([1, 6]);
    const controller = new AbortController();
    const stopped = tensorStatistics(path, {
      threads: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  });
});
