export { type DeviceStatus, detectDevices, resolveDevice } from "./detect-devices.node.js";
export { GraphThread } from "./graph-thread.js";
export { defaultThreads, type MachineMemory, machineMemory } from "./machine.node.js";
export { openSmallGraph } from "./open-small-graph.js";
export * from "./portable.js";
export { GraphSession, type Probe, type SessionOptions, webGpuMemory } from "./session.js";
export { tryDevice } from "./try-device.js";
