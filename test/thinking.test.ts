/** Whether a model of hybrid thinking thinks: off about an image, as its template does about words, and as a request says. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type ContentPart, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { temporaryFolder } from "./support/folders.js";
import { noise, packSmallQwen35 } from "./support/small-qwen3-vl.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const ending =
  "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}";
let model: VisionLanguageModel;
let other: VisionLanguageModel;
beforeAll(async () => {
  const load = async (template: string) =>
    loadModel(await packSmallQwen35(temporaryFolder(), "fp32", template), {
      device: "cpu",
      threads: 1,
      maxLength: 512,
    });
  [model, other] = await Promise.all([load(ending), load("")]);
});
afterAll(() => Promise.all([model?.close(), other?.close()]));

it("says so in its notes, where the template knows of it", () => {
  expect(model.info.notes.filter((note) => note.includes("enableThinking"))).toHaveLength(1);
  expect(other.info.notes.filter((note) => note.includes("enableThinking"))).toEqual([]);
});

it.each<[string, (ContentPart | string)[], boolean | undefined, boolean]>([
  ["words", ["Which is it?"], undefined, true],
  ["words, thinking off", ["Which is it?"], false, false],
  ["an image", [image(noise(1, 64, 64)), "Which is it?"], undefined, false],
  ["an image, thinking on", [image(noise(1, 64, 64)), "Which is it?"], true, true],
])("opens a thought in the prompt of %s: %s", async (_, content, enableThinking, isOpened) => {
  const options = enableThinking === undefined ? {} : { enableThinking };
  const prepared = await model.prepare([{ role: "user", content }], options);
  expect(prepared.opensReasoning).toBe(isOpened);
});
