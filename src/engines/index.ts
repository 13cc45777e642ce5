export type { EngineEvent, EngineFinish, EngineToken, EngineUsage } from "./chunk.js";
export { EngineClient, type EngineClientOptions } from "./client.js";
export { type EngineDescription, engineFile, readDescription } from "./description.js";
export type { EngineFacts, EngineModel } from "./facts.js";
export { type EngineFault, type EngineStage, isBeforeFirstToken } from "./failure.js";
export type { EngineLoad } from "./gauges.js";
export { defaultLimits, type StageLimits } from "./http.js";
export { type EngineKind, type EngineTraits, engineKinds, engineTraits } from "./kinds.js";
export { isRemote, openRemote } from "./open.js";
export { type AnsweringEngine, PinnedEngine } from "./pinned.js";
export {
  defaultMaxLength,
  defaultMaxPixels,
  type Finding,
  lengthIn,
  type Probed,
  type ProbeOptions,
  probeEngine,
} from "./probe.js";
export { RemoteModel, type RemoteParts } from "./remote-model.js";
export type { EngineMessage, EnginePart, EngineRequest, EngineToolCall } from "./request.js";
