export type { EngineEvent } from "./chunk.js";
export { EngineClient } from "./client.js";
export { type EngineDescription, engineFile, readDescription } from "./description.js";
export { type EngineKind, engineKinds, engineTraits } from "./kinds.js";
export { isRemote, openRemote } from "./open.js";
export { PinnedEngine } from "./pinned.js";
export { defaultMaxLength, defaultMaxPixels, type Finding, lengthIn, probeEngine } from "./probe.js";
export { RemoteModel, type RemoteParts } from "./remote-model.js";
export type { EngineRequest } from "./request.js";
