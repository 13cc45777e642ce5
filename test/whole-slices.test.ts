/** An image in slices through loadModel: a request bounds how many there are, the answer says what it took, a trace shows the whole. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { temporaryFolder } from "./support/folders.js";
import { goldenChats, messagesOf, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
let model: VisionLanguageModel;
beforeAll(async () => {
  model = await loadModel(wholeFolder("minicpmv"), { weights: "fp32", threads: 1 });
});
afterAll(() => model?.close());
const messages = messagesOf(goldenChats("minicpmv").find(({ name }) => name === "one image")!);

it("has fewer of them within a request's pixels, down to the overview, and the answer says what it took", async () => {
  const area = 24 * 24;
  const numTokens = async (maxPixels?: number) => {
    const { images } = await model.answer(messages, { maxTokens: 1, ...(maxPixels && { maxPixels }) });
    return images[0]!.numTokens;
  };
  // of a view four tokens and two marks; the number is three more, and rows of slices have a line break between them
  expect(await numTokens()).toBe(3 + 7 * 6 + 1);
  expect(await numTokens(4 * area)).toBe(3 + 5 * 6 + 1);
  expect(await numTokens(3 * area - 1)).toBe(3 + 3 * 6);
  expect(await numTokens(area)).toBe(3 + 6);
});

it("is traced by where the queries look in its overview", async () => {
  const { images } = await model.trace(messages, { maxTokens: 1 });
  const [{ grid, attention }] = images as [(typeof images)[number]];
  expect(grid).toEqual({ rows: 5, columns: 7 });
  expect(attention.map(({ numQueries, numKeys }) => [numQueries, numKeys])).toEqual([[4, 35]]);
});
