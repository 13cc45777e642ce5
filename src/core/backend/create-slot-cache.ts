/** The KV cache of a decoder, in the memory of the device that it runs on. */
import type { Device } from "./device.js";
import { DeviceKvCache } from "./device-kv-cache.js";
import { KvCache } from "./kv-cache.js";
import type { KvCacheShape, SlotCache } from "./slot-cache.js";

export function createSlotCache(device: Device, shape: KvCacheShape): SlotCache {
  return device === "webgpu" ? new DeviceKvCache(shape) : new KvCache(shape);
}
