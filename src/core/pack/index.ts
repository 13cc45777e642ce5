export { canonicalSource } from "./canonical.js";
export { encodeWeights } from "./encode-weights.js";
export { refuseForeignFolder } from "./foreign.js";
export { hasKvScales, readKvScales, writeKvScales } from "./kv-scales.js";
export { plannedBytes } from "./layout.js";
export { autoPlan, fixedBytes, formatsOf, type MatrixGroup, matrixGroups } from "./matrix-groups.js";
export {
  isPacked,
  openPacked,
  openPackedAny,
  openPackedClassifier,
  openPackedEncoder,
  openPackedImageEncoder,
  packedNotes,
} from "./open-packed.js";
export { type PackOptions, type PackResult, pack, writeGraph } from "./pack.js";
export * from "./portable.js";
export { planGraphs, readModel, type SourceModel } from "./read-model.js";
export { type UnreadReason, unreadReason, wantedTensors } from "./unread.js";
export { adapterTargets, withAdapter } from "./with-adapter.js";
export type { PackProgress } from "./write-weights.js";
