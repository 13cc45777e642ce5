/** What of this room runs in a browser too: packed models as they are read. */
export { buildGraphs, prefillGraph } from "./build-graphs.js";
export { manifestSchema, packedFiles } from "./manifest.js";
export { asLanguageModel, type Packed, type PackedModel, packedIn, wrongKind } from "./packed.js";
export type { PackedFiles } from "./packed-files.js";
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
export { encodeStored, storedGraphs } from "./stored-graphs.js";
export { type WeightFile, withFloats } from "./with-floats.js";
