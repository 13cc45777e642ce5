/**
 * Builds a graph along a path. One path names both the node and the weight: `scope.at("layers").at(3).at("mlp")` is
 * where `mlp.w1.weight` of layer 3 lives in the checkpoint and where its nodes are in the printed graph.
 * The idea of the path-scoped weight getter is candle's VarBuilder; shapes are checked at each call, so an error
 * points at the line of the model file that is wrong.
 */
import { invariant, OcellusError } from "../base/index.js";
import type { BlockFormat, DType, Nf4Format, Shape, WeightFormat } from "../tensor/index.js";
import type { WeightCatalog } from "./catalog.js";
import { type OpType, ops } from "./ops.js";
import type { Inferred } from "./shapes.js";
import type { Attributes, Dim, Graph, Initializer, Node, Value, WeightPart, WeightSource } from "./value.js";

/** The stored parts of a matrix [rows, columns], as its format has them. */
export interface Matrix {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number;
  readonly values: Value;
  readonly scales?: Value;
  readonly zeroPoints?: Value;
  /** Instead of `scales`, one for each of the stacked tensors. */
  readonly nestedScales?: readonly NestedScales[];
}

/** The first `count` of table[codes] · scales + offset, codes [groups, 256], scales [groups, 1]. */
export interface NestedScales {
  readonly codes: Value;
  readonly scales: Value;
  readonly table: Value;
  readonly offset: Value;
  readonly count: number;
}

/** Stores one part of a matrix. */
type Store = (suffix: string, dtype: DType, shape: Shape, part: WeightPart, tensors?: readonly string[]) => Value;

export class GraphBuilder {
  readonly #name: string;
  readonly #weights: WeightCatalog;
  readonly #inputs: Value[] = [];
  readonly #outputs: Value[] = [];
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #used = new Set<string>();

  constructor(name: string, weights: WeightCatalog) {
    this.#name = name;
    this.#weights = weights;
  }

