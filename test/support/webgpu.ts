/**
 * A WebGPU adapter for the tests: the machine's own, or SwiftShader, a software Vulkan driver that comes with Chromium
 * (Debian: apt install chromium). The driver is named to the Vulkan loader by an environment variable, which must be set
 * before ONNX Runtime first looks for adapters: import this file first, and use a process of your own, as vitest gives.
 */
import { existsSync } from "node:fs";
import { detectDevices, tryDevice } from "../../src/core/backend/index.js";

/** Where Chromium's packages put the file that describes its SwiftShader. */
const swiftShader = [
  "/usr/lib/chromium/vk_swiftshader_icd.json",
  "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
  "/usr/lib64/chromium-browser/vk_swiftshader_icd.json",
  "/opt/google/chrome/vk_swiftshader_icd.json",
].find((path) => existsSync(path));

export type WebGpu =
  | { readonly missing: string }
  /** Tokens of one run that the adapter gets right: see src/core/backend/try-device.ts. */
  | { readonly missing: undefined; readonly maxQueries: number };

export async function findWebGpu(): Promise<WebGpu> {
  const nameDriver = !process.env.VK_DRIVER_FILES && !process.env.VK_ICD_FILENAMES && !existsSync("/dev/dri");
  if (nameDriver && swiftShader) process.env.VK_ICD_FILENAMES = swiftShader;
  const { works, found } = (await detectDevices()).find(({ device }) => device === "webgpu")!;
  if (!works) return { missing: `${found}, and no SwiftShader of Chromium` };
  return { missing: undefined, maxQueries: (await tryDevice("webgpu")).maxQueries };
}
