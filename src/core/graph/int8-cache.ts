/**
 * A decoder over a cache of int8 codes: a key or value is code · scale, with one scale for each channel of each layer, known before
 * the first token (pack/kv-scales.ts). Steps of one token a row are read by ONNX Runtime's own kernel, which multiplies with the
 * codes; it is slow for many rows, so prompts take the float kernel over the same codes:
 *
 *   one token a row   q, k, v ─ GroupQueryAttention (codes, scales) ─→
 *   several           q · scale of keys, codes as floats ─ GroupQueryAttention ─ · scale of values ─→
 *
 * What is read of a token is its codes, also in the run that computes them: an answer does not depend on what of its prompt was
 * cached (docs/decisions/0011-same-answer.md). [onnxruntime contrib ops, GroupQueryAttention: k_scale, v_scale]
 */
import { invariant } from "../base/index.js";
import { bytesOf, type DType } from "../tensor/index.js";
import { type Graph, type Initializer, type Node, nodeOf, type Subgraph, type Value } from "./value.js";

/** By layer and part, "3.key": [kv_heads · head_dim]. */
export type KvScales = ReadonlyMap<string, Float32Array>;

const [pastPrefix, addedPrefix] = ["past_key_values.", "added."] as const;
/** TensorProto.FLOAT */
const float = 1;

/** The same decoder whose cache, in and out, is of codes. All rows are read by the kernel for codes. */
export function withInt8Cache(graph: Graph, scales: KvScales): Graph {
  const constants: Initializer[] = [];
  return {
    ...graph,
    inputs: graph.inputs.map((input) => (input.name.startsWith(pastPrefix) ? codesOf(input) : input)),
    outputs: graph.outputs.map((output) => (output.name.startsWith(addedPrefix) ? codesOf(output) : output)),
    nodes: graph.nodes.map(withFloatsRenamed).flatMap((node) => {
      if (node.op !== "GroupQueryAttention") return [node];
      constants.push(...scaleConstants(node, scales));
      return overCodes(node);
    }),
    initializers: [...graph.initializers, ...constants],
  };
}

const codesOf = (value: Value): Value => ({ ...value, dtype: "i8" });

/** The names of what a step adds are those of the codes now. */
function withFloatsRenamed(node: Node): Node {
  const renamed = (value: Value) =>
    value.name.startsWith(addedPrefix) ? { ...value, name: `${value.name}.float` } : value;
  return { ...node, inputs: node.inputs.map((value) => value && renamed(value)), outputs: node.outputs.map(renamed) };
}

/** What belongs to one attention. */
function partsOf({ inputs, attributes }: Node) {
  const [q, , , pastKey] = inputs as readonly Value[];
  const layer = /^past_key_values\.(\d+)\.key$/.exec(pastKey!.name)?.[1];
  invariant(layer !== undefined, `attention over ${pastKey!.name}, which is no cache of a layer`);
  const { num_heads: heads, kv_num_heads: kvHeads } = attributes as Record<string, number>;
  const headDim = (q!.shape.at(-1) as number) / heads!;
  const width = kvHeads! * headDim;
  const constant = (name: string, shape: readonly number[], dtype: DType = "f32"): Value => {
    return { name: `kv_scale.${layer}.${name}`, dtype, shape };
  };
  const part = (name: "key" | "value") => ({
    name: `${layer}.${name}`,
    codes: { name: `${addedPrefix}${layer}.${name}`, dtype: "i8", shape: [...q!.shape.slice(0, 2), width] } as Value,
    /** For the kernel over codes, for rounding, and for all heads of queries. */
    ofHeads: constant(`${name}.heads`, [kvHeads!, 1, headDim]),
    ofColumns: constant(name, [width]),
    ofQueries: constant(`${name}.queries`, [heads! * headDim]),
  });
  return { key: part("key"), value: part("value"), zeros: constant("zeros", [width], "i8"), headDim, heads: heads! };
}

function scaleConstants(node: Node, scales: KvScales): Initializer[] {
  const { key, value, zeros, headDim, heads } = partsOf(node);
  const ofPart = ({ name, ofHeads, ofColumns, ofQueries }: typeof key): Initializer[] => {
    const own = scales.get(name);
    const width = ofColumns.shape[0] as number;
    invariant(own?.length === width, `no scales of ${name} for ${width} channels`, { name, expected: width });
    const group = (heads * headDim) / width;
    const ofEach = Float32Array.from({ length: heads * headDim }, (_, i) => {
      const head = Math.floor(i / headDim / group);
      return own[head * headDim + (i % headDim)]!;
    });
    const stored = (of: Value, numbers: Float32Array) => ({ value: of, source: { bytes: bytesOf(numbers) } });
    return [stored(ofHeads, own), stored(ofColumns, own), stored(ofQueries, ofEach)];
  };
  const none = { value: zeros, source: { bytes: new Uint8Array(zeros.shape[0] as number) } };
  return [...ofPart(key), ...ofPart(value), none];
}

