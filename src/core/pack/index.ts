export { buildGraphs, prefillGraph } from "./build-graphs.js";
export { canonicalSource } from "./canonical.js";
export { encodeWeights } from "./encode-weights.js";
export { refuseForeignFolder } from "./foreign.js";
export { hasKvScales, readKvScales, writeKvScales } from "./kv-scales.js";
export { plannedBytes } from "./layout.js";
export { manifestSchema, packedFiles } from "./manifest.js";
export { autoPlan, fixedBytes, formatsOf, type MatrixGroup, matrixGroups } from "./matrix-groups.js";
export { type PackOptions, type PackResult, pack, writeGraph } from "./pack.js";
export {
  isPacked,
  openPacked,
  openPackedAny,
  openPackedClassifier,
  openPackedEncoder,
  openPackedImageEncoder,
  type Packed,
  type PackedModel,
  packedNotes,
  wrongKind,
} from "./packed.js";
export {
  embeddingWeightsOptions,
  formatOf,
  type PackingPlan,
  type PlanOptions,
  parsePlan,
  planDigest,
  plannedMatrix,
  prefillFormatOf,
  prefillWeightsOptions,
  visionWeightsOptions,
  type Weights,
  webPlan,
  weightsOptions,
} from "./plan.js";
export { planGraphs, readModel, type SourceModel } from "./read-model.js";
export { encodeStored, storedGraphs } from "./stored-graphs.js";
export { type UnreadReason, unreadReason, wantedTensors } from "./unread.js";
export { adapterTargets, withAdapter } from "./with-adapter.js";
export type { PackProgress } from "./write-weights.js";
