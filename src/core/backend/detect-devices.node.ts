/** Which devices this machine has, found by trying them, and what "auto" means here. */
import { existsSync, readdirSync } from "node:fs";
import { OcellusError } from "../base/index.js";
import type { Device } from "./device.js";
import { defaultThreads } from "./machine.node.js";
import { supportedBackends } from "./onnxruntime.node.js";
import { tryDevice } from "./try-device.js";

export interface DeviceStatus {
  readonly device: Device;
  /** It has computed something. */
  readonly works: boolean;
  readonly found: string;
  /** What to install when it does not work. */
  readonly fix?: string;
}

interface Problem {
  readonly found: string;
  readonly fix?: string;
  readonly cause?: unknown;
}

const providerCommands: Readonly<Record<Device, string>> = {
  cpu: "npm install onnxruntime-node",
  webgpu: "npm install onnxruntime-node@1.30",
  cuda: "npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12",
};

/** What each device's hardware needs of the system. */
const driverSteps: Readonly<Record<Device, string>> = {
  cpu: providerCommands.cpu,
  webgpu:
    process.platform === "linux"
      ? "install Vulkan and the GPU's driver for it (Debian, Ubuntu: apt install libvulkan1 mesa-vulkan-drivers; NVIDIA: its own driver), or use the CPU"
      : "update the graphics driver, or use the CPU",
  cuda: providerCommands.cuda,
};

/** Every device, tried; where there is no graphics hardware WebGPU is not, since its driver would complain on stderr. */
export async function detectDevices(): Promise<DeviceStatus[]> {
  const statuses: DeviceStatus[] = [];
  for (const device of ["cpu", "webgpu", "cuda"] as const) {
    const problem = (device === "webgpu" && missingHardware()) || (await problemOf(device));
    statuses.push(
      problem
        ? { device, works: false, found: problem.found, ...(problem.fix && { fix: problem.fix }) }
        : { device, works: true, found: await describeDevice(device) },
    );
  }
  return statuses;
}

/**
 * A named device must work. "auto" is WebGPU where hardware is behind it, else the CPU; on Windows always the CPU, since
 * there a software adapter cannot be told from a real one.
 * @throws `unavailable`, saying what to install.
 */
export async function resolveDevice(wanted: Device | "auto"): Promise<Device> {
  if (wanted === "auto") return (await isWorthAuto()) ? "webgpu" : "cpu";
  const problem = await problemOf(wanted);
  if (!problem) return wanted;
  const { found, fix, cause } = problem;
  throw new OcellusError("unavailable", `device ${wanted}: ${found}; to fix: ${fix}`, {
    details: { device: wanted, found, fix },
    cause,
  });
}

async function isWorthAuto(): Promise<boolean> {
  if (!hasGraphicsHardware() || (await problemOf("webgpu"))) return false;
  return (await tryDevice("webgpu")).maxQueries === Number.POSITIVE_INFINITY;
}

async function problemOf(device: Device): Promise<Problem | undefined> {
  if (!supportedBackends().some(({ name, bundled }) => name === device && bundled))
    return { found: "the installed onnxruntime-node has no such provider", fix: providerCommands[device] };
  try {
    await tryDevice(device);
    return undefined;
  } catch (cause) {
    const { message, cause: thrown } = cause as Error;
    // The rest of what ONNX Runtime says is its own source path and the failed condition.
    const reason = /Failed to [^\n]*/.exec(String(thrown))?.[0] ?? message;
    return { found: `it does not start (${reason})`, fix: driverSteps[device], cause };
  }
}

async function describeDevice(device: Device): Promise<string> {
  if (device === "cpu") return `${defaultThreads()} threads`;
  const { maxQueries } = await tryDevice(device);
  return maxQueries === Number.POSITIVE_INFINITY ? "computes" : `computes; right up to ${maxQueries} tokens a run`;
}

function missingHardware(): Problem | undefined {
  if (process.platform !== "linux" || hasGraphicsHardware()) return undefined;
  if (process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES) return undefined; // somebody names a driver: try it
  return { found: "no graphics hardware (/dev/dri/renderD*, /dev/nvidia0)" };
}

function hasGraphicsHardware(): boolean {
  if (process.platform !== "linux") return process.platform === "darwin"; // every Mac has a Metal GPU
  if (existsSync("/dev/nvidia0")) return true;
  return existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
}