  /** A builder that begins with what a graph has, and adds to it; it knows no further weights. */
  static over(graph: Graph): GraphBuilder {
    const unknown = () => invariant(false, `${graph.name} is added to without weights`) as never;
    const builder = new GraphBuilder(graph.name, { expect: unknown, format: unknown });
    builder.#inputs.push(...graph.inputs);
    builder.#outputs.push(...graph.outputs);
    builder.#nodes.push(...graph.nodes);
    for (const initializer of graph.initializers) builder.#initializer(initializer);
    const names = [...graph.inputs, ...graph.nodes, ...graph.nodes.flatMap(({ outputs }) => outputs)];
    for (const { name } of names) builder.#used.add(name);
    return builder;
  }

  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    const value = { name, dtype, shape };
    this.#inputs.push(value);
    return value;
  }

  /** Gives `value` a public name. The node that makes it is renamed, so no copy is made. */
  output(name: string, value: Value): void {
    const at = this.#nodes.findIndex((n) => n.outputs.includes(value));
    invariant(at >= 0, `graph output ${name}: no node makes ${value.name}`);
    const named = { ...value, name };
    const swap = (v: Value | undefined) => (v === value ? named : v);
    for (const [i, node] of this.#nodes.entries()) {
      if (i !== at && !node.inputs.includes(value)) continue;
      this.#nodes[i] = { ...node, inputs: node.inputs.map(swap), outputs: node.outputs.map((v) => swap(v)!) };
    }
    this.#outputs.push(named);
  }

  /** The outputs so far, which become values inside a graph that continues behind them. */
  takeOutputs(): Value[] {
    return this.#outputs.splice(0);
  }

  get root(): Scope {
    return new Scope(this, "");
  }

  build(): Graph {
    for (const { name } of this.#outputs)
      invariant(!this.#initializers.has(name), `graph output ${name} has the name of a weight`, { output: name });
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
    };
  }

  /** @internal */
  node(path: string, op: OpType, inputs: readonly (Value | undefined)[], attributes: Attributes): Value[] {
    const name = this.#unique(path === "" ? op : `${path}.${op}`);
    const inferred = this.#infer(name, op, inputs, attributes);
    const outputs = inferred.map((o, i) => ({ ...o, name: inferred.length === 1 ? name : `${name}.${i}` }));
    this.#nodes.push({ name, op, inputs, outputs, attributes });
    return outputs;
  }

  #infer(name: string, op: OpType, inputs: readonly (Value | undefined)[], attributes: Attributes): Inferred {
    try {
      return ops[op].infer(inputs, attributes);
    } catch (error) {
      if (!(error instanceof OcellusError)) throw error;
      const details = { graph: this.#name, node: name, ...error.details };
      throw new OcellusError(error.code, `graph ${this.#name}, node ${name}: ${error.message}`, {
        details,
        cause: error,
      });
    }
  }

  #unique(name: string): string {
    let made = name;
    for (let n = 1; this.#used.has(made); n++) made = `${name}_${n}`;
    this.#used.add(made);
    return made;
  }

  /** @internal An i64 constant, shared by content. */
  int64(contents: readonly number[]): Value {
    const name = `i64(${contents.join(",")})`;
    const bytes = new Uint8Array(BigInt64Array.from(contents, BigInt).buffer);
    return this.#initializer({ value: { name, dtype: "i64", shape: [contents.length], contents }, source: { bytes } });
  }

  /** @internal A float32 constant, shared by content. */
  float32(value: number): Value {
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    return this.#initializer({ value: { name: `f32(${value})`, dtype: "f32", shape: [] }, source: { bytes } });
  }

  /** @internal A constant, one of each name. */
  constant(name: string, dtype: DType, shape: Shape, bytes: Uint8Array): Value {
    return this.#initializer({ value: { name, dtype, shape }, source: { bytes } });
  }

  /** @internal The parts of one or more checkpoint matrices stacked by rows, in the catalog's format. */
  matrix(label: string, tensors: readonly string[], rows: readonly number[], columns: number): Matrix {
    for (const [i, tensor] of tensors.entries()) this.#weights.expect(tensor, [rows[i]!, columns]);
    const format = this.#weights.format(tensors[0]!);
    const total = rows.reduce((a, b) => a + b, 0);
    const suffixes = { f32: "", f16: ".f16", int8: ".int8", int4: ".int4", nf4: ".nf4", w8a8: ".w8a8" };
    const store: Store = (suffix, dtype, shape, part, of = tensors) => {
      const name = `${of === tensors ? label : of[0]}${suffixes[format.kind]}${suffix}`;
      return this.#initializer({ value: { name, dtype, shape }, source: { tensors: of, format, part } });
    };
    const base = { format, rows: total, columns };
    switch (format.kind) {
      case "w8a8":
        return {
          ...base,
          values: store("", "i8", [columns, total], "values"),
          scales: store(".scales", "f32", [total], "scales"),
        };
      case "f32":
      case "f16":
        return { ...base, values: store("", format.kind, [total, columns], "values") };
      case "int8":
      case "int4":
        return { ...base, ...storeBlocks(store, total, Math.ceil(columns / format.blockSize), format) };
      case "nf4":
        return { ...base, ...storeNf4(store, tensors, rows.map((n) => (n * columns) / format.blockSize), format) }; // biome-ignore format: one thought
      default:
        return format satisfies never;
    }
  }

  /** @internal A small weight, always kept in float32. */
  weight(name: string, shape: Shape): Value {
    this.#weights.expect(name, shape);
    const source: WeightSource = { tensors: [name], format: { kind: "f32" }, part: "values" };
    return this.#initializer({ value: { name, dtype: "f32", shape }, source });
  }

  #initializer(initializer: Initializer): Value {
    const existing = this.#initializers.get(initializer.value.name);
    if (existing) return existing.value;
    this.#initializers.set(initializer.value.name, initializer);
    return initializer.value;
  }
}

