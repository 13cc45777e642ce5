/** A packed model's decoder as ONNX models for where its cache lies: the stored graph, or one that gives a step's own keys and values only. */
import type { Device } from "../backend/portable.js";
import {
  type KvScales,
  type Graph as StoredGraph,
  withFloatAttention,
  withInt8Cache,
  withOutputs,
  withoutOutputs,
  withPromptBranches,
  withTokenAttention,
  withTokenRuns,
} from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import { encodeStored, type Packed, storedGraphs } from "../pack/portable.js";

export interface DecoderChoice {
  /** Whether the graph that reads prompts is opened with it. */
  readonly usesPrefill: boolean;
  /** Whether a step may be of several tokens of each sequence: on the CPU, of layers without states. Default false. */
  readonly takesRuns?: boolean;
  /** Further outputs, by the names of values. */
  readonly outputs?: readonly string[];
  /** Of a cache of int8, on the CPU. Default: one of float32. */
  readonly kvScales?: KvScales | undefined;
}

/** The decoder with what its tokens look at as a further output, for the CPU, whose kernel alone has it. */
export function lookingDecoder(packed: Packed<AnyFamily>) {
  const { graph, ...sizes } = withTokenAttention(forHost(storedGraphs(packed).decoder!, undefined));
  return { model: encodeStored(graph, packed), ...sizes };
}

interface DecoderModels {
  readonly model: Uint8Array;
  /** A second graph over the first one's cache, by which prompts are read. */
  readonly prefill: Uint8Array | undefined;
}

export function decoderModels(
  packed: Packed<AnyFamily>,
  device: Device,
  { usesPrefill, takesRuns = false, outputs = [], kvScales }: DecoderChoice,
): DecoderModels {
  const graphs = storedGraphs(packed);
  const whole = withOutputs(graphs.decoder!, outputs);
  if (device !== "cpu") return { model: encodeStored(whole, packed), prefill: undefined };
  const decoderGraph = forSteps(forHost(whole, kvScales), { takesRuns, kvScales });
  const model = encodeStored(decoderGraph, packed);
  if (!usesPrefill) return { model, prefill: undefined };
  return { model, prefill: encodeStored(forPrompts(forHost(graphs.prefill!, kvScales), kvScales), packed) };
}

/**
 * For a cache in the host's memory, which asks a step for the keys and values of its own tokens only: were all those so far
 * outputs too, a run would hold a second copy of the whole cache until its end (docs/log.md).
 */
function forHost(decoder: StoredGraph, kvScales: KvScales | undefined): StoredGraph {
  const own = withoutOutputs(decoder, "present.");
  return kvScales ? withInt8Cache(own, kvScales) : own;
}

function forSteps(decoder: StoredGraph, { takesRuns, kvScales }: Pick<DecoderChoice, "takesRuns" | "kvScales">) {
  const running = takesRuns ? withTokenRuns(decoder) : decoder;
  return kvScales ? withPromptBranches(running) : running;
}

function forPrompts(prefill: StoredGraph, kvScales: KvScales | undefined): StoredGraph {
  return kvScales ? withFloatAttention(prefill) : prefill;
}
