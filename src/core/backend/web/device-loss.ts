/** The end of a GPU while a model runs on it: a driver's reset, a crash of the browser's GPU process. What runs then fails, or never ends. */
import { OcellusError } from "../../base/index.js";
import type { Runtime } from "./onnxruntime.js";

interface GpuDevice {
  readonly lost: Promise<{ readonly reason?: string; readonly message: string }>;
}

/** The browser reports the loss a moment after the call that it broke. */
const momentMs = 1000;

/**
 * Resolves when the device of this thread's graphs is gone, with what all that is asked of it fails with. Called while one is open: the
 * runtime makes the device with the first, and destroys it with the last.
 */
export async function lossOf({ env }: Runtime): Promise<OcellusError> {
  const device = (await env.webgpu.device) as unknown as GpuDevice;
  const { reason = "unknown", message } = await device.lost;
  return new OcellusError("unavailable", `the GPU was lost (${message || reason})`, {
    details: { device: "webgpu", lost: reason },
  });
}

/** What a run on the device failed with: its loss, where that is why. */
export function lossOr(error: unknown, runtime: Runtime): Promise<unknown> {
  const other = new Promise((resolve) => setTimeout(() => resolve(error), momentMs));
  return Promise.race([lossOf(runtime), other]);
}
