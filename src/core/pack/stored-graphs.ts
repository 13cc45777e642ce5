/**
 * The graphs of a packed model as they were built, told from what it stores: the name of each stored matrix ends in its
 * format, and the shapes hold the rest. Node for node those of its .onnx files, but open to change: a graph with further
 * outputs reads the same weights file.
 */
import { encodeOnnx, type Graph, type WeightCatalog } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import type { BlockSize, TensorInfo, WeightFormat } from "../tensor/index.js";
import { buildGraphs, prefillGraph } from "./build-graphs.js";
import type { Packed } from "./packed.js";

/** By name. */
export function storedGraphs({ family, config, files, manifest }: Packed<AnyFamily>): Record<string, Graph> {
  const infos = new Map([...files.names()].map((name) => [name, files.info(name)!]));
  const graphs = buildGraphs(family, config, storedCatalog(infos, false));
  if (manifest.prefill_weights === "same") return graphs;
  return { ...graphs, prefill: prefillGraph(family, config, storedCatalog(infos, true)) };
}

/** An ONNX file over the weights of the packed model, whose folder it must be opened in. @throws `not_found` for a weight it lacks. */
export function encodeStored(graph: Graph, { files }: Packed<AnyFamily>): Uint8Array {
  return encodeOnnx(graph, (name) => files.locate(name));
}

/** Of a matrix that is stored twice, the decoder's own format or the one that prompts are read by. */
function storedCatalog(infos: ReadonlyMap<string, TensorInfo>, forPrompts: boolean): WeightCatalog {
  const own = forPrompts ? infos : new Map([...infos].filter(([name]) => !isCopy(name, infos)));
  const stored = [...own.values()].flatMap((info) => storedFormat(info, infos));
  const last = ([, { kind }]: (typeof stored)[number]) => (kind === "w8a8" ? 1 : 0);
  const formats = new Map(stored.sort((a, b) => last(a) - last(b)));
  return { expect: () => {}, format: (name) => formats.get(name) ?? { kind: "f32" } };
}

/** Whether a matrix is stored as W8A8 beside another format. */
function isCopy(name: string, infos: ReadonlyMap<string, TensorInfo>): boolean {
  const [, label] = /^(.*\.weight)\.w8a8$/.exec(name) ?? [];
  return label !== undefined && ["", ".f16", ".int8", ".int4", ".nf4"].some((kind) => infos.has(label + kind));
}

/** Of several matrices stacked by rows, the format of the first: the builder asks for no other. */
function storedFormat({ name, shape }: TensorInfo, infos: ReadonlyMap<string, TensorInfo>): [string, WeightFormat][] {
  const [, label, kind] = /^(.*\.weight)\.(f16|int8|int4|nf4|w8a8)$/.exec(name) ?? [];
  if (label === undefined) return [];
  const first = firstOf(label);
  const codes = shape[2]!;
  switch (kind) {
    case "f16":
    case "w8a8":
      return [[first, { kind }]];
    case "int8":
      return [[first, { kind, blockSize: codes as BlockSize }]];
    case "int4": {
      const zeroPoints = infos.has(`${name}.zero_points`);
      return [[first, { kind, blockSize: (2 * codes) as BlockSize, ...(zeroPoints && { zeroPoints }) }]];
    }
    default:
      return [[first, { kind: "nf4", blockSize: 64, nested: infos.has(`${first}.nf4.nested_scales`) }]];
  }
}

/** "attn.q+k+v.weight" → "attn.q.weight" */
function firstOf(label: string): string {
  const stacked = label.slice(0, -".weight".length);
  const plus = stacked.indexOf("+", stacked.lastIndexOf(".") + 1);
  return plus < 0 ? label : `${stacked.slice(0, plus)}.weight`;
}