/** In the layout of MatMulNBits. */
function storeBlocks(store: Store, rows: number, blocks: number, { kind, blockSize, zeroPoints }: BlockFormat) {
  const blockBytes = kind === "int8" ? blockSize : blockSize / 2;
  return {
    values: store("", "u8", [rows, blocks, blockBytes], "values"),
    scales: store(".scales", "f32", [rows, blocks], "scales"),
    ...(zeroPoints && { zeroPoints: store(".zero_points", "u8", [rows * Math.ceil(blocks / 2)], "zero_points") }),
  };
}

/** In the layout of MatMulBnb4, with `numBlocks` of each tensor. */
function storeNf4(
  store: Store,
  tensors: readonly string[],
  numBlocks: readonly number[],
  { blockSize, nested }: Nf4Format,
) {
  const total = numBlocks.reduce((a, b) => a + b, 0);
  const values = store("", "u8", [(total * blockSize) / 2], "values");
  if (!nested) return { values, scales: store(".scales", "f32", [total], "scales") };
  const nestedScales = tensors.map((tensor, i): NestedScales => {
    const groups = Math.ceil(numBlocks[i]! / 256);
    return {
      codes: store(".scales", "u8", [groups, 256], "scales", [tensor]),
      scales: store(".nested_scales", "f32", [groups, 1], "nested_scales", [tensor]),
      table: store(".nested_table", "f32", [256], "nested_table", [tensor]),
      offset: store(".offset", "f32", [1], "offset", [tensor]),
      count: numBlocks[i]!,
    };
  });
  return { values, nestedScales };
}

export class Scope {
  readonly #builder: GraphBuilder;
  readonly path: string;

  constructor(builder: GraphBuilder, path: string) {
    this.#builder = builder;
    this.path = path;
  }

  /** The scope one step down: `layers` → `layers.3`. */
  at(part: string | number): Scope {
    return new Scope(this.#builder, this.#join(part));
  }

  #join(part: string | number): string {
    return this.path === "" ? String(part) : `${this.path}.${part}`;
  }

  /** A norm's weight, a bias, a table: a float32 initializer. @throws `invalid_file` naming the nearest tensors. */
  weight(name: string, shape: Shape): Value {
    return this.#builder.weight(this.#join(name), shape);
  }

  /**
   * The matrix `name.weight` [rows, columns], or several stacked by rows into one product (`q_proj`, `k_proj`, …),
   * stored as the packing plan says.
   */
  matrix(names: readonly string[], rows: readonly number[], columns: number): Matrix {
    const tensors = names.map((name) => this.#join(`${name}.weight`));
    const label = tensors.length === 1 ? tensors[0]! : this.#join(`${names.join("+")}.weight`);
    return this.#builder.matrix(label, tensors, rows, columns);
  }

  /** One node with one output. @throws when the inputs do not fit, naming the node and the shapes. */
  op(type: OpType, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
    return this.ops(type, inputs, attributes)[0]!;
  }

  /** One node, all its outputs. */
  ops(type: OpType, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value[] {
    return this.#builder.node(this.path, type, inputs, attributes);
  }

  /** A constant list of whole numbers (shapes, sizes). */
  int64(contents: readonly number[]): Value {
    return this.#builder.int64(contents);
  }

  /** A constant number. */
  float32(value: number): Value {
    return this.#builder.float32(value);
  }

  /** A constant tensor, one of each name; little-endian. */
  constant(name: string, dtype: DType, shape: Shape, bytes: Uint8Array): Value {
    return this.#builder.constant(name, dtype, shape, bytes);
  }

  /** ONNX Reshape: 0 copies a size, one -1 takes the rest. */
  reshape(x: Value, target: readonly number[]): Value {
    return this.op("Reshape", [x, this.int64(target)]);
  }

  /** Splits the last axis into parts of these sizes. */
  split(x: Value, sizes: readonly number[]): Value[] {
    return this.ops("Split", [x, this.int64(sizes)], { axis: -1 });
  }
}
