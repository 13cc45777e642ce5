/** POST /v1/messages asked by Anthropic's official client: what any program written for its Messages API does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type {
  ChatEvent,
  ChatMessage,
  ChatOptions,
  LanguageModel,
  VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { createKey, KeyRing } from "../src/server/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { scriptedModel } from "./support/scripted-model.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const dress = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const data = dress.toString("base64");
const pictured = {
  type: "image" as const,
  source: { type: "base64" as const, media_type: "image/jpeg" as const, data },
};
const question = { type: "text" as const, text: "What colour is it?" };
const max_tokens = 64;
const end = {
  ...{ type: "end", finishReason: "stop", images: [] },
  timings: { visionMs: 0, imagesCached: 0, firstTokenMs: 0, totalMs: 0, tokensPerSecond: 0 },
  usage: { promptTokens: 9, cachedTokens: 4, completionTokens: 7, reasoningTokens: 3 },
} as const satisfies ChatEvent;

/** A model that says what it is given to say, and keeps what it was asked. */
function recitingModel() {
  const scripted = scriptedModel();
  const asked: { messages: readonly ChatMessage[]; options: ChatOptions }[] = [];
  const model: LanguageModel & { events: ChatEvent[] } = {
    ...scripted,
    events: [],
    info: { ...scripted.info, readsTools: true, thinking: "hybrid" },
    async prepare(messages, options = {}) {
      asked.push({ messages, options });
      return scripted.prepare(messages, options);
    },
    async *generate() {
      yield* model.events;
    },
  };
  return { model, asked };
}
const said = (text: string): ChatEvent => ({ type: "text", text, tokens: [] });

let tiny: VisionLanguageModel;
let server: TestServer;
let client: Anthropic;
const { model: reciting, asked } = recitingModel();
const clientOf = (apiKey = "none", headers = {}) =>
  new Anthropic({ baseURL: server.url, apiKey, maxRetries: 0, defaultHeaders: headers });
beforeAll(async () => {
  tiny = await loadTiny();
  server = await startServer({ tiny, reciting });
  client = clientOf();
});
afterAll(async () => {
  await server.close();
  await tiny.close();
});

