export { type Agreement, agreementOf } from "./analysis/agreement.js";
export { CanaryAnalysis, type CanaryAnalysisOptions, type CanaryVerdict } from "./analysis/canary-analysis.js";
export { type CanaryMetric, canaryMetrics, type Role } from "./analysis/metrics.js";
export { type AnswerRecord, type MirrorRole, mirroredId, uniqueId } from "./answers.js";
export { changeShare, ifCanaryIs, pause, promote, resume, setShare, startCanary, tryWith } from "./canary-commands.js";
export {
  aliasOf,
  type Decision,
  deploy,
  endShadow,
  ifAsSeen,
  ifItConcerns,
  noteComparison,
  type RegistryCommand,
  removeVersion,
  returnTo,
  rollBack,
  type SeenAlias,
  startShadow,
  versionOf,
} from "./commands.js";
export type { Comparison } from "./comparison.js";
export { type JournalEntry, maxStepSeconds, planSchema, type RegistryEvent, type RolloutPlan } from "./events.js";
export type { Observations, Step } from "./evidence.js";
export { checkFolder } from "./location.js";
export { type Manifest, manifestBytes, manifestDigest } from "./manifest.js";
export type { PendingRollbackChange } from "./pending-rollbacks.js";
export type { PublishOptions, PublishProgress } from "./publish.js";
export { Registry, type RegistryOptions } from "./registry.js";
export type { ServerReport } from "./reports.js";
export { markOf, type Resolution, resolveName } from "./resolve.js";
export { checkSignature, createSigningKeys, signManifest } from "./signing.js";
export { type Alias, type Canary, type RegistryState, replay, tagsInUse, type Version } from "./state.js";
export { VerifiedFolders } from "./verified.js";
