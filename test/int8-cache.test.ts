/** Keys and values in a byte each: what the graphs compute over them, and the option from packing to answers (docs/memory.md). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { GraphSession } from "../src/core/backend/session.js";
import { float32, int8, int32, int64 } from "../src/core/backend/tensors.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { checkKvScales, packKvScales } from "../src/core/calibrate/index.js";
import {
  encodeOnnx,
  type Graph,
  GraphBuilder,
  recordingCatalog,
  withFloatAttention,
  withInt8Cache,
  withPromptBranches,
} from "../src/core/graph/index.js";
import { cachedAttention } from "../src/core/nn/index.js";
import { openPacked, pack, parsePlan } from "../src/core/pack/index.js";
import { image, type LoadOptions, loadModel } from "../src/core/runtime/index.js";
import { kvScalesFor } from "../src/core/runtime/kv-cache-dtype.js";
import { repository, temporaryFolder } from "./support/folders.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const [heads, kvHeads, headDim, capacity] = [4, 2, 8, 16];
const width = kvHeads * headDim;

/** One attention with names as a decoder has them. */
function oneAttention(): Graph {
  const builder = new GraphBuilder(
    "decoder",
    recordingCatalog(() => ({ kind: "f32" })),
  );
  const scope = builder.root;
  const given = (name: string, columns: number) =>
    scope.op("Identity", [builder.input(name, "f32", ["batch", "sequence", columns])]);
  const past = (part: string) =>
    builder.input(`past_key_values.0.${part}`, "f32", ["batch", kvHeads, "capacity", headDim]);
  const [q, k, v] = [given("q", heads * headDim), given("k", width), given("v", width)];
  builder.input("position_ids", "i64", ["batch", "sequence"]);
  const cache = {
    seqlensK: builder.input("seqlens_k", "i32", ["batch"]),
    totalSequenceLength: builder.input("total_sequence_length", "i32", []),
  };
  const { output } = cachedAttention(scope, [q, k, v], [past("key"), past("value")], cache, headDim);
  builder.output("read", output);
  builder.output("added.0.key", k);
  builder.output("added.0.value", v);
  return builder.build();
}

const open = (graph: Graph) =>
  GraphSession.open(
    encodeOnnx(graph, () => ({ file: "", offset: 0 })),
    { device: "cpu" },
  );

/** To the nearest, ties to even, within a byte. */
function codeOf(value: number, scale: number): number {
  const x = Math.fround(value / scale);
  const floor = Math.floor(x);
  const rounded = x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
  return Math.max(-128, Math.min(127, rounded)) + 0; // no negative zero
}

interface Step {
  /** Of each row: tokens before this step. */
  readonly past: readonly number[];
  readonly sequence: number;
  readonly q: Float32Array;
  /** New ones [batch, sequence, width]. */
  readonly added: Record<Part, Float32Array>;
  /** Codes [batch, kvHeads, capacity, headDim]. */
  readonly cached: Record<Part, Int8Array>;
}
const parts = ["key", "value"] as const;
type Part = (typeof parts)[number];

const numbers = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 97, maxLength: 97 });
/** The kernel takes one row of several tokens, or several rows of one. */
const steps = fc
  .record({ rows: fc.array(fc.nat(8), { minLength: 1, maxLength: 3 }), sequence: fc.constantFrom(1, 1, 2, 5), numbers })
  .map(({ rows, sequence, numbers: drawn }): Step => {
    const past = sequence > 1 ? rows.slice(0, 1) : rows;
    const filled = (length: number, seed: number) =>
      Float32Array.from({ length }, (_, i) => drawn[(i * 13 + seed) % drawn.length]!);
    const tokens = past.length * sequence;
    const codes = (seed: number) => filled(past.length * kvHeads * capacity * headDim, seed).map((x) => x * 127);
    return {
      ...{ past, sequence, q: filled(tokens * heads * headDim, 0) },
      added: { key: filled(tokens * width, 1), value: filled(tokens * width, 2) },
      cached: { key: Int8Array.from(codes(3)), value: Int8Array.from(codes(4)) },
    };
  });

/** A size of its own for each channel; some numbers lie beyond their range. */
const scaleOf = (part: Part, channel: number) => Math.fround(0.003 * (1 + ((channel + parts.indexOf(part)) % 5)));
const scales = new Map(
  parts.map((part) => [`0.${part}`, Float32Array.from({ length: width }, (_, i) => scaleOf(part, i))] as const),
);