describe("messages about an image", () => {
  const messages = [{ role: "user" as const, content: [pictured, question] }];

  it("answer as the library does", async () => {
    const answer = await client.messages.create({ model: "tiny", max_tokens, messages });
    const direct = await tiny.answer([{ role: "user", content: [{ type: "image", image: dress }, question] }]);
    expect(answer).toMatchObject({
      ...{ type: "message", role: "assistant", model: "tiny", stop_reason: "end_turn", stop_sequence: null },
      content: [{ type: "text", text: direct.text }],
      usage: { output_tokens: direct.usage.completionTokens },
    });
    const { input_tokens, cache_read_input_tokens } = answer.usage;
    expect(input_tokens + cache_read_input_tokens!).toBe(direct.usage.promptTokens);
  });

  it("stream as events that the client joins to the same", async () => {
    const whole = await client.messages.create({ model: "tiny", max_tokens, messages });
    const stream = client.messages.stream({ model: "tiny", max_tokens, messages });
    const types: string[] = [];
    stream.on("streamEvent", ({ type }) => types.push(type));
    const joined = await stream.finalMessage();
    expect(joined.content).toEqual(whole.content);
    expect(joined.stop_reason).toBe("end_turn");
    expect(joined.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(types.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(types.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
  });

  it("say which of the stop sequences ended the answer, and that its tokens did", async () => {
    const whole = await client.messages.create({ model: "tiny", max_tokens, messages });
    const { text } = whole.content[0] as Anthropic.TextBlock;
    const stop = text.slice(2, 5);
    const stopped = await client.messages.create({ model: "tiny", max_tokens, messages, stop_sequences: ["zz", stop] });
    expect(stopped).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: stop });
    expect(stopped.content).toMatchObject([{ text: text.slice(0, text.indexOf(stop)) }]);
    const cut = await client.messages.create({ model: "tiny", max_tokens: 1, messages });
    expect(cut).toMatchObject({ stop_reason: "max_tokens", stop_sequence: null });
  });

  it("take an uploaded file, and count the tokens of what is asked", async () => {
    const { id } = await server.client.files.create({
      file: new File([new Uint8Array(dress)], "dress.jpg"),
      purpose: "user_data",
    });
    const content = [{ type: "image" as const, source: { type: "file" as const, file_id: id } }, question];
    const answer = await client.messages.create({ model: "tiny", max_tokens, messages: [{ role: "user", content }] });
    const { input_tokens } = await client.messages.countTokens({
      model: "tiny",
      messages: [{ role: "user", content }],
    });
    expect(input_tokens).toBe(answer.usage.input_tokens + answer.usage.cache_read_input_tokens!);
  });
});

describe("messages with tools and thoughts", () => {
  const tool = { name: "look", description: "Looks.", input_schema: { type: "object" as const, properties: {} } };
  const call = 'Well.<tool_call>\n{"name": "look", "arguments": {"at": "b", "10": 1}}\n</tool_call>';

  it("have thoughts, words and calls as blocks, whole and streamed", async () => {
    reciting.events = [
      { type: "reasoning", text: "Hm, ", tokens: [] },
      { type: "reasoning", text: "so.", tokens: [] },
      said(call),
      end,
    ];
    const asking = {
      model: "reciting",
      max_tokens,
      tools: [tool],
      messages: [{ role: "user" as const, content: "Look" }],
    };
    const whole = await client.messages.create(asking);
    expect(whole.content).toMatchObject([
      { type: "thinking", thinking: "Hm, so." },
      { type: "text", text: "Well." },
      { type: "tool_use", name: "look", input: { at: "b", "10": 1 } },
    ]);
    expect(whole.stop_reason).toBe("tool_use");
    expect(whole.usage).toMatchObject({
      ...{ input_tokens: 5, cache_read_input_tokens: 4, cache_creation_input_tokens: 0, output_tokens: 7 },
      output_tokens_details: { thinking_tokens: 3 },
    });
    const streamed = await client.messages.stream(asking).finalMessage();
    const withoutIds = (message: Anthropic.Message) =>
      message.content.map((block) => (block.type === "tool_use" ? { ...block, id: "" } : block));
    expect(withoutIds(streamed)).toEqual(withoutIds(whole));
  });

  it("become the turns, tools and wishes that a chat completion has", async () => {
    reciting.events = [said("ok"), end];
    await client.messages.create({
      ...{ model: "reciting", max_tokens, system: [{ type: "text", text: "Be brief." }], top_k: 5 },
      tools: [tool],
      tool_choice: { type: "tool", name: "look", disable_parallel_tool_use: true },
      thinking: { type: "enabled", budget_tokens: 1024 },
      metadata: { user_id: "u" },
      messages: [
        { role: "user", content: "Look" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "Hm.", signature: "" },
            { type: "text", text: "Well." },
            { type: "tool_use", id: "c", name: "look", input: { at: "b" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "c", content: [{ type: "text", text: "a dress" }, pictured] },
            { type: "text", text: "So?" },
          ],
        },
      ],
    } as never);
    const { messages, options } = asked.at(-1)!;
    expect(messages).toMatchObject([
      { role: "system", content: [{ text: "Be brief." }] },
      { role: "user", content: "Look" },
      {
        ...{ role: "assistant", content: [{ text: "Well." }], reasoning_content: "Hm." },
        tool_calls: [{ id: "c", function: { name: "look", arguments: { at: "b" } } }],
      },
      { role: "tool", tool_call_id: "c", content: [{ text: "a dress" }, { type: "image" }] },
      { role: "user", content: [{ text: "So?" }] },
    ]);
    expect(options).toMatchObject({
      ...{ maxTokens: max_tokens, enableThinking: true, thinkingBudget: 1024, sampling: { top_k: 5 } },
      toolConstraint: { choice: { name: "look" }, parallel: false },
    });
  });

  it("continue an assistant's message that stands last", async () => {
    reciting.events = [said(" blue"), end];
    const turns = [
      { role: "user" as const, content: "Which?" },
      { role: "assistant" as const, content: "It is" },
    ];
    await client.messages.create({ model: "reciting", max_tokens, messages: turns });
    expect(asked.at(-1)!.options.continueFinalMessage).toBe(true);
  });

  it("bind the answer to a schema", async () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    await client.messages.create({
      ...{ model: "reciting", max_tokens, messages: [{ role: "user", content: "Which?" }] },
      output_config: { format: { type: "json_schema", schema } },
    });
    expect(asked.at(-1)!.options.responseFormat).toMatchObject({ type: "json_schema", schema });
  });
});

describe("refusals", () => {
  const messages = [{ role: "user" as const, content: "Hello" }];

  it("have Anthropic's shape and status", async () => {
    const refused = client.messages.create({ model: "none such", max_tokens, messages });
    await expect(refused).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    await expect(refused).rejects.toMatchObject({
      error: {
        type: "error",
        error: { type: "not_found_error", message: expect.any(String) },
        request_id: expect.any(String),
      },
    });
    const wrong = client.messages.create({ model: "tiny", messages } as never);
    await expect(wrong).rejects.toMatchObject({
      status: 400,
      error: { error: { type: "invalid_request_error", param: "max_tokens" } },
    });
    const version = clientOf("none", { "anthropic-version": "2099-01-01" }).messages.create({
      model: "tiny",
      max_tokens,
      messages,
    });
    await expect(version).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  });

  it("end a stream as an event", async () => {
    const { generate } = reciting;
    reciting.generate = async function* () {
      yield said("We");
      throw new Error("broken");
    };
    try {
      const stream = client.messages.stream({ model: "reciting", max_tokens, messages });
      await expect(stream.finalMessage()).rejects.toMatchObject({ error: { error: { type: "api_error" } } });
    } finally {
      reciting.generate = generate;
    }
  });

  it("are of who shows no key, in x-api-key or else", async () => {
    const { secret, key } = createKey("alice");
    const locked = await startServer({ reciting }, {}, { keys: KeyRing.of([key]) });
    const asking = (apiKey: string) =>
      new Anthropic({ baseURL: locked.url, apiKey, maxRetries: 0 }).messages.create({
        model: "reciting",
        max_tokens,
        messages,
      });
    try {
      reciting.events = [said("ok"), end];
      expect(await asking(secret)).toMatchObject({ content: [{ text: "ok" }] });
      await expect(asking("sk-other")).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    } finally {
      await locked.close();
    }
  });
});
