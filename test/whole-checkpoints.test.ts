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

describe("an image in slices", () => {
  let model: VisionLanguageModel;
  beforeAll(async () => {
    model = await loadModel(join(golden, "minicpmv"), { weights: "fp32", threads: 1 });
  });
  afterAll(() => model?.close());
  const messages: ChatMessage[] = [{ role: "user", content: [image(drawn([75, 50])), "What is in this image?"] }];

  it("has fewer of them within a request's pixels, down to the overview, and the answer says what it took", async () => {
    const area = 24 * 24;
    const numTokens = async (maxPixels?: number) => {
      const { pictures } = await model.answer(messages, { maxTokens: 1, ...(maxPixels && { maxPixels }) });
      return pictures[0]!.numTokens;
    };
    // of a view four tokens and two marks; the number is three more, and rows of slices have a line break between them
    expect(await numTokens()).toBe(3 + 7 * 6 + 1);
    expect(await numTokens(4 * area)).toBe(3 + 5 * 6 + 1);
    expect(await numTokens(3 * area - 1)).toBe(3 + 3 * 6);
    expect(await numTokens(area)).toBe(3 + 6);
  });

  it("is traced by where the queries look in its overview", async () => {
    const { pictures } = await model.trace(messages, { maxTokens: 1 });
    const [{ grid, attention }] = pictures as [(typeof pictures)[number]];
    expect(grid).toEqual({ rows: 5, columns: 7 });
    expect(attention.map(({ numQueries, numKeys }) => [numQueries, numKeys])).toEqual([[4, 35]]);
  });
});
