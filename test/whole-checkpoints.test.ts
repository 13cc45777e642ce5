/**
 * Whole checkpoints through loadModel, against transformers' own processors and `generate` (test/golden/whole/make_golden.py):
 * prompts with the tokens of images, several images, a second turn.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { families } from "../src/core/models/index.js";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { temporaryFolder } from "./support/folders.js";
import { goldenChats, messagesOf, sureTokens, wholeFamilies, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const leastSure = 4;

it("there is one of every family that writes text and is published", () => {
  const published = families.filter(({ kind, about }) => kind === "language" && about.repositories.length > 0);
  expect(wholeFamilies).toEqual(expect.arrayContaining(published.map(({ modelType }) => modelType)));
});

describe.each(wholeFamilies)("%s", (family) => {
  let model: VisionLanguageModel;
  beforeAll(async () => {
    model = await loadModel(wholeFolder(family), { weights: "fp32", threads: 1 });
  });
  afterAll(() => model?.close());

  it.each(goldenChats(family))("$name: the reference's prompt, token by token, and its answer", async (chat) => {
    const messages = messagesOf(chat);
    expect([...(await model.prepare(messages)).promptIds]).toEqual(chat.promptIds);
    const { tokens } = await model.answer(messages, { maxTokens: chat.greedyIds.length, sampling: { temperature: 0 } });
    const sure = sureTokens(chat);
    expect(Math.min(tokens.length, sure.length)).toBeGreaterThanOrEqual(leastSure);
    const compared = tokens.slice(0, sure.length).map(({ tokenId }) => tokenId);
    expect(compared).toEqual(sure.slice(0, tokens.length)); // the reference went on behind the end of the answer
  });
});
