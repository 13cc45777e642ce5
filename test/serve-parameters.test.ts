/**
 * Every parameter that the official client knows, one by one: used, ignored and named in a header, or refused by name. A
 * parameter that a newer client brings is a fault of types here until somebody has decided about it.
 */
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

type Decision = "used" | "ignored" | "refused";
/** With a value that an ordinary request would have. */
type Decisions<Params> = Readonly<Record<keyof Params, readonly [Decision, unknown]>>;

const messages = [{ role: "user", content: "Hello" }];
const object = { type: "object" };
const tool = { name: "search", parameters: object };

const chat: Decisions<OpenAI.ChatCompletionCreateParams> = {
  messages: ["used", messages],
  model: ["used", "scripted"],
  audio: ["refused", { voice: "ash", format: "mp3" }],
  frequency_penalty: ["used", 0.5],
  function_call: ["refused", "auto"],
  functions: ["refused", [tool]],
  logit_bias: ["used", { 5: 1 }],
  logprobs: ["used", true],
  max_completion_tokens: ["used", 5],
  max_tokens: ["used", 5],
  metadata: ["ignored", { shop: "1" }],
  modalities: ["used", ["text"]],
  moderation: ["refused", { model: "omni-moderation-latest" }],
  n: ["used", 1],
  parallel_tool_calls: ["used", false],
  prediction: ["ignored", { type: "content", content: "Hello" }],
  presence_penalty: ["used", 0.5],
  prompt_cache_key: ["ignored", "shop"],
  prompt_cache_options: ["ignored", {}],
  prompt_cache_retention: ["ignored", "24h"],
  reasoning_effort: ["ignored", "low"],
  response_format: ["used", { type: "json_object" }],
  safety_identifier: ["ignored", "someone"],
  seed: ["used", 1],
  service_tier: ["ignored", "auto"],
  stop: ["used", ["."]],
  store: ["ignored", true],
  stream: ["used", false],
  stream_options: ["used", { include_usage: true }],
  temperature: ["used", 0.5],
  tool_choice: ["used", "auto"],
  tools: ["used", [{ type: "function", function: tool }]],
  top_logprobs: ["used", 2],
  top_p: ["used", 0.5],
  user: ["used", "someone"],
  verbosity: ["ignored", "low"],
  web_search_options: ["refused", {}],
};

const responses: Decisions<OpenAI.Responses.ResponseCreateParams> = {
  input: ["used", "Hello"],
  model: ["used", "scripted"],
  background: ["refused", true],
  context_management: ["refused", [{ type: "compaction" }]],
  conversation: ["refused", "conv_1"],
  include: ["ignored", []],
  instructions: ["used", "Be brief."],
  max_output_tokens: ["used", 5],
  metadata: ["ignored", {}],
  moderation: ["refused", { model: "omni-moderation-latest" }],
  parallel_tool_calls: ["used", false],
  previous_response_id: ["refused", "resp_1"],
  prompt: ["refused", { id: "pmpt_1" }],
  prompt_cache_key: ["ignored", "shop"],
  prompt_cache_options: ["ignored", {}],
  prompt_cache_retention: ["ignored", "24h"],
  reasoning: ["ignored", { effort: "low" }],
  safety_identifier: ["ignored", "someone"],
  service_tier: ["ignored", "auto"],
  store: ["ignored", true],
  stream: ["used", false],
  stream_options: ["ignored", { include_obfuscation: false }],
  temperature: ["used", 0.5],
  text: ["used", { format: { type: "text" } }],
  tool_choice: ["used", "auto"],
  tools: ["used", [{ type: "function", ...tool }]],
  top_logprobs: ["used", 2],
  top_p: ["used", 0.5],
  truncation: ["refused", "auto"],
  user: ["ignored", "someone"],
};

const completions: Decisions<OpenAI.CompletionCreateParams> = {
  model: ["used", "scripted"],
  prompt: ["used", "It is"],
  best_of: ["refused", 2],
  echo: ["refused", true],
  frequency_penalty: ["used", 0.5],
  logit_bias: ["used", { 5: 1 }],
  logprobs: ["used", 1],
  max_tokens: ["used", 5],
  n: ["used", 1],
  presence_penalty: ["used", 0.5],
  seed: ["used", 1],
  stop: ["used", "."],
  stream: ["used", false],
  stream_options: ["used", { include_usage: true }],
  suffix: ["refused", "the end"],
  temperature: ["used", 0.5],
  top_p: ["used", 0.5],
  user: ["used", "someone"],
};

