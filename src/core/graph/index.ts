export { GraphBuilder, type Matrix, type NestedScales, type Scope } from "./builder.js";
export { checkpointCatalog, recordingCatalog, type WeightCatalog } from "./catalog.js";
export { between, type CutGraph, comingOf, cutBehind, narrowPlaces, valueNamed } from "./cut.js";
export { type KvScales, withFloatAttention, withInt8Cache, withPromptBranches } from "./int8-cache.js";
export { type ExternalLocation, encodeOnnx } from "./onnx.js";
export type { OpType } from "./ops.js";
export { printGraph } from "./print.js";
export { toEnd } from "./shapes.js";
export { isRecurrent, type KvCacheDtype, type StateSpec, stateBytes } from "./state.js";
export { tokenAttention, withTokenAttention } from "./token-attention.js";
export { withTokenRuns } from "./token-runs.js";
export {
  type Attributes,
  type Dim,
  type Graph,
  type Initializer,
  type Node,
  nodeOf,
  pruned,
  type Subgraph,
  type Value,
  type WeightPart,
  type WeightSource,
  withAttention,
  withOutputs,
  withoutOutputs,
  withWeightsAsInputs,
} from "./value.js";
