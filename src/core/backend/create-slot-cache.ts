/** What a decoder keeps of its sequences: keys and values in the memory of the device that it runs on, and states in the host's. */
import { invariant } from "../base/index.js";
import { isRecurrent } from "../graph/index.js";
import { decoderState } from "./decoder-state.js";
import { DeviceKvCache } from "./device-kv-cache.js";
import type { Graph } from "./graph.js";
import { KvCache } from "./kv-cache.js";
import type { KvCacheShape, SlotCache } from "./slot-cache.js";

/** Of a decoder that runs there. */
export function createSlotCache(
  { device, deviceMemory }: Pick<Graph, "device" | "deviceMemory">,
  shape: KvCacheShape,
): SlotCache {
  const isKeptThere = device === "webgpu";
  invariant(!isKeptThere || deviceMemory, "a cache on a device is made with its memory");
  const kv = isKeptThere ? new DeviceKvCache(shape, deviceMemory!) : new KvCache(shape);
  return isRecurrent(shape.layers) ? decoderState(kv, shape) : kv;
}
