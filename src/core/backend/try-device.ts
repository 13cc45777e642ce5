/** What a device of this machine can do, found by using it, once a process. */
import type { Device } from "./device.js";
import { GraphSession } from "./session.js";
import { type DeviceTrial, tryAttention } from "./try-attention.js";

const trials = new Map<Device, Promise<DeviceTrial>>();

/** Opens a session on the device and runs it, once a process. @throws what ONNX Runtime says when there is no such device. */
export async function tryDevice(device: Device): Promise<DeviceTrial> {
  if (device === "cpu") return { maxQueries: Number.POSITIVE_INFINITY };
  const trial = trials.get(device) ?? tryAttention((model) => GraphSession.open(model, { device, threads: 1 }));
  trials.set(device, trial);
  return trial;
}
