/** In a whole model, no prompt is read beside an image while an answer is written, whose tokens keep coming. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { type ChatMessage, image, loadModel } from "../src/core/runtime/index.js";
import { temporaryFolder } from "./support/folders.js";
import { drawn, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const folder = wholeFolder("qwen2_vl");
const { eos_token_id: eos } = JSON.parse(readFileSync(join(folder, "generation_config.json"), "utf8")) as {
  eos_token_id: number;
};
const sampling = { temperature: 0, logit_bias: { [eos]: -100 } };
const about = (width: number): ChatMessage[] => [
  { role: "user", content: [image(drawn([width, 40])), "What is in this image?"] },
];

it("reads prompts and images by turns while an answer is written", async () => {
  await using model = await loadModel(folder, { weights: "fp32", threads: 1, maxSequences: 3 });
  const events: string[] = [];
  const count = (event: string) => events.filter((each) => each === event).length;
  const answers: Promise<unknown>[] = [];
  const { run } = GraphSession.prototype;
  vi.spyOn(GraphSession.prototype, "run").mockImplementation(async function (this: GraphSession, feeds, outputs) {
    const isImage = feeds.pixel_values !== undefined;
    const kind = isImage ? "image" : feeds.inputs_embeds!.dims[1] === 1 ? "token" : "prompt";
    events.push(kind);
    if (kind === "token" && answers.length === 0)
      for (const width of [40, 60]) answers.push(model.answer(about(width), { maxTokens: 5, sampling }));
    const until = count("token") + 8;
    while (isImage && count("token") < until) await new Promise((turn) => setImmediate(turn)); // an image that takes long
    const results = await run.call(this, feeds, outputs);
    if (isImage) events.push("image ends");
    return results;
  });
  const question: ChatMessage[] = [{ role: "user", content: "What is a dog?" }];
  await model.answer(question, { maxTokens: 200, sampling });
  await Promise.all(answers);
  expect(events.slice(0, 2)).toEqual(["prompt", "token"]);
  expect([count("image"), count("image ends")]).toEqual([2, 2]);
  expect(count("prompt")).toBeGreaterThanOrEqual(2); // both that waited may be read together
  const beside = events.filter((event, i) => {
    const before = events.slice(0, i);
    const begun = before.filter((each) => each === "image").length;
    return event === "prompt" && begun > before.filter((each) => each === "image ends").length;
  });
  expect(beside).toEqual([]);
});
