/**
 * qwen3_vl through the public door: a random checkpoint with a small vocabulary, asked about pictures under different pixel
 * budgets and about a video. What a picture's features are must follow from the budget, and never from who asked before.
 */

import { afterAll, beforeAll, expect, it } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import {
  type ChatOptions,
  type ContentPart,
  image,
  loadModel,
  type VisionLanguageModel,
  video,
} from "../src/core/runtime/index.js";
import { temporaryFolder } from "./support/folders.js";
import { packSmallQwen3Vl, noise as picture } from "./support/small-qwen3-vl.js";

const folder = temporaryFolder();

let model: VisionLanguageModel;
beforeAll(async () => {
  model = await loadModel(await packSmallQwen3Vl(folder), { device: "cpu", threads: 1, maxLength: 512 });
});
afterAll(() => model?.close());

async function ask(content: (ContentPart | string)[], options: ChatOptions = {}) {
  const sampling = { logprobs: true };
  const { tokens, usage, timings } = await model.answer([{ role: "user", content }], {
    maxTokens: 6,
    sampling,
    ...options,
  });
  return { answer: tokens.map(({ tokenId, logprob }) => [tokenId, logprob]), usage, timings };
}

it("answers under each budget as if no other had been asked for before", async () => {
  const shown = [image(picture(1)), "?"];
  const usual = await ask(shown);
  const coarse = await ask(shown, { maxPixels: 4096 });
  const fine = await ask(shown, { minPixels: 40_000, maxPixels: 50_000 });
  expect(coarse.usage.promptTokens).toBeLessThan(usual.usage.promptTokens);
  expect(fine.usage.promptTokens).toBeGreaterThan(usual.usage.promptTokens);
  expect([usual, coarse, fine].map(({ timings }) => timings.imagesCached)).toEqual([0, 0, 0]);

  const again = [await ask(shown, { maxPixels: 4096 }), await ask(shown)];
  expect(again.map(({ timings }) => timings.imagesCached)).toEqual([1, 1]);
  expect(again.map(({ answer }) => answer)).toEqual([coarse.answer, usual.answer]);
});

it("knows features again when another budget leads to the same size", async () => {
  const shown = [image(picture(2, 64, 64)), "?"];
  expect((await ask(shown)).timings.imagesCached).toBe(0);
  expect((await ask(shown, { maxPixels: 9000 })).timings.imagesCached).toBe(1);
});

it("refuses a budget that is none, naming the field", async () => {
  await expect(ask([image(picture(3))], { maxPixels: 10 })).rejects.toThrow(
    ocellusError("invalid_request", { field: "maxPixels", found: 10 }),
  );
});

it("sees a video as pairs of frames, knows the pairs again, and notices their order", async () => {
  const [a, b, c] = [4, 5, 6].map((seed) => picture(seed, 64, 64)) as [object, object, object];
  const clip = (...frames: object[]) => [video(frames as ReturnType<typeof picture>[], { fps: 2 }), "?"];
  const first = await ask(clip(a, b, c, c));
  expect(first.timings.imagesCached).toBe(0);
  const odd = await ask(clip(a, b, c)); // the last frame stands twice; but at another time
  expect(odd.timings.imagesCached).toBe(2);
  expect(odd.usage.promptTokens).toBe(first.usage.promptTokens);
  const turned = await ask(clip(b, a, c, c));
  expect(turned.timings.imagesCached).toBe(1);
  expect(turned.answer).not.toEqual(first.answer);
});

it("traces an answer: the same tokens, each with its rivals, and no attention of queries that this eye does not have", async () => {
  const messages = [{ role: "user" as const, content: [image(picture(2)), "?"] }];
  const options = { maxTokens: 6, sampling: { logprobs: true, top_logprobs: 4 } };
  const { tokens: expected, text } = await model.answer(messages, options);
  const trace = await model.trace(messages, { maxTokens: 6, alternatives: 3 });
  expect(trace.text).toBe(text);
  expect(trace.tokens.slice(0, expected.length).map(({ tokenId }) => tokenId)).toEqual(
    expected.map(({ tokenId }) => tokenId),
  );
  for (const [i, { logprob, topLogprobs }] of expected.entries()) {
    expect(trace.tokens[i]!.probability).toBeCloseTo(Math.exp(logprob!), 6);
    expect(trace.tokens[i]!.alternatives.map(({ tokenId }) => tokenId)).toEqual(
      topLogprobs!.slice(1).map(({ tokenId }) => tokenId),
    );
  }
  expect(trace.images.map(({ known, attention }) => ({ known, attention }))).toEqual([{ known: true, attention: [] }]);
});