/** Rounds the new keys and values for the cache; the kernel rounds them by itself in the same way. */
function overCodes(node: Node): Node[] {
  const [q, k, v, pastKey, pastValue, ...lengths] = node.inputs as readonly Value[];
  const { key, value, zeros } = partsOf(node);
  const rounded = (x: Value, { codes, ofColumns }: typeof key) =>
    nodeOf("QuantizeLinear", codes.name, [x, ofColumns, zeros], [codes], { axis: -1 });
  const unused = new Array<undefined>(5).fill(undefined); // angles, positions, bias, sinks
  const attention: Node = {
    ...node,
    inputs: [q, k, v, codesOf(pastKey!), codesOf(pastValue!), ...lengths, ...unused, key.ofHeads, value.ofHeads],
    outputs: [node.outputs[0]!, ...node.outputs.slice(1).map(codesOf)],
    attributes: { ...node.attributes, ...quantised },
  };
  return [rounded(k!, key), rounded(v!, value), attention];
}

const quantised = { k_quant_type: "PER_CHANNEL", v_quant_type: "PER_CHANNEL", kv_cache_bit_width: 8 } as const;
const isOverCodes = ({ op, attributes }: Node) => op === "GroupQueryAttention" && "kv_cache_bit_width" in attributes;

/** A graph that reads prompts only: the float kernel in each layer. @param graph of `withInt8Cache` */
export function withFloatAttention(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => (isOverCodes(node) ? overFloats(node) : [node])) };
}

const one: Value = { name: "kv_one", dtype: "i64", shape: [] };
const sequence: Value = { name: "kv_sequence", dtype: "i64", shape: [1] };
const isPrompt: Value = { name: "kv_is_prompt", dtype: "bool", shape: [1] };

/** A graph that reads prompts and takes steps: by the number of tokens in a row. @param graph of `withInt8Cache`, with runs or without */
export function withPromptBranches(graph: Graph): Graph {
  const positions = graph.inputs.find(({ name }) => name === "position_ids");
  invariant(positions, `graph ${graph.name} has no position_ids`);
  return {
    ...graph,
    nodes: [
      nodeOf("Shape", sequence.name, [positions], [sequence], { start: 1, end: 2 }),
      nodeOf("Greater", isPrompt.name, [sequence, one], [isPrompt]),
      ...graph.nodes.map(byRows),
    ],
    initializers: [
      ...graph.initializers,
      { value: one, source: { bytes: new Uint8Array(BigInt64Array.of(1n).buffer) } },
    ],
  };
}

/** Also where a run of tokens has taken its place (token-runs.ts): the loop over single tokens stays as it is. */
function byRows(node: Node): Node {
  if (node.op === "If") {
    const once = node.attributes.else_branch as Subgraph;
    return { ...node, attributes: { ...node.attributes, else_branch: { ...once, nodes: once.nodes.map(byRows) } } };
  }
  if (!isOverCodes(node)) return node;
  const [output, ...presents] = node.outputs as readonly [Value, ...Value[]];
  const branch = (suffix: string, nodesOf: (result: Value) => readonly Node[]): Subgraph => {
    const result = { ...output, name: `${node.name}.${suffix}` };
    return { name: result.name, inputs: [], outputs: [result], nodes: nodesOf(result) };
  };
  const kept = presents.map((value) => ({ ...value, name: `${value.name}.step` }));
  return nodeOf("If", node.name, [isPrompt], [output], {
    then_branch: branch("prompt", (result) => overFloats({ ...node, name: result.name, outputs: [result] })),
    else_branch: branch("step", (result) => [{ ...node, name: result.name, outputs: [result, ...kept] }]),
  });
}

/** Codes as they are stand for keys and values: their scales are moved to the queries and to what was read. */
function overFloats(node: Node): Node[] {
  const { name, attributes } = node;
  const [q, , , pastKey, pastValue, ...others] = node.inputs as readonly Value[];
  const [output] = node.outputs as readonly [Value];
  const { key, value } = partsOf(node);
  const made = (suffix: string, of: Omit<Value, "name">): Value => ({ ...of, dtype: "f32", name: `${name}.${suffix}` });
  const widened = (codes: Value, suffix: string) => {
    const floats = made(suffix, codes);
    return nodeOf("Cast", floats.name, [codes], [floats], { to: float });
  };
  const scaled = made("scaled_q", q!);
  const wide = [widened(key.codes, "k"), widened(value.codes, "v"), widened(pastKey!, "past_k"), widened(pastValue!, "past_v")]; // biome-ignore format: as pairs
  const kept = [made("present_k", pastKey!), made("present_v", pastValue!)]; // the kernel reads what it wrote there
  const read = made("read", output);
  const { num_heads, kv_num_heads } = attributes as Record<"num_heads" | "kv_num_heads", number>;
  const inputs = [scaled, ...wide.map(({ outputs }) => outputs[0]!), ...others.slice(0, 2)];
  return [
    nodeOf("Mul", scaled.name, [q, key.ofQueries], [scaled]),
    ...wide,
    nodeOf("GroupQueryAttention", read.name, inputs, [read, ...kept], { num_heads, kv_num_heads }),
    nodeOf("Mul", name, [read, value.ofQueries], [output]),
  ];
}
