/**
 * Tensor statistics against NumPy, and headers against the Python safetensors library, by test/golden/inspect/make_golden.py.
 *
 * Sums are float64 on both sides, in another order: 1e-9; float64 values are read as float32: 1e-7. Quantiles are exact where values have two bytes or fewer, else
 * up to 1/128 too near to zero: see value-codes.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { describeCheckpoint, type TensorStatistics, tensorStatistics } from "../src/inspect/index.js";
import { writeOurs } from "./golden/inspect/write_ours.js";
import { repository, temporaryFolder } from "./support/folders.js";

interface Reference {
  numElements: number;
  numZeros: number;
  numNaN: number;
  numInfinite: number;
  min?: number;
  max?: number;
  mean?: number;
  std?: number;
  rms?: number;
  quantiles?: number[];
  numDead?: number;
  outliers?: { channel: number; ratio: number }[];
}

const golden = join(repository, "test/golden");
const { values, listing } = JSON.parse(readFileSync(join(golden, "inspect/golden.json"), "utf8")) as {
  values: Record<string, Reference>;
  listing: Record<string, [string, string, number[]][]>;
};

let found: Map<string, TensorStatistics>;
beforeAll(async () => {
  const all = await tensorStatistics(join(golden, "inspect/values.safetensors"));
  found = new Map(all.map((statistics) => [statistics.name, statistics]));
});

describe.each(Object.entries(values))("%s", (name, reference) => {
  it("has the counts, bounds, moments and quantiles that NumPy finds", () => {
    const ours = found.get(name)!;
    expect(ours).toMatchObject({
      numElements: reference.numElements,
      numZeros: reference.numZeros,
      numNaN: reference.numNaN,
      numInfinite: reference.numInfinite,
    });
    for (const key of ["min", "max", "mean", "std", "rms"] as const) {
      const scale = reference.rms ?? 1;
      const tolerance = (name.endsWith("float64") ? 1e-7 : 1e-9) * scale;
      expect(Math.abs(ours[key] - (reference[key] ?? 0)), key).toBeLessThanOrEqual(tolerance);
    }
    for (const [i, value] of (reference.quantiles ?? []).entries()) {
      const { value: quantile } = ours.quantiles[i]!;
      const tolerance = isWide(name) ? Math.abs(value) / 128 : 0;
      expect(Math.abs(quantile - value), `quantile ${ours.quantiles[i]!.share}`).toBeLessThanOrEqual(tolerance);
    }
    expect(ours.histogram.counts.reduce((a, b) => a + b, 0)).toBe(ours.numElements - ours.numNaN - ours.numInfinite);
  });

  it("has the dead rows and the loud channels", () => {
    const { rows } = found.get(name)!;
    if (reference.outliers === undefined) return expect(rows).toBeUndefined();
    expect(rows).toMatchObject({ numDead: reference.numDead, numOutliers: reference.outliers.length });
    expect(rows!.outliers.map((o) => o.channel)).toEqual(reference.outliers.map((o) => o.channel));
    for (const [i, { ratio }] of reference.outliers.entries()) expect(rows!.outliers[i]!.ratio).toBeCloseTo(ratio, 5);
  });
});

/** float32, float64 and int64: the codes are not the values. */
const isWide = (name: string) => /(float32|float64|int64)$/.test(name);

describe("int4 in blocks of 32", () => {
  it("loses more where a channel is loud, and as much in every dtype", () => {
    const error = (name: string) => found.get(name)!.rows!.int4Error!;
    expect(error("loud.float32") / error("normal.float32")).toBeGreaterThan(1.1);
    expect(error("normal.bfloat16") / error("normal.float32")).toBeCloseTo(1, 1);
    expect(found.get("vector.float32")!.rows).toBeUndefined();
  });
});

describe.each(Object.entries(listing))("the headers of %s", (name, tensors) => {
  it("are read as the Python library reads them", async () => {
    const described = await describeCheckpoint(join(golden, `${name}.safetensors`));
    const ours = described.tensors.map(({ name, dtype, shape }) => [name, dtype.toUpperCase(), shape] as const);
    expect(ours.sort((a, b) => (a[0] < b[0] ? -1 : 1))).toEqual(tensors);
  });
});

describe("our writer", () => {
  it("still writes the file that the Python library read, byte by byte", async () => {
    const path = join(temporaryFolder(), "ours.safetensors");
    await writeOurs(path);
    expect(readFileSync(path)).toEqual(readFileSync(join(golden, "inspect/ours/model.safetensors")));
  });
});
