/** The processes of the GPU bench: what fails or hangs in one says so. The bench itself needs a card, or minutes of SwiftShader. */
import { expect, it } from "vitest";
import { limited } from "../bench/gpu/limited.js";
import type { DeviceStatus } from "../src/core/backend/index.js";

it("gives what a step prints last", async () => {
  const result = await limited<DeviceStatus>("gpu", ["device"], 60_000);
  expect(result).toMatchObject({ ok: true, figures: { device: "webgpu", found: expect.any(String) } });
});

it("tells why a step failed", async () => {
  const result = await limited("gpu", ["make", "no-such-shape"], 60_000);
  expect(result).toMatchObject({ ok: false, why: expect.stringContaining("TypeError") });
});

it("ends a step that takes too long", async () => {
  const result = await limited("gpu", ["device"], 1);
  expect(result).toMatchObject({ ok: false, why: expect.stringMatching(/^ended after 0 s/) });
  expect(result.seconds).toBeLessThan(30);
});
