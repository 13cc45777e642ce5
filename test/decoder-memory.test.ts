/** What a running decoder holds: room for a prompt is made once. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { stateBytes } from "../src/core/graph/index.js";
import { openPacked } from "../src/core/pack/index.js";
import type { VisionLanguageModel } from "../src/core/runtime/index.js";
import { temporaryFolder } from "./support/folders.js";
import { loadTiny } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

let model: VisionLanguageModel;
beforeAll(async () => {
  model = await loadTiny();
});
afterAll(() => model.close());

describe("a decoder in the host's memory", () => {
  it("makes room for a prompt of several chunks at once", async () => {
    const prepared = await model.prepareText(
      Array.from({ length: 1100 }, (_, i) => 100 + (i % 50)),
      { maxTokens: 1 },
    );
    for await (const _ of model.generate(prepared));
    const { family, config, close } = await openPacked(model.info.path);
    const { perToken } = stateBytes(family.states(config));
    await close();
    expect(model.stats.cacheBytes).toBe(model.info.maxSequences * 1280 * perToken); // whole steps of 256
  });
});
