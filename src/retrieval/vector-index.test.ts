/** What both kinds of index promise, tried on each: one suite; then what only the approximate one must prove. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { ExactIndex } from "./exact-index.js";
import { HnswIndex } from "./hnsw-index.js";
import { Rows } from "./rows.js";
import type { IndexKind, VectorIndex } from "./vector-index.js";
import { clustered, uniform, unit } from "./vectors.testkit.js";

const dimensions = 32;

async function open(kind: IndexKind, rows = new Rows(dimensions), path?: string): Promise<VectorIndex> {
  return kind === "exact" ? new ExactIndex(rows) : HnswIndex.open(rows, path);
}

/** The plainest way to say what is right. */
function oracle(vectors: ReadonlyMap<number, Float32Array>, query: Float32Array, count: number): number[] {
  const scored = [...vectors].map(
    ([key, vector]) => [key, vector.reduce((sum, x, i) => sum + x * query[i]!, 0)] as const,
  );
  return scored
    .sort(([k, a], [l, b]) => b - a || k - l)
    .slice(0, count)
    .map(([key]) => key);
}

describe.each(["exact", "hnsw"] as const)("an index of the kind %s", (kind) => {
  async function filled(count: number, numClusters = 20) {
    const next = clustered(dimensions, numClusters);
    const index = await open(kind);
    const vectors = new Map(Array.from({ length: count }, (_, i) => [i, next(i)]));
    for (const [key, vector] of vectors) index.add(key, vector);
    return { index, vectors, next };
  }

  it("finds what was added, best first, with the cosine", async () => {
    const { index, vectors } = await filled(500);
    const query = vectors.get(17)!;
    const found = await index.search(query, 5);
    expect(found.map(({ key }) => key)).toEqual(oracle(vectors, query, 5));
    expect(found[0]).toEqual({ key: 17, score: expect.closeTo(1, 5) });
    for (const { key, score } of found)
      expect(score).toBeCloseTo(
        vectors.get(key)!.reduce((sum, x, i) => sum + x * query[i]!, 0),
        5,
      );
    expect(index.vector(17)).toEqual(query);
    expect([index.size, index.dimensions, index.kind]).toEqual([500, dimensions, kind]);
  });

  it("grows, forgets and takes a forgotten key again, at any time", async () => {
    const { index, vectors, next } = await filled(600);
    for (let key = 0; key < 600; key += 3) {
      expect(index.remove(key)).toBe(true);
      vectors.delete(key);
    }
    expect([index.remove(0), index.size, index.vector(0)]).toEqual([false, 400, undefined]);
    for (let key = 0; key < 90; key += 3) {
      vectors.set(key, next(key + 7));
      index.add(key, vectors.get(key)!);
    }
    for (const i of [1, 9, 30, 599]) {
      const query = next(i);
      expect((await index.search(query, 8)).map(({ key }) => key)).toEqual(oracle(vectors, query, 8));
    }
  });

  it("lets a filter pass few or many, and still gives as many as there are", async () => {
    const { index, vectors, next } = await filled(800);
    for (const every of [1, 2, 50, 400, 801]) {
      const passed = new Map([...vectors].filter(([key]) => key % every === every - 1));
      const query = next(3);
      const found = await index.search(query, 6, (key) => passed.has(key));
      expect(
        found.map(({ key }) => key),
        `every ${every}`,
      ).toEqual(oracle(passed, query, 6));
    }
  });

  it("gives of equal ones the smaller key first, and all there are when more are wanted", async () => {
    const index = await open(kind);
    expect(await index.search(clustered(dimensions, 1)(0), 3)).toEqual([]);
    const vector = clustered(dimensions, 1)(0);
    for (const key of [9, 4, 7]) index.add(key, vector);
    expect((await index.search(vector, 10)).map(({ key }) => key)).toEqual([4, 7, 9]);
    expect((await index.search(vector, 2)).map(({ key }) => key)).toEqual([4, 7]);
  });

  it("finds what is left of equal and nearly equal vectors, whichever were removed and added again", async () => {
    const random = uniform(kind.length);
    const copies = fc.record({
      /** Of a component; below some 1e-3 it is lost in bfloat16, in part or whole. */
      noise: fc.constantFrom(0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2),
      count: fc.integer({ min: 40, max: 200 }),
      numLeft: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(1000),
      again: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(copies, async ({ noise, count, numLeft, seed, again }) => {
        const { index, vectors, next } = await filled(400);
        const centre = next(seed);
        const put = (key: number) => {
          vectors.set(key, unit(centre.map((value) => value + noise * random())));
          index.add(key, vectors.get(key)!);
        };
        const take = (key: number) => {
          vectors.delete(key);
          index.remove(key);
        };
        for (let i = 0; i < count; i++) put(1000 + i);
        const left = new Set(Array.from({ length: numLeft }, (_, i) => 1000 + ((seed * 7919 + 31 * i) % count)));
        for (let i = 0; i < count; i++) if (!left.has(1000 + i)) take(1000 + i);
        if (again) for (let i = 0; i < count; i += 3) if (!left.has(1000 + i)) put(1000 + i);
        if (again) for (let i = 0; i < count; i += 3) if (!left.has(1000 + i)) take(1000 + i);
        for (const query of [centre, ...[...left].map((key) => vectors.get(key)!)]) {
          const found = await index.search(query, numLeft + 2);
          expect(
            found
              .slice(0, left.size)
              .map(({ key }) => key)
              .sort(),
          ).toEqual([...left].sort());
        }
      }),
      { seed: 3, numRuns: kind === "exact" ? 5 : 40 },
    );
  });

  it("answers as exact search does, after any adding and removing of equal ones", async () => {
    const pool = Array.from({ length: 12 }, (_, i) => clustered(dimensions, 4)(i));
    const step = fc.record({ key: fc.integer({ min: 1000, max: 1060 }), of: fc.nat(pool.length - 1) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 9 }), async (steps, count) => {
        const { index, vectors } = await filled(400); // so many that the graph is asked
        for (const { key, of } of steps) {
          expect(index.remove(key)).toBe(vectors.delete(key));
          if ((key + of) % 3 === 0) continue;
          vectors.set(key, pool[of]!);
          index.add(key, pool[of]!);
        }
        for (const query of pool.slice(0, 4))
          expect((await index.search(query, count)).map(({ key }) => key)).toEqual(oracle(vectors, query, count));
      }),
      { seed: 4, numRuns: 40 },
    );
  });

  it("refuses vectors of another length or size, numbers that are none, and a key twice", async () => {
    const index = await open(kind);
    const good = clustered(dimensions, 1)(0);
    index.add(1, good);
    const nan = good.slice().fill(Number.NaN, 0, 1);
    for (const [vector, details] of [
      [good.subarray(1), { expected: 32, found: 31 }],
      [good.map((x) => 2 * x), { expected: 1, found: expect.stringMatching(/^(2|1\.99)/) }],
      [nan, { expected: 1, found: "NaN" }],
    ] as const) {
      const error = ocellusError("invalid_request", details);
      expect(() => index.add(2, vector)).toThrow(error);
      await expect(index.search(vector, 1)).rejects.toThrow(error);
    }
    expect(() => index.add(1, good)).toThrow(ocellusError("invalid_request", { key: 1 }));
    expect(index.size).toBe(1);
  });

  it("agrees with the exact order at recall 0.99 and more on clustered vectors", async () => {
    const { index, vectors, next } = await filled(4000, 60);
    let hits = 0;
    for (let i = 0; i < 50; i++) {
      const query = next(i);
      const right = new Set(oracle(vectors, query, 10));
      hits += (await index.search(query, 10)).filter(({ key }) => right.has(key)).length;
    }
    expect(hits / 500).toBeGreaterThanOrEqual(kind === "exact" ? 1 : 0.99);
  });
});

