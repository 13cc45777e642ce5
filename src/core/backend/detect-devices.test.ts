/** On Linux the Vulkan loader is told of a driver that does not exist, so that even a machine with a GPU has no adapter. */

import { afterAll, expect, it, vi } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { detectDevices, resolveDevice } from "./detect-devices.node.js";

vi.stubEnv("VK_ICD_FILENAMES", "/nowhere/driver.json");
afterAll(() => void vi.unstubAllEnvs());
const noWebGpu = process.platform === "linux";

it("finds that the CPU works", async () => {
  expect((await detectDevices())[0]).toEqual({
    device: "cpu",
    works: true,
    found: expect.stringMatching(/^\d+ threads$/),
  });
});

it.runIf(noWebGpu)("says in one sentence what WebGPU lacks and what to install", async () => {
  await expect(resolveDevice("webgpu")).rejects.toThrow(
    ocellusError("unavailable", {
      device: "webgpu",
      found: expect.stringContaining("No supported adapters"), // as the library says it
      fix: expect.stringMatching(/Vulkan.*mesa-vulkan-drivers/),
    }),
  );
  const status = (await detectDevices()).find(({ device }) => device === "webgpu");
  expect(status).toMatchObject({ works: false, fix: expect.stringContaining("mesa-vulkan-drivers") });
});

it.runIf(noWebGpu)("takes the CPU for auto", async () => {
  expect(await resolveDevice("auto")).toBe("cpu");
});

// Only a machine with NVIDIA's libraries and card has it, and then nothing is missing.
const hasCuda = (await detectDevices()).some(({ device, works }) => device === "cuda" && works);

it.skipIf(hasCuda)("names the command that installs a missing provider", async () => {
  await expect(resolveDevice("cuda")).rejects.toThrow(
    ocellusError("unavailable", { device: "cuda", fix: expect.stringContaining("npm rebuild onnxruntime-node") }),
  );
});
