/** What this browser computes on: WebGPU where an adapter computes rightly, else WebAssembly; found by trying. */
import { OcellusError } from "../../base/index.js";
import { type DeviceTrial, tryAttention } from "../portable.js";
import { lossOf } from "./device-loss.js";
import { loadRuntime, type Runtime, type RuntimeOptions, startRuntime } from "./onnxruntime.js";
import { WebGraph } from "./web-graph.js";

export type WebDevice = "cpu" | "webgpu";

export interface ChosenDevice {
  readonly device: WebDevice;
  readonly trial: DeviceTrial;
  readonly runtime: Runtime;
  /** Why it is not WebGPU, in a sentence. */
  readonly notes: readonly string[];
  /** Once graphs are open: resolves when the device is gone, with what all that is asked of it fails with; never in WebAssembly. */
  readonly lost: () => Promise<OcellusError>;
}

/** The part of WebGPU that is asked here. */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>;
}

const whole: DeviceTrial = { maxQueries: Number.POSITIVE_INFINITY };

/**
 * A named device must work. "auto" is WebGPU where hardware is behind it that gets a known attention right.
 * @throws `unavailable`
 */
export async function chooseDevice(
  wanted: WebDevice | "auto",
  options: Omit<RuntimeOptions, "webgpu">,
): Promise<ChosenDevice> {
  if (wanted !== "cpu") {
    const found = await tryWebGpu(wanted === "auto", options);
    if (typeof found !== "string") return found;
    if (wanted === "webgpu") throw unavailable(found);
    return onCpu(options, [`WebAssembly runs the model: ${found}`]);
  }
  return onCpu(options, []);
}

async function onCpu(options: Omit<RuntimeOptions, "webgpu">, notes: readonly string[]): Promise<ChosenDevice> {
  const runtime = await loadRuntime({ ...options, webgpu: false });
  startRuntime(runtime);
  return { device: "cpu", trial: whole, runtime, notes, lost: () => new Promise(() => {}) };
}

/** The device, or why there is none that is worth it. */
async function tryWebGpu(isAuto: boolean, options: Omit<RuntimeOptions, "webgpu">): Promise<ChosenDevice | string> {
  const { navigator } = globalThis as unknown as { readonly navigator: { readonly gpu?: Gpu } };
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return "this browser gives no WebGPU adapter";
  if (isAuto && adapter.info?.isFallbackAdapter) return "the WebGPU adapter is a software one";
  try {
    const runtime = await loadRuntime({ ...options, webgpu: true });
    const trial = await tryAttention((model) => WebGraph.open(model, { runtime, device: "webgpu" }));
    if (isAuto && trial.maxQueries !== whole.maxQueries) return "the WebGPU adapter does not compute a known attention";
    return { device: "webgpu", trial, runtime, notes: [], lost: () => lossOf(runtime) };
  } catch (cause) {
    return `WebGPU does not start (${(cause as Error).message})`;
  }
}

function unavailable(found: string): OcellusError {
  return new OcellusError("unavailable", `device webgpu: ${found}; to fix: use device: "cpu", or "auto"`, {
    details: { device: "webgpu", found },
  });
}