const embeddings: Decisions<OpenAI.EmbeddingCreateParams> = {
  input: ["used", "a red dress"],
  model: ["used", "directions"],
  dimensions: ["used", 2],
  encoding_format: ["used", "float"],
  user: ["ignored", "someone"],
};

let server: TestServer;
beforeAll(async () => {
  const scripted = scriptedModel();
  const model = {
    ...scripted,
    info: { ...scripted.info, readsTools: true },
    generate(...args: Parameters<typeof scripted.generate>) {
      void scripted.say(); // whatever is asked, the answer ends at once
      return scripted.generate(...args);
    },
  };
  server = await startServer({ scripted: model });
  server.pool.add("directions", {
    info: { ...scripted.info, path: "", weights: "fp32", device: "cpu", maxLength: 77 },
    vectorVersion: "directions",
    embedImage: async () => Float32Array.of(1, 0),
    embedText: async () => Float32Array.of(0, 1),
    embedCounted: async () => ({ direction: Float32Array.of(0, 1), scale: 1, bias: undefined, numTokens: 3 }),
    close: async () => {},
  });
});
afterAll(() => server.close());

const routes = [
  ["/v1/chat/completions", chat, { messages }],
  ["/v1/responses", responses, { input: "Hello" }],
  ["/v1/completions", completions, { prompt: "It is" }],
  ["/v1/embeddings", embeddings, { input: "a red dress" }],
] as const;

describe.each(routes)("%s", (path, decisions, least) => {
  it.each(Object.entries(decisions))("%s is %j", async (name, [decision, value]) => {
    const response = await server.post(path, { ...least, [name]: value });
    const body = (await response.json()) as any;
    const ignored = response.headers.get("x-ocellus-ignored");
    if (decision === "refused") expect([response.status, body.error.param]).toEqual([400, name]);
    else expect([response.status, ignored], JSON.stringify(body)).toEqual([200, decision === "used" ? null : name]);
  });
});

describe("inside a parameter", () => {
  const image = "data:image/png;base64,AA";
  const shown = (part: object) => ({ messages: [{ role: "user", content: [{ type: "image_url", ...part }] }] });

  it("what changes nothing is ignored, and named once, without numbers", async () => {
    const turn = { role: "assistant", content: "Red.", refusal: "none", annotations: [], audio: null };
    const history = shown({ image_url: { url: image, detail: "low" } }).messages;
    const body = { messages: [...history, turn, ...history, turn, ...messages], store: true };
    const response = await server.post("/v1/chat/completions", body);
    expect([response.status, response.headers.get("x-ocellus-ignored")]).toEqual([
      200,
      "store, messages.refusal, messages.annotations",
    ]);
    const item = { role: "user", content: [{ type: "input_image", image_url: image, detail: "high" }], id: "msg_1" };
    const asItems = await server.post("/v1/responses", { input: [item], text: { verbosity: "low" } });
    expect([asItems.status, asItems.headers.get("x-ocellus-ignored")]).toEqual([200, "input.id, text.verbosity"]);
    const input = [{ type: "image_url", image_url: { url: image, detail: "low" } }];
    const embedded = await server.post("/v1/embeddings", { input });
    expect([embedded.status, embedded.headers.get("x-ocellus-ignored")]).toEqual([200, "input.image_url.detail"]);
  });

  it.each([
    ["messages.0.content.0.image_url.crop", shown({ image_url: { url: image, crop: [0, 0, 1, 1] } })],
    ["messages.0.weight", { messages: [{ ...messages[0], weight: 2 }] }],
    ["stream_options.chunk", { messages, stream_options: { chunk: 5 } }],
    ["tools.0.function.cache", { messages, tools: [{ type: "function", function: { ...tool, cache: true } }] }],
  ])("%s is refused where it stands", async (place, body) => {
    const response = await server.post("/v1/chat/completions", body);
    expect([response.status, ((await response.json()) as any).error.param]).toEqual([400, place]);
  });

  it("what is the caller's own is left alone: schemas and arguments", async () => {
    const schema = { type: "object", properties: { anything: { type: "string", title: "A" } }, $comment: "mine" };
    const body = { messages, response_format: { type: "json_schema", json_schema: { name: "a", schema } } };
    const response = await server.post("/v1/chat/completions", body);
    expect([response.status, response.headers.get("x-ocellus-ignored")]).toEqual([200, null]);
  });
});
