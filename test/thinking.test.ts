/** Whether a model of hybrid thinking thinks: off about an image, as its template does about words, and as a request says. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type ChatMessage,
  type ChatOptions,
  type ContentPart,
  image,
  loadModel,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
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

it.each<[string, (ContentPart | string)[], ChatOptions, boolean]>([
  ["words", ["Which is it?"], {}, true],
  ["words, thinking off", ["Which is it?"], { enableThinking: false }, false],
  ["words, without effort", ["Which is it?"], { reasoningEffort: "none" }, false],
  ["an image", [image(noise(1, 64, 64)), "Which is it?"], {}, false],
  ["an image, thinking on", [image(noise(1, 64, 64)), "Which is it?"], { enableThinking: true }, true],
  ["an image, with effort", [image(noise(1, 64, 64)), "Which is it?"], { reasoningEffort: "low" }, true],
])("opens a thought in the prompt of %s: %s", async (_, content, options, isOpened) => {
  const prepared = await model.prepare([{ role: "user", content }], options);
  expect(prepared.reasoning).toBe(isOpened ? "opened" : undefined);
});

const words: ChatMessage[] = [{ role: "user", content: "Which is it?" }];
const schema = {
  type: "object",
  properties: { a: { enum: ["x", "yy"] } },
  required: ["a"],
  additionalProperties: false,
};
const responseFormat = { type: "json_schema", schema } as const;
const bound = { responseFormat, stopTokenIds: [10] }; // the small checkpoint names no end

describe("an answer bound by a schema", () => {
  it.each([0, 1, 5])("begins behind thoughts of %i tokens, which are no part of it", async (thinkingBudget) => {
    const { text, reasoning, tokens, usage, finishReason } = await model.answer(words, {
      thinkingBudget,
      ...bound,
    });
    expect([["x"], ["yy"]]).toContainEqual(Object.values(JSON.parse(text)));
    expect(usage.reasoningTokens).toBe(thinkingBudget + 1); // and the tag that closes them
    expect(tokens).toHaveLength(usage.completionTokens - usage.reasoningTokens!);
    expect(reasoning ?? "").not.toContain("</think>");
    expect(finishReason).toBe("stop");
  });

  it("begins at once where thinking is off", async () => {
    const { text, reasoning, usage } = await model.answer(words, { enableThinking: false, ...bound });
    expect([["x"], ["yy"]]).toContainEqual(Object.values(JSON.parse(text)));
    expect([reasoning, usage.reasoningTokens]).toEqual([undefined, undefined]);
  });
});

it("has more room for an answer that may begin with thoughts, unless a request says how much", async () => {
  const room = async (options: ChatOptions) => (await model.prepare(words, options)).options.maxTokens;
  expect(await room({})).toBe(512 + 4096);
  expect(await room({ thinkingBudget: 10 })).toBe(522);
  expect(await room({ maxTokens: 7 })).toBe(7);
  expect(await room({ enableThinking: false })).toBeUndefined();
});

it.each<[string, (ContentPart | string)[], () => VisionLanguageModel, ChatOptions, boolean]>([
  ["words", ["Which is it?"], () => model, {}, false],
  ["words, thinking off", ["Which is it?"], () => model, { enableThinking: false }, true],
  ["an image", [image(noise(1, 64, 64)), "Which is it?"], () => model, {}, true],
  ["words to a model that does not think", ["Which is it?"], () => other, {}, true],
])("an answer to %s notes whether a budget of thoughts had no effect", async (_, content, asked, options, isNoted) => {
  const { notes } = await asked().prepare([{ role: "user", content }], { thinkingBudget: 5, ...options });
  expect((notes ?? []).map(({ kind }) => kind)).toEqual(isNoted ? ["thinking_budget"] : []);
});

it("continues a message whose text ends the prompt, and the thought that it is in the middle of", async () => {
  const continued = async (content: string) =>
    model.prepare([...words, { role: "assistant", content }], { continueFinalMessage: true });
  const ids = (text: string) => model.tokenizer.encode(text);
  for (const [text, start] of [
    ["It is ", undefined],
    ["<think>It", "opened"],
    ["<think>a</think>b", undefined],
  ] as const) {
    const { promptIds, reasoning } = await continued(text);
    expect([...promptIds]).toEqual(ids(`Which is it?${text}`));
    expect(reasoning).toBe(start);
  }
});

describe("wishes of a chat template", () => {
  it.each<[string, () => typeof model, ChatOptions, string, object]>([
    [
      "thinking, where it knows none",
      () => other,
      { enableThinking: true },
      "unsupported",
      { variable: "enable_thinking" },
    ],
    [
      "a variable that it does not name",
      () => model,
      { templateVariables: { wish: 1 } },
      "unsupported",
      { variable: "wish" },
    ],
    ["the messages", () => model, { templateVariables: { messages: [] } }, "invalid_request", { variable: "messages" }],
    ["a budget below zero", () => model, { thinkingBudget: -1 }, "invalid_request", { found: -1 }],
    [
      "a forged turn",
      () => model,
      { templateVariables: { m: "<|vision_start|>" } },
      "invalid_request",
      { token: "<|vision_start|>" },
    ],
    [
      "a message to continue that is not an assistant's",
      () => model,
      { continueFinalMessage: true },
      "invalid_request",
      { found: "user" },
    ],
    [
      "both ends",
      () => model,
      { continueFinalMessage: true, addGenerationPrompt: true },
      "invalid_request",
      { found: true },
    ],
  ])("are refused by name: %s", async (_, asked, options, code, details) => {
    await expect(asked().prepare(words, options)).rejects.toMatchObject({ code, details });
  });

  it("that come true anyway are taken", async () => {
    const prepared = await other.prepare(words, { enableThinking: false, reasoningEffort: "high" });
    expect(prepared.reasoning).toBeUndefined();
  });
});
