/** Graphs on threads of their own: the same answers, and a caller's thread that is free meanwhile. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { GraphThread, int64 } from "../src/core/backend/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { type ChatMessage, image, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const names = ["dress.jpg", "boots.jpg", "shirt.png", "screen-error.jpg"];
const question = (name: string): ChatMessage[] => [
  {
    role: "user",
    content: [image(readFileSync(join(repository, "examples/pictures", name))), "Describe the picture."],
  },
];
/** What the vision graph of the bundled demo model reads. */
const pixels = {
  data: new Float32Array(64 * 588),
  shape: [64, 588] as [number, number],
  grid: { rows: 8, columns: 8 },
};

let beside: VisionLanguageModel;
let inline: VisionLanguageModel;
beforeAll(async () => {
  beside = await loadTiny({ graphThreads: true });
  inline = await loadTiny();
});
afterAll(async () => {
  await beside.close();
  await inline.close();
});

/** Turns of the event loop until the work is done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const finished = work().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    turns++;
    await new Promise((turn) => setImmediate(turn));
  }
  await finished;
  return turns;
}

describe("graph threads", () => {
  it("give the answers that graphs on the caller's thread give, alone and together", async () => {
    const together = await Promise.all(names.map((name) => beside.answer(question(name))));
    for (const [i, name] of names.entries()) {
      const { text, usage, tokens } = await inline.answer(question(name));
      const { promptTokens, completionTokens } = usage; // cached ones depend on who came first
      expect(together[i]).toMatchObject({ text, tokens, usage: { promptTokens, completionTokens } });
    }
    expect(beside.stats.cacheBytes).toBe(inline.stats.cacheBytes);
  });

  it("continue where an earlier prompt was read, with the same probabilities", async () => {
    const sampling = { logprobs: true, top_logprobs: 3 };
    const fresh = await loadTiny({ graphThreads: true, memory: { prefixCacheBytes: 0 } });
    for (const name of names) {
      const again = await beside.answer(question(name), { sampling });
      expect(again.usage.cachedTokens).toBe(again.usage.promptTokens - 1);
      const { tokens, usage } = await fresh.answer(question(name), { sampling });
      expect(usage.cachedTokens).toBe(0);
      const logprobs = (all: typeof tokens) =>
        all!.flatMap(({ topLogprobs }) => topLogprobs!.map(({ logprob }) => logprob));
      expect(again.tokens!.map(({ tokenId }) => tokenId)).toEqual(tokens!.map(({ tokenId }) => tokenId));
      // a token read alone is multiplied by another kernel than among others: its sums have another order
      for (const [i, logprob] of logprobs(again.tokens).entries()) expect(logprob).toBeCloseTo(logprobs(tokens)[i]!, 4);
    }
    await fresh.close();
  });

  it("leave the caller's thread to others while a picture is encoded", async () => {
    // The most of many runs: on a crowded machine a run may be over before the caller's thread gets a core again.
    const mostTurns = async (model: VisionLanguageModel) => {
      let most = 0;
      for (let run = 0; run < 50; run++) most = Math.max(most, await turnsDuring(() => model.encodeImage(pixels)));
      return most;
    };
    expect(await mostTurns(inline)).toBeLessThan(8);
    expect(await mostTurns(beside)).toBeGreaterThan(8);
  });

  it("refuse to score beside the running answers, whose cache they hold", async () => {
    const messages: ChatMessage[] = [{ role: "user", content: "Hello!" }];
    const prepared = await beside.prepare(messages);
    const before = await beside.answer(messages);
    await expect(beside.score(prepared, [1, 2]).next()).rejects.toThrow(
      ocellusError("unsupported", { option: "graphThreads" }),
    );
    expect((await beside.answer(messages)).text).toBe(before.text);
  });

  it("tell what is wrong as the graph itself does, and continue", async () => {
    const thread = await GraphThread.open(join(inline.info.path, "decoder.onnx"), { device: "cpu", threads: 1 });
    await expect(thread.run({ nothing: int64([1]) }, { logits: null })).rejects.toMatchObject({
      code: "internal",
      message: expect.stringMatching(/inputs_embeds|nothing/), // as ONNX Runtime says it
    });
    await expect(thread.run({ nothing: int64([1]) }, { logits: null })).rejects.toMatchObject({
      code: "internal",
      message: expect.stringMatching(/inputs_embeds|nothing/), // as ONNX Runtime says it
    });
    await thread.close();
    await expect(GraphThread.open("/nowhere.onnx", { device: "cpu" })).rejects.toThrow(
      ocellusError("invalid_file", { path: "/nowhere.onnx", device: "cpu" }),
    );
  });
});
