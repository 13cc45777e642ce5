export { withCache, withPrefill } from "./cached-graph.js";
export { createSlotCache } from "./create-slot-cache.js";
export { type DeviceStatus, detectDevices, resolveDevice } from "./detect-devices.js";
export { type Device, defaultThreads } from "./device.js";
export type { CachedGraph, Graph } from "./graph.js";
export { GraphThread } from "./graph-thread.js";
export { type MachineMemory, machineMemory } from "./machine.js";
export { ReopeningGraph } from "./reopening-graph.js";
export {
  type DeviceTensor,
  type Feeds,
  float32,
  GraphSession,
  int32,
  int64,
  type Probe,
  type SessionOptions,
} from "./session.js";
export type { SlotRun, StepLengths } from "./slot-cache.js";
export { openSmallGraph } from "./small-graph.js";
export { tryDevice } from "./try-device.js";
