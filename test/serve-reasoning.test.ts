/** What a model thinks, apart from what it answers, for OpenAI's official client: chat completions and responses, whole and streamed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChatEvent, ChatOptions, LanguageModel, Prepared } from "../src/core/runtime/index.js";
import { scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

const usage = { promptTokens: 3, cachedTokens: 0, completionTokens: 7, reasoningTokens: 5 };
const thoughts = ["It may be ", "red."];
const seen: { messages: unknown; options: ChatOptions }[] = [];

function thinkingModel(): LanguageModel {
  const scripted = scriptedModel();
  return {
    ...scripted,
    info: { ...scripted.info, thinking: "hybrid" },
    async prepare(messages, options = {}) {
      seen.push({ messages, options });
      return scripted.prepare(messages, options);
    },
    async *generate(_: Prepared): AsyncGenerator<ChatEvent> {
      for (const text of thoughts) yield { type: "reasoning", text, tokens: [] };
      yield { type: "reasoning", text: "", tokens: [] };
      yield { type: "text", text: "Red", tokens: [] };
      yield { type: "text", text: ".", tokens: [] };
      yield { ...end, usage };
    },
  };
}
const end: ChatEvent & { type: "end" } = {
  ...{ type: "end", finishReason: "stop", usage, images: [] },
  timings: { visionMs: 0, imagesCached: 0, firstTokenMs: 0, totalMs: 0, tokensPerSecond: 0 },
};

const plain = scriptedModel();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ thinker: thinkingModel(), plain });
});
afterAll(() => server.close());

const messages = [{ role: "user" as const, content: "Which colour?" }];

describe("chat completions", () => {
  it("have thoughts beside the content, and count them", async () => {
    const { choices, usage } = await server.client.chat.completions.create({ model: "thinker", messages });
    expect(choices[0]!.message).toEqual({
      ...{ role: "assistant", content: "Red.", refusal: null },
      reasoning_content: thoughts.join(""),
    });
    expect(usage!.completion_tokens_details).toEqual({ reasoning_tokens: 5 });
  });

  it("stream thoughts before the content", async () => {
    const stream = await server.client.chat.completions.create({ model: "thinker", messages, stream: true });
    const deltas: object[] = [];
    for await (const { choices } of stream) deltas.push(choices[0]!.delta);
    expect(deltas).toEqual([
      { role: "assistant", reasoning_content: thoughts[0] },
      { reasoning_content: thoughts[1] },
      { content: "Red" },
      { content: "." },
      {},
    ]);
  });

  it("hand on what is wished of thoughts and of the chat template", async () => {
    await server.client.chat.completions.create({
      ...{ model: "thinker", messages: [...messages, { role: "assistant", content: "It is", reasoning_content: "r" }] },
      reasoning_effort: "low",
      chat_template_kwargs: { enable_thinking: true, style: "short" },
      thinking_token_budget: 64,
      continue_final_message: true,
      add_generation_prompt: false,
    } as never);
    expect(seen.at(-1)!.options).toMatchObject({
      ...{ reasoningEffort: "low", enableThinking: true, templateVariables: { style: "short" }, thinkingBudget: 64 },
      ...{ continueFinalMessage: true, addGenerationPrompt: false },
    });
    expect(seen.at(-1)!.messages).toMatchObject([{}, { content: "It is", reasoning_content: "r" }]);
  });

  it("name the effort and the budget as ignored where the model does not think", async () => {
    const asked = server.client.chat.completions
      .create({ model: "plain", messages, reasoning_effort: "low", thinking_token_budget: 64 } as never)
      .withResponse();
    await plain.say();
    expect((await asked).response.headers.get("x-ocellus-ignored")).toBe("reasoning_effort, thinking_token_budget");
  });
});

describe("responses", () => {
  it("have an item of reasoning before the message", async () => {
    const response = await server.client.responses.create({ model: "thinker", input: "Which colour?" });
    expect(response.output).toMatchObject([
      {
        type: "reasoning",
        status: "completed",
        summary: [],
        content: [{ type: "reasoning_text", text: thoughts.join("") }],
      },
      { type: "message", status: "completed", content: [{ text: "Red." }] },
    ]);
    expect(response.output_text).toBe("Red.");
    expect(response.usage!.output_tokens_details).toEqual({ reasoning_tokens: 5 });
  });

  it("stream it as events that the client joins to the same", async () => {
    const stream = server.client.responses.stream({ model: "thinker", input: "Which colour?" });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type.replace("response.", ""));
    const written = (name: string) => [
      ...["output_item.added", "content_part.added", `${name}.delta`, `${name}.delta`, `${name}.done`],
      ...["content_part.done", "output_item.done"],
    ];
    expect(types).toEqual([
      ...["created", "in_progress", ...written("reasoning_text"), ...written("output_text"), "completed"],
    ]);
    const { output } = await stream.finalResponse();
    expect(output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
  });

  it("take back the items that they gave, as one turn of the assistant", async () => {
    const { output } = await server.client.responses.create({ model: "thinker", input: "Which colour?" });
    const user = { role: "user" as const, content: "Which colour?" };
    await server.client.responses.create({
      model: "thinker",
      reasoning: { effort: "none" },
      input: [user, ...output, user] as never,
    });
    expect(seen.at(-1)).toMatchObject({
      messages: [
        { role: "user" },
        { role: "assistant", content: [{ text: "Red." }], reasoning_content: thoughts.join("") },
        { role: "user" },
      ],
      options: { reasoningEffort: "none" },
    });
  });
});