const codesOf = ({ added }: Step, part: Part) => [...added[part]].map((x, i) => codeOf(x, scaleOf(part, i % width)));

/** softmax(q · keysᵀ / √headDim) · values over the rounded keys and values, in doubles. */
function expectedRead(step: Step): number[] {
  const codes = { key: codesOf(step, "key"), value: codesOf(step, "value") };
  const at = (part: Part, b: number, head: number, token: number, d: number) => {
    const own = token - step.past[b]!;
    const code =
      own < 0
        ? step.cached[part][((b * kvHeads + head) * capacity + token) * headDim + d]!
        : codes[part][(b * step.sequence + own) * width + head * headDim + d]!;
    return code * scaleOf(part, head * headDim + d);
  };
  const channels = Array.from({ length: headDim }, (_, d) => d);
  const rows = Array.from({ length: step.past.length * step.sequence * heads }, (_, row) => {
    const [token, head] = [Math.floor(row / heads), row % heads];
    const [b, s] = [Math.floor(token / step.sequence), token % step.sequence];
    const kvHead = Math.floor((head * kvHeads) / heads);
    const visible = Array.from({ length: step.past[b]! + s + 1 }, (_, t) => t);
    const weights = visible.map((t) => {
      const dot = channels.reduce((sum, d) => sum + step.q[row * headDim + d]! * at("key", b, kvHead, t, d), 0);
      return Math.exp(dot / Math.sqrt(headDim));
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return channels.map((d) =>
      visible.reduce((sum, t) => sum + (weights[t]! / total) * at("value", b, kvHead, t, d), 0),
    );
  });
  return rows.flat();
}

function feedsOf({ past, sequence, q, added, cached }: Step) {
  const shaped = (data: Float32Array) => float32(data, [past.length, sequence, data.length / past.length / sequence]);
  const slots = (data: Int8Array) => int8(data, [past.length, kvHeads, capacity, headDim]);
  return {
    ...{ q: shaped(q), k: shaped(added.key), v: shaped(added.value) },
    "past_key_values.0.key": slots(cached.key),
    "past_key_values.0.value": slots(cached.value),
    seqlens_k: int32(past.map((length) => length + sequence - 1)),
    total_sequence_length: int32([Math.max(...past) + sequence], []),
    position_ids: int64(new Array<number>(past.length * sequence).fill(0), [past.length, sequence]),
  };
}

describe("attention over int8 codes", () => {
  let both: GraphSession;
  let prompts: GraphSession;
  beforeAll(async () => {
    const graph = withInt8Cache(oneAttention(), scales);
    both = await open(withPromptBranches(graph));
    prompts = await open(withFloatAttention(graph));
  });

  it("reads the rounded keys and values by either kernel, and gives the codes that it read", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (step) => {
        const wanted = { read: null, "added.0.key": null, "added.0.value": null };
        const expected = expectedRead(step);
        for (const session of step.sequence > 1 ? [both, prompts] : [both]) {
          const results = await session.run(feedsOf(step), wanted);
          for (const part of parts)
            expect([...(results[`added.0.${part}`]!.data as Int8Array)]).toEqual(codesOf(step, part));
          const read = results.read!.data as Float32Array;
          const differences = expected.map((value, i) => Math.abs(value - read[i]!));
          expect(Math.max(...differences)).toBeLessThan(2e-6);
        }
      }),
      { seed: 3, numRuns: 60 },
    );
  });
});

const bundled = join(repository, "checkpoints/ocellus-tiny");
const plan = parsePlan("int8");

/** A few windows of text. */
function someTexts(): string {
  const folder = temporaryFolder();
  const text = readFileSync(join(repository, "calibration/neutral.txt"), "utf8");
  for (const n of [0, 1]) writeFileSync(join(folder, `${n}.txt`), text.slice(n * 3000, (n + 1) * 3000));
  return folder;
}

