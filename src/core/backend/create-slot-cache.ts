/** What a decoder keeps of its sequences: keys and values in the memory of the device that it runs on, and states in the host's. */
import { isRecurrent } from "../graph/index.js";
import { decoderState } from "./decoder-state.js";
import type { Device } from "./device.js";
import { DeviceKvCache } from "./device-kv-cache.js";
import { KvCache } from "./kv-cache.js";
import type { KvCacheShape, SlotCache } from "./slot-cache.js";

export function createSlotCache(device: Device, shape: KvCacheShape): SlotCache {
  const kv = device === "webgpu" ? new DeviceKvCache(shape) : new KvCache(shape);
  return isRecurrent(shape.layers) ? decoderState(kv, shape) : kv;
}
