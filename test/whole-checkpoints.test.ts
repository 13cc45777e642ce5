/**
 * Whole checkpoints through loadModel, against transformers' own processors and `generate` (test/golden/whole/make_golden.py):
 * prompts with the tokens of images, several images, a second turn. Pixels may differ by 2/255 from the reference's, so tokens are
 * compared up to the first one that it chose by less than 0.01.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ChatMessage, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";

interface GoldenChat {
  readonly name: string;
  readonly messages: readonly { role: "user" | "assistant"; content: readonly { type: string; text?: string }[] }[];
  readonly sizes: readonly (readonly [width: number, height: number])[];
  readonly promptIds: readonly number[];
  readonly greedyIds: readonly number[];
  readonly margins: readonly number[];
}

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const golden = join(repository, "test/golden/whole");
const uncertain = 0.01;
const leastSure = 4;

/** As make_golden.py draws it. */
function drawn([width, height]: readonly [number, number]) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return [x * 5 + y, y * 7, x * y][i % 3]!;
  });
  return { width, height, data };
}

const families = ["idefics3", "internvl", "minicpmv", "qwen2_vl", "qwen2_5_vl", "qwen3_5"];
describe.each(families)("%s", (family) => {
  const folder = join(golden, family);
  const chats: GoldenChat[] = JSON.parse(readFileSync(join(folder, "answers.json"), "utf8"));
  let model: VisionLanguageModel;
  beforeAll(async () => {
    model = await loadModel(folder, { weights: "fp32", threads: 1 });
  });
  afterAll(() => model?.close());

  it.each(chats)("$name: the reference's prompt, token by token, and its answer", async (chat) => {
    const images = chat.sizes.map((size) => image(drawn(size)));
    const messages = chat.messages.map(
      ({ role, content }): ChatMessage => ({ role, content: content.map(({ text }) => text ?? images.shift()!) }),
    );
    expect([...(await model.prepare(messages)).promptIds]).toEqual(chat.promptIds);
    const { tokens } = await model.answer(messages, { maxTokens: chat.greedyIds.length, sampling: { temperature: 0 } });
    const unsure = chat.margins.findIndex((margin) => margin < uncertain);
    const numSure = unsure < 0 ? chat.greedyIds.length : unsure;
    expect(numSure).toBeGreaterThanOrEqual(leastSure);
    expect(tokens.slice(0, numSure).map(({ tokenId }) => tokenId)).toEqual(chat.greedyIds.slice(0, numSure));
  });
});
