/** Weights in shards, as a page holds them. */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../base/temporary-folder.testkit.js";
import { type Checkpoint, openCheckpoint } from "../checkpoint/index.js";
import { maxFileBytes } from "../storage/web/index.js";
import type { Entry } from "./layout.js";
import { shardsOf, writeWeights } from "./write-weights.js";

const raw = (name: string, numBytes: number): Entry => ({
  info: { name, dtype: "u8", shape: [numBytes] },
  source: "raw",
});
const bytesOf = (shard: readonly Entry[]) => shard.reduce((sum, { info }) => sum + info.shape[0]!, 0);

describe("shards", () => {
  it("hold all tensors in their order, each as many as fit, and none splits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 400 }),
        (sizes, limit) => {
          const entries = sizes.map((size, i) => raw(`t${i}`, size));
          const shards = shardsOf(entries, limit);
          expect(shards.flat()).toEqual(entries);
          for (const [i, shard] of shards.entries()) {
            if (bytesOf(shard) > limit) expect(shard.filter(({ info }) => info.shape[0]! > 0)).toHaveLength(1);
            const next = shards[i + 1]?.[0];
            if (next) expect(bytesOf([...shard, next])).toBeGreaterThan(limit);
          }
        },
      ),
    );
  });

  it("refuse a tensor that no browser holds in one buffer", () => {
    const details = { tensor: "table", numBytes: maxFileBytes + 1, maxBytes: maxFileBytes };
    expect(() => shardsOf([raw("table", maxFileBytes + 1)], 1000)).toThrow(
      expect.objectContaining({ code: "unsupported", details }),
    );
  });
});

describe("weights in shards", () => {
  let source: Checkpoint;
  beforeAll(async () => {
    source = await openCheckpoint(join(import.meta.dirname, "../../../test/golden/qwen3/tied-gqa/model.safetensors"));
  });
  afterAll(() => source.close());

  it("are a checkpoint like any other, with every tensor where it is said to be", async () => {
    const folder = temporaryFolder();
    const entries = [...source.names()].map((name): Entry => ({ info: source.info(name)!, source: "raw" }));
    const locate = await writeWeights(folder, entries, source, { shardBytes: 20_000 });
    const written = await openCheckpoint(folder);
    expect(new Set(written.files.map(({ name }) => name)).size).toBeGreaterThan(2);
    for (const name of source.names()) {
      expect(await written.read(name)).toEqual(await source.read(name));
      expect(locate(name)).toEqual(written.locate(name));
    }
    await written.close();
  });
});