describe("kvCacheDtype", () => {
  const calibrateOn = someTexts();
  const load = (path: string, options: LoadOptions = {}) => loadModel(path, { device: "cpu", threads: 1, ...options });
  let without: string;
  let packed: string;
  beforeAll(async () => {
    without = (await pack(bundled, { plan, into: join(temporaryFolder(), "without") })).path;
    packed = (await pack(bundled, { plan, into: join(temporaryFolder(), "with") })).path;
    await packKvScales(packed, { calibrateOn });
  });

  async function answers(options: LoadOptions) {
    const model = await load(packed, options);
    const found: [number, number][][] = [];
    for (const name of ["bag-red.jpg", "coat.jpg"]) {
      const content = [image(join(repository, "examples/pictures", name)), "What does this cost?"];
      const sampling = { temperature: 0, logprobs: true };
      const { tokens } = await model.answer([{ role: "user", content }], { maxTokens: 8, sampling });
      found.push(tokens.map(({ tokenId, logprob }) => [tokenId, logprob!]));
    }
    const { cacheBytes, prefixCacheBytes } = model.stats;
    await model.close();
    return { found, cacheBytes, prefixCacheBytes };
  }

  it("int8 answers from a quarter of the bytes, on the caller's thread as on one of its own", async () => {
    const [plain, coded, threaded] = [
      await answers({}),
      await answers({ kvCacheDtype: "int8" }),
      await answers({ kvCacheDtype: "int8", graphThreads: true }),
    ];
    expect(await answers({ kvCacheDtype: "auto" })).toEqual(plain);
    expect(threaded).toEqual(coded);
    expect(4 * coded.cacheBytes).toBe(plain.cacheBytes);
    expect(4 * coded.prefixCacheBytes).toBe(plain.prefixCacheBytes);
    const ids = ({ found }: typeof plain) => found.map((tokens) => tokens.map(([id]) => id));
    expect(ids(coded)).toEqual(ids(plain));
    expect(coded.found).not.toEqual(plain.found);
    for (const [i, answer] of coded.found.entries())
      for (const [n, [, logprob]] of answer.entries())
        expect(Math.abs(logprob - plain.found[i]![n]![1])).toBeLessThan(0.1);
  });

  it("measures the same scales again, and none where they are there", async () => {
    const file = join(packed, "kv_scales.json");
    const made = readFileSync(file, "utf8");
    const steps: number[] = [];
    await packKvScales(packed, { calibrateOn, onProgress: (done) => steps.push(done) });
    expect(steps).toEqual([]);
    await packKvScales(packed, { calibrateOn, force: true, onProgress: (done) => steps.push(done) });
    expect(steps.length).toBeGreaterThan(1);
    expect(readFileSync(file, "utf8")).toBe(made);
  });

  it("is refused where it cannot be honoured, by name", async () => {
    const option = "kvCacheDtype";
    await expect(load(without, { kvCacheDtype: "int8" })).rejects.toThrow(ocellusError("not_found", { option }));
    await expect(load(without, { kvCacheDtype: "fp8" as "int8" })).rejects.toThrow(
      ocellusError("invalid_request", { option, found: "fp8" }),
    );
    writeFileSync(
      join(without, "kv_scales.json"),
      readFileSync(join(packed, "kv_scales.json"), "utf8").replace("0.key", "9.key"),
    );
    await expect(load(without, { kvCacheDtype: "int8" })).rejects.toThrow(ocellusError("invalid_file", { option }));
  });

  it("is refused for layers that keep states, and on other devices than the CPU", async () => {
    const refused = { option: "kvCacheDtype" };
    const into = join(temporaryFolder(), "hybrid");
    const checkpoint = join(repository, "test/golden/qwen3_5_text/tied-interval");
    await expect(checkKvScales(checkpoint)).rejects.toThrow(ocellusError("unsupported", refused));
    await expect(checkKvScales(bundled)).resolves.toBeUndefined();
    const { path } = await pack(checkpoint, { plan, into });
    await expect(packKvScales(path)).rejects.toThrow(ocellusError("unsupported", refused));
    const [hybrid, dense] = await Promise.all([openPacked(path), openPacked(packed)]);
    const asked = { kvCacheDtype: "int8" } as const;
    await expect(kvScalesFor(hybrid, "cpu", asked)).rejects.toThrow(ocellusError("unsupported", refused));
    await expect(kvScalesFor(dense, "webgpu", asked)).rejects.toThrow(ocellusError("unsupported", refused));
    expect(await kvScalesFor(hybrid, "webgpu", {})).toBeUndefined();
    await Promise.all([hybrid.close(), dense.close()]);
  });
});
