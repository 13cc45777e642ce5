export { type Device, type DeviceStatus, defaultThreads, detectDevices, resolveDevice } from "./device.js";
export { KvCache, type KvCacheShape } from "./kv-cache.js";
export { type DeviceTensor, type Feeds, float32, GraphSession, int32, int64, type SessionOptions } from "./session.js";
