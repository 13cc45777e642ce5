/**
 * What a device can do, found by using it: one causal attention whose answer is known without arithmetic. With keys of
 * zero every visible token weighs the same, so query i reads the mean of the values 0 … i, which is i / 2.
 *
 * The trap it looks for: from 32 queries on, ONNX Runtime 1.30 attends by subgroup shuffles of at least 8 lanes; an adapter
 * with narrower subgroups (SwiftShader: 4) then gives wrong numbers without a word. Below 32 another kernel runs.
 */
import type { Graph } from "./graph.js";
import { smallModel } from "./small-graph.js";
import { float32, int32 } from "./tensors.js";

/** Fewest queries that the other kernel takes. */
const manyQueries = 32;
/** The least that GroupQueryAttention takes. */
const headDim = 8;

export interface DeviceTrial {
  /** Queries of one attention, or tokens of one run, that the device gets right. */
  readonly maxQueries: number;
}

/** Opens the graph and runs it. @throws what the runtime says when there is no such device. */
export async function tryAttention(open: (model: Uint8Array) => Promise<Graph>): Promise<DeviceTrial> {
  const session = await open(attentionModel());
  const rows = (value: (token: number) => number) =>
    float32(
      Float32Array.from({ length: manyQueries * headDim }, (_, i) => value(Math.floor(i / headDim))),
      [1, manyQueries, headDim],
    );
  const past = float32(new Float32Array(manyQueries * headDim), [1, 1, manyQueries, headDim]);
  const feeds = {
    query: rows(() => 1),
    key: rows(() => 0),
    value: rows((token) => token),
    past_key: past,
    past_value: past,
    seqlens_k: int32([manyQueries - 1]),
    total_sequence_length: int32([manyQueries], []),
  };
  const { output } = await session.run(feeds, { output: null });
  await session.close();
  const isRight = (output!.data as Float32Array).every((x, i) => Math.abs(x - Math.floor(i / headDim) / 2) < 1e-3);
  return { maxQueries: isRight ? Number.POSITIVE_INFINITY : manyQueries - 1 };
}

function attentionModel(): Uint8Array {
  return smallModel("trial", (builder) => {
    const rows = ["query", "key", "value"].map((name) => builder.input(name, "f32", [1, manyQueries, headDim]));
    const past = ["past_key", "past_value"].map((name) => builder.input(name, "f32", [1, 1, manyQueries, headDim]));
    const lengths = [builder.input("seqlens_k", "i32", [1]), builder.input("total_sequence_length", "i32", [])];
    const inputs = [...rows, ...past, ...lengths];
    builder.output("output", builder.root.op("GroupQueryAttention", inputs, { num_heads: 1, kv_num_heads: 1 }));
  });
}