describe("a look at everything", () => {
  it("lets others continue between chunks of rows", async () => {
    const rows = new Rows(2 ** 19); // two in a chunk
    const next = clustered(rows.dimensions, 6);
    for (let key = 0; key < 6; key++) rows.add(key, next(key));
    let turns = 0;
    const timer = setImmediate(function turn() {
      turns++;
      setImmediate(turn).unref();
    });
    const [best] = await new ExactIndex(rows).search(rows.get(5)!, 1);
    clearImmediate(timer);
    expect(best!.key).toBe(5);
    expect(turns).toBe(2);
  });
});

describe("the graph of an HNSW index", () => {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-index-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "graph");
  const next = clustered(dimensions, 20);
  const vectors = Array.from({ length: 700 }, (_, i) => next(i));
  const rowsOf = (keys: Iterable<number>) => {
    const rows = new Rows(dimensions);
    for (const key of keys) rows.add(key, vectors[key]!);
    return rows;
  };
  const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  it("is saved, and opened with what was added and removed since", async () => {
    const index = await HnswIndex.open(rowsOf(keys(0, 600)));
    await index.save(path);
    const later = await HnswIndex.open(rowsOf(keys(100, 700)), path);
    const expected = new Map(keys(100, 700).map((key) => [key, vectors[key]!]));
    for (const key of [0, 150, 650])
      expect((await later.search(vectors[key]!, 5)).map((found) => found.key)).toEqual(
        oracle(expected, vectors[key]!, 5),
      );
  });

  it("keeps which keys share a vector, over saving and opening", async () => {
    const vectorOf = (key: number) => vectors[key < 300 ? 0 : key]!;
    const rowsOfAll = (all: Iterable<number>) => {
      const rows = new Rows(dimensions);
      for (const key of all) rows.add(key, vectorOf(key));
      return rows;
    };
    const index = await HnswIndex.open(rowsOfAll(keys(0, 600)));
    await index.save(path);
    const later = await HnswIndex.open(rowsOfAll([299, ...keys(300, 650)]), path);
    expect((await later.search(vectors[0]!, 1)).map(({ key }) => key)).toEqual([299]);
    later.add(5, vectors[0]!);
    later.remove(299);
    expect((await later.search(vectors[0]!, 1)).map(({ key }) => key)).toEqual([5]);
  });

  it.each([
    ["few", 900],
    ["most", 2900],
  ])("is saved and opened after %s of thousands were removed, and finds what is left", async (_, numRemoved) => {
    const next = clustered(dimensions, 7);
    const many = keys(0, 3000).map((i) => next(i));
    const rows = new Rows(dimensions);
    for (const [key, vector] of many.entries()) rows.add(key, vector);
    const index = await HnswIndex.open(rows);
    for (const key of keys(0, numRemoved)) index.remove(key);
    await index.save(path);
    const left = new Rows(dimensions);
    for (const key of keys(numRemoved, 3000)) left.add(key, many[key]!);
    const later = await HnswIndex.open(left, path);
    later.add(3000, many[5]!); // as a removed one was
    for (const key of [...keys(numRemoved, numRemoved + 50), 2999])
      expect((await later.search(many[key]!, 1))[0]).toEqual({ key, score: expect.closeTo(1, 5) });
    expect((await later.search(many[5]!, 1))[0]!.key).toBe(3000);
    expect(readFileSync(path).length).toBeLessThan(numRemoved > 1500 ? 40_000 : Number.POSITIVE_INFINITY);
  });

  it("is rebuilt when a bit of it is wrong: the library would take the process down with it", async () => {
    for (const damage of [(bytes: Buffer) => bytes.subarray(0, bytes.length / 2), flipped, () => Buffer.from("{}")]) {
      const index = await HnswIndex.open(rowsOf(keys(0, 300)));
      await index.save(path);
      writeFileSync(path, damage(readFileSync(path)));
      const again = await HnswIndex.open(rowsOf(keys(0, 300)), path);
      expect(await again.search(vectors[5]!, 1)).toEqual([{ key: 5, score: expect.closeTo(1, 5) }]);
    }
    writeFileSync(`${path}.json`, "no JSON");
    expect((await HnswIndex.open(rowsOf(keys(0, 3)), path)).size).toBe(3);
    expect(existsSync(path)).toBe(true);
  });
});

function flipped(bytes: Buffer): Buffer {
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}
