/**
 * A prompt that is too long is refused before its images are decoded, at every entrance. The images here have a header
 * and no pixels: one that is decoded fails with another error.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { headerOnlyPng } from "../src/core/image/node/header-only.testkit.js";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { nearDuplicates } from "../src/near-duplicates/index.js";
import { temporaryFolder } from "./support/folders.js";
import { startServer, type TestServer } from "./support/server.js";
import { packSmallQwen3Vl } from "./support/small-qwen3-vl.js";

const image = headerOnlyPng(64, 64);
const url = `data:image/png;base64,${Buffer.from(image).toString("base64")}`;
const tooLarge = { code: "too_large", details: { maxLength: 512 } };
const messages = [{ role: "user" as const, content: [{ type: "image" as const, image }] }];
const frames = [image, image];
const video = [{ role: "user" as const, content: [{ type: "video" as const, video: { frames, fps: 1 } }] }];

describe("a checkpoint whose file scales every image up to 2^26 pixels", () => {
  let model: VisionLanguageModel;
  let server: TestServer;
  beforeAll(async () => {
    const folder = await packSmallQwen3Vl(temporaryFolder(), "fp32", { shortest_edge: 2 ** 26, longest_edge: 2 ** 26 });
    model = await loadModel(folder, {
      device: "cpu",
      threads: 1,
      maxLength: 512,
      memory: { nearDuplicates: nearDuplicates() },
    });
    server = await startServer({ small: model });
  });
  afterAll(async () => {
    await server.close();
    await model.close();
  });

  it.each<[string, () => Promise<unknown>]>([
    ["prepare", () => model.prepare(messages)],
    ["prepare, near-duplicates allowed", () => model.prepare(messages, { reuse: "near" })],
    ["prepare, of a video", () => model.prepare(video)],
    ["pixelBytes", () => model.pixelBytes(messages)],
    ["trace", () => model.trace(messages)],
    ["pin", () => model.pin(image)],
    ["embedImage", () => model.embedImage(image)],
    ["modelView", async () => model.modelView({ width: 2, height: 2, data: new Uint8Array(12) })],
  ])("%s refuses it", (_, ask) => expect(ask()).rejects.toMatchObject(tooLarge));

  it("so does the server", async () => {
    const content = [{ type: "image_url", image_url: { url } }];
    const asked = { messages: [{ role: "user", content }], max_tokens: 1 };
    const response = await server.post("/v1/chat/completions", asked);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: "context_length_exceeded" } },
    ]);
  });

  it("but a request may ask for less", async () => {
    const budget = { minPixels: 4096, maxPixels: 4096 };
    await expect(model.prepare(messages, budget)).rejects.toMatchObject({ code: "invalid_image" });
    await expect(model.pixelBytes(messages, budget)).resolves.toBeGreaterThan(0);
  });
});
