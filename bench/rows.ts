/**
 * On what do the last bits of a product depend? `npm run bench -- rows`: the same row, one among many equal ones, by every
 * weight format; then attention over a cache, whole against the last tokens alone. What differs is printed by the number of
 * rows; what is read of docs/decisions/0011-same-answer.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DeviceTensor, defaultThreads, float32, GraphSession, int32 } from "../src/core/backend/index.js";
import { createSafetensorsWriter } from "../src/core/checkpoint/index.js";
import { encodeOnnx, GraphBuilder, recordingCatalog } from "../src/core/graph/index.js";
import { cachedAttention, linear } from "../src/core/nn/index.js";
import { byteLength, type TensorInfo, type WeightFormat } from "../src/core/tensor/index.js";

const formats: readonly WeightFormat[] = [
  { kind: "f32" },
  { kind: "f16" },
  ...([32, 64, 128] as const).flatMap((blockSize): WeightFormat[] => [
    { kind: "int8", blockSize },
    { kind: "int4", blockSize },
  ]),
  { kind: "nf4", blockSize: 64, nested: false },
];
const shapes = [
  [192, 512],
  [1024, 1024],
  [2048, 1000],
] as const;
const counts = [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 32, 33, 64, 100, 255, 256, 512];

export async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-rows-"));
  try {
    for (const format of formats) for (const [inner, outer] of shapes) await product(format, inner, outer, folder);
    for (const length of [40, 300, 1000]) await attention(length);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const random = (length: number) => Float32Array.from({ length }, () => Math.random() - 0.5);

async function product(format: WeightFormat, inner: number, outer: number, folder: string): Promise<void> {
  const session = await openProduct(format, inner, outer, folder);
  const row = random(inner);
  const run = async (count: number) => {
    const x = new Float32Array(count * inner);
    for (let i = 0; i < count; i++) x.set(row, i * inner);
    return (await session.run({ x: float32(x, [count, inner]) }, { y: null })).y!.data as Float32Array;
  };
  const expected = (await run(2)).slice(0, outer);
  const others: string[] = [];
  let most = 0;
  for (const count of counts) {
    const y = await run(count);
    const rows = Array.from({ length: count }, (_, i) => distance(y.subarray(i * outer, (i + 1) * outer), expected));
    most = Math.max(most, ...rows);
    const different = rows.flatMap((far, i) => (far > 0 ? [i] : []));
    if (different.length > 0) others.push(`${different.map((i) => i + 1).join(",")} of ${count}`);
  }
  const block = "blockSize" in format ? ` block ${format.blockSize}` : "";
  const found =
    others.length === 0 ? "the same bits in any number of rows" : `${most.toExponential(1)} in ${others.join("; ")}`;
  console.log(`${`${format.kind}${block}`.padEnd(15)}${`${inner} × ${outer}`.padEnd(13)}${found}`);
  await session.close();
}

const distance = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

async function openProduct(format: WeightFormat, inner: number, outer: number, folder: string): Promise<GraphSession> {
  const builder = new GraphBuilder(
    "product",
    recordingCatalog(() => format),
  );
  builder.output("y", linear(builder.root, "w", builder.input("x", "f32", ["rows", inner]), outer));
  const graph = builder.build();
  const infos = graph.initializers
    .filter(({ source }) => "tensors" in source)
    .map(({ value }) => ({ name: value.name, dtype: value.dtype, shape: value.shape as number[] }));
  const file = "product.safetensors";
  const writer = await createSafetensorsWriter(join(folder, file), infos);
  for (const info of infos) await writer.write(randomBytes(info));
  await writer.finish();
  const path = join(folder, "product.onnx");
  writeFileSync(
    path,
    encodeOnnx(graph, (name) => ({ file, offset: writer.offsetOf(name) })),
  );
  return GraphSession.open(path, { device: "cpu", threads: defaultThreads() });
}

function randomBytes({ dtype, shape }: Pick<TensorInfo, "dtype" | "shape">): Uint8Array {
  const bytes = new Uint8Array(byteLength(dtype, shape));
  if (dtype === "f32") return new Uint8Array(random(bytes.length / 4).buffer);
  const isHalf = dtype === "f16"; // positive and far below infinity
  return bytes.map((_, i) => (isHalf && i % 2 === 1 ? 0x20 + 8 * Math.random() : 256 * Math.random()));
}

const [heads, kvHeads, headDim] = [16, 8, 128];

/** All tokens at once against only those from `from` on, with rows of padding behind. */
async function attention(length: number): Promise<void> {
  const session = await openAttention();
  const [q, k, v] = [heads, kvHeads, kvHeads].map((n) => random(length * n * headDim)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const run = async (from: number, padding: number) => {
    const sequence = length - from + padding;
    const own = (values: Float32Array, n: number): DeviceTensor => {
      const data = new Float32Array(sequence * n * headDim);
      data.set(values.subarray(from * n * headDim));
      return float32(data, [1, sequence, n * headDim]);
    };
    const end = from + sequence;
    const feeds = {
      q: own(q, heads),
      k: own(k, kvHeads),
      v: own(v, kvHeads),
      ends: int32([end - 1]),
      total: int32([end], []),
    };
    const kept = { past_k: past(k, from, end), past_v: past(v, from, end) };
    const { y } = await session.run({ ...feeds, ...kept }, { y: null });
    return (y!.data as Float32Array).slice(0, (length - from) * heads * headDim);
  };
  const whole = await run(0, 0);
  const cells: string[] = [];
  for (const last of [1, 2, 3, 16, length >> 1])
    for (const padding of [0, 1]) {
      const far = distance(await run(length - last, padding), whole.subarray((length - last) * heads * headDim));
      cells.push(`${last}${padding ? " padded" : ""}: ${far === 0 ? "same" : far.toExponential(1)}`);
    }
  console.log(`attention, the last of ${length} tokens alone: ${cells.join(", ")}`);
  await session.close();
}

/** [1, kv_heads, capacity, head_dim] of the first tokens. */
function past(values: Float32Array, count: number, capacity: number): DeviceTensor {
  const data = new Float32Array(kvHeads * capacity * headDim);
  for (let i = 0; i < count * kvHeads; i++) {
    const [token, head] = [Math.floor(i / kvHeads), i % kvHeads];
    data.set(values.subarray(i * headDim, (i + 1) * headDim), (head * capacity + token) * headDim);
  }
  return float32(data, [1, kvHeads, capacity, headDim]);
}

function openAttention(): Promise<GraphSession> {
  const builder = new GraphBuilder(
    "attention",
    recordingCatalog(() => ({ kind: "f32" })),
  );
  const tokens = (name: string, n: number) => builder.input(name, "f32", ["batch", "sequence", n * headDim]);
  const kept = (name: string) => builder.input(name, "f32", ["batch", kvHeads, "capacity", headDim]);
  const { output } = cachedAttention(
    builder.root,
    [tokens("q", heads), tokens("k", kvHeads), tokens("v", kvHeads)],
    [kept("past_k"), kept("past_v")],
    { seqlensK: builder.input("ends", "i32", ["batch"]), totalSequenceLength: builder.input("total", "i32", []) },
    headDim,
  );
  builder.output("y", output);
  const model = encodeOnnx(builder.build(), (name) => {
    throw new Error(`attention has no weight ${name}`);
  });
  return GraphSession.open(model, { device: "cpu", threads: defaultThreads() });
}
