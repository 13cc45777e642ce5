/** What the parity tests share: a golden fixture, graphs with their inner values visible, one prefill of the decoder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createSlotCache,
  type DeviceTensor,
  float32,
  GraphSession,
  int32,
  int64,
  type Graph as OpenGraph,
} from "../../src/core/backend/index.js";
import { type Checkpoint, openCheckpoint } from "../../src/core/checkpoint/index.js";
import { checkpointCatalog, encodeOnnx, type Graph, withOutputs } from "../../src/core/graph/index.js";
import type { AnyFamily, PromptPositions } from "../../src/core/models/index.js";
import {
  buildGraphs,
  canonicalSource,
  openPacked,
  openPackedEncoder,
  type Packed,
  type PackedModel,
  pack,
  packedFiles,
  parsePlan,
} from "../../src/core/pack/index.js";
import { toFloat32 } from "../../src/core/tensor/index.js";

export const oneThread = { device: "cpu", threads: 1 } as const;

export interface Fixture {
  floats(name: string): Promise<Float32Array>;
  numbers(name: string): Promise<number[]>;
  /** How many tensors are called `prefix.0`, `prefix.1`, … */
  count(prefix: string): number;
  has(name: string): boolean;
}

export async function openFixture(folder: string, name = "fixture"): Promise<Fixture> {
  const path = join(folder, `${name}.safetensors`);
  const names = await withFile(path, async (file) => [...file.names()]);
  const floats = async (tensor: string) => {
    const { bytes, dtype } = await withFile(path, (file) => file.read(tensor));
    return toFloat32(bytes, dtype);
  };
  return {
    floats,
    numbers: async (tensor) => [...(await floats(tensor))],
    count: (prefix) => names.filter((each) => each.startsWith(`${prefix}.`)).length,
    has: (name) => names.includes(name),
  };
}

async function withFile<T>(path: string, body: (file: Checkpoint) => Promise<T>): Promise<T> {
  const file = await openCheckpoint(path);
  try {
    return await body(file);
  } finally {
    await file.close();
  }
}

/** Packs the checkpoint in fp32 and opens it. */
export async function openExact(weights: string, into: string): Promise<PackedModel> {
  return openPacked((await pack(weights, { plan: parsePlan("fp32"), into })).path);
}

/** The same for a model of two towers. */
export async function openExactEncoder(weights: string, into: string) {
  return openPackedEncoder((await pack(weights, { plan: parsePlan("fp32"), into })).path);
}

/** One of the packed graphs with further values visible. */
export function openTapped(
  packed: Packed<AnyFamily>,
  weights: string,
  which: string,
  values: readonly string[],
): Promise<GraphSession> {
  return openChanged(packed, weights, which, (graph) => withOutputs(graph, values));
}

/** One of the packed graphs, built again and changed, written beside the packed one. */
export async function openChanged(
  packed: Packed<AnyFamily>,
  weights: string,
  which: string,
  change: (graph: Graph) => Graph,
): Promise<GraphSession> {
  const checkpoint = await openCheckpoint(weights);
  const stored = await openCheckpoint(join(packed.path, packedFiles.weights));
  const source = canonicalSource(checkpoint, packed.family);
  const graphs = buildGraphs(
    packed.family,
    packed.config,
    checkpointCatalog(source, () => ({ kind: "f32" })),
  );
  const locate = (name: string) => ({ file: packedFiles.weights, offset: stored.locate(name).offset });
  const model = encodeOnnx(change(graphs[which]!), locate);
  await Promise.all([checkpoint.close(), stored.close()]);
  const path = join(packed.path, `${which}-changed.onnx`);
  writeFileSync(path, model);
  return GraphSession.open(path, oneThread);
}

export interface Prefill {
  /** [count, hidden_size] */
  readonly embeds: Float32Array;
  readonly positions: PromptPositions;
  /** Per layer [count, hidden_size]. */
  readonly deepstack?: readonly Float32Array[];
}

/** The whole prompt in one step, from an empty cache; `outputs` and "logits" of the last row, or of every one. */
export async function prefill(
  packed: PackedModel,
  decoder: Pick<OpenGraph, "device" | "deviceMemory" | "run">,
  { embeds, positions, deepstack = [] }: Prefill,
  outputs: readonly string[],
  logitsOf: "last" | "all" = "last",
): Promise<Record<string, DeviceTensor>> {
  const { family, config } = packed;
  const { hiddenSize, maxLength } = family.dimensions(config);
  const count = embeds.length / hiddenSize;
  const cache = createSlotCache(decoder, { layers: family.states(config), numSlots: 1, maxLength });
  const { cos, sin } = family.rotary(config, { start: 0, count, positions });
  const shape = [1, count, hiddenSize];
  const rows = Array.from({ length: count }, (_, i) => i);
  const inputs = {
    ...Object.fromEntries(deepstack.map((layer, n) => [`deepstack.${n}`, float32(layer, shape)])),
    inputs_embeds: float32(embeds, shape),
    cos: float32(cos, [count, cos.length / count]),
    sin: float32(sin, [count, sin.length / count]),
    position_ids: int64(rows, [1, count]),
    seqlens_k: int32([count - 1]),
    total_sequence_length: int32([count], []),
    logits_rows: int64(logitsOf === "all" ? rows : [count - 1]),
  };
  const wanted = Object.fromEntries(["logits", ...outputs].map((output) => [output, null]));
  return cache.use(
    { first: 0, count: 1 },
    { length: count, cached: [0], added: [{ slot: 0, position: 0, count }] },
    ({ past, outputs }) => decoder.run({ ...inputs, ...past }, { ...outputs, ...wanted }),
  );
}

/** The vision graph's rows of patches, from planes [count, 3, side, side] of square images: the first of them. */
export function patchRows(
  planes: ArrayLike<number>,
  side: number,
  patch: number,
): { data: Float32Array; shape: number[] } {
  const columns = side / patch;
  const data = new Float32Array(3 * side * side);
  for (let i = 0; i < data.length; i++) {
    const [c, y, x] = [Math.floor(i / side / side), Math.floor(i / side) % side, i % side];
    const row = Math.floor(y / patch) * columns + Math.floor(x / patch);
    data[row * 3 * patch * patch + c * patch * patch + (y % patch) * patch + (x % patch)] = planes[i]!;
  }
  return { data, shape: [columns * columns, 3 * patch * patch] };
}

export function unitVector(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return vector.map((x) => x / length);
}
