/** What of this room runs in a browser too: tensors, caches and what graphs are asked, but nothing that runs one. */
export { withCache, withPrefill } from "./cached-graph.js";
export { createSlotCache } from "./create-slot-cache.js";
export type { Device } from "./device.js";
export type { CachedGraph, DeviceMemory, Graph, Results } from "./graph.js";
export { ReopeningGraph } from "./reopening-graph.js";
export type { SlotRun, StepLengths } from "./slot-cache.js";
export { smallModel } from "./small-graph.js";
export { type DeviceTensor, type Feeds, float32, int32, int64, isOnHost } from "./tensors.js";
export { type DeviceTrial, tryAttention } from "./try-attention.js";
