/** Where a graph can run. Only this room imports ONNX Runtime; the names of its providers stay in here. */
import { availableParallelism } from "node:os";
import { OcellusError } from "../base/index.js";

export type Device = "cpu" | "webgpu" | "cuda";

export interface DeviceStatus {
  readonly device: Device;
  /** The provider is part of the installed onnxruntime-node; the hardware behind it may still be missing. */
  readonly bundled: boolean;
  /** The command that would install it, when it is not. */
  readonly install?: string;
}

const installCommands: Readonly<Record<Device, string>> = {
  cpu: "npm install onnxruntime-node",
  webgpu: "npm install onnxruntime-node@latest",
  cuda: "npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12",
};

/** What onnxruntime-node on this machine was built with. */
export async function detectDevices(): Promise<DeviceStatus[]> {
  const { listSupportedBackends } = await import("onnxruntime-node");
  const bundled = new Set(
    listSupportedBackends()
      .filter((b) => b.bundled)
      .map((b) => b.name),
  );
  return (["cpu", "webgpu", "cuda"] as const).map((device) =>
    bundled.has(device) ? { device, bundled: true } : { device, bundled: false, install: installCommands[device] },
  );
}

/** "auto" is the CPU until the GPU paths are verified for every family; a named device must be there. */
export async function resolveDevice(wanted: Device | "auto"): Promise<Device> {
  if (wanted === "auto") return "cpu";
  const status = (await detectDevices()).find((d) => d.device === wanted);
  if (status?.bundled) return wanted;
  throw new OcellusError(
    "unavailable",
    `device ${wanted}: the installed onnxruntime-node has no such provider; install it with: ${installCommands[wanted]}`,
    { details: { device: wanted, install: installCommands[wanted] } },
  );
}

/** One thread per core that this process may use: decode is bound by memory, more threads only wait. */
export function defaultThreads(): number {
  return availableParallelism();
}
