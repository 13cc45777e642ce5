/**
 * Every field of every request body, walked over the schemas: given as null, given as what it is not, and every number at
 * the ends of its range. What is refused is refused in our words, once, with its name.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import {
  batchRequestSchema,
  chatRequestSchema,
  completionRequestSchema,
  embeddingRequestSchema,
  messagesRequestSchema,
  moderationRequestSchema,
  parseBody,
  rerankRequestSchema,
  responseRequestSchema,
} from "../src/protocol/index.js";
import { scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

const image = "data:image/png;base64,AA";
const tool = { type: "function", function: { name: "f", description: "d", parameters: {}, strict: true } };
const call = { id: "c", type: "function", function: { name: "f", arguments: "" } };
const schema = { name: "a", schema: {}, strict: true };
const own = { reuse: "exact", image_tokens: 1, collection: "c", pages: 1 };
const sampling = {
  ...{ temperature: 1, top_p: 1, top_k: 1, min_p: 0, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0 },
  ...{ seed: 1, logit_bias: {}, stop: ["a"], max_tokens: 1 },
};
const template = {
  chat_template_kwargs: {},
  thinking_token_budget: 1,
  continue_final_message: false,
  add_generation_prompt: true,
};

/** Requests in which every field that a schema knows has a value. */
const full: Record<string, [z.ZodObject, Record<string, unknown>]> = {
  "/v1/chat/completions": [
    chatRequestSchema,
    {
      ...sampling,
      model: "m",
      messages: [
        { role: "system", content: [{ type: "text", text: "a" }] },
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: image, detail: "low" } },
            { type: "file", file: { file_id: "file-1" } },
          ],
        },
        { role: "assistant", content: "a", reasoning_content: "r", tool_calls: [call] },
        { role: "tool", content: "a", tool_call_id: "c" },
      ],
      ...template,
      reasoning_effort: "low",
      max_completion_tokens: 1,
      n: 1,
      user: "u",
      stream: true,
      stream_options: { include_usage: true },
      logprobs: true,
      top_logprobs: 1,
      tools: [tool],
      tool_choice: { type: "function", function: { name: "f" } },
      parallel_tool_calls: true,
      response_format: { type: "json_schema", json_schema: schema },
      modalities: ["text"],
      min_pixels: 1,
      max_pixels: 1,
      ocellus: own,
    },
  ],
  "/v1/completions": [
    completionRequestSchema,
    {
      ...sampling,
      ...{
        model: "m",
        prompt: "a",
        n: 1,
        user: "u",
        stream: true,
        stream_options: { include_usage: true },
        logprobs: 1,
      },
      ...{ echo: false, best_of: 1 },
    },
  ],
  "/v1/responses": [
    responseRequestSchema,
    {
      model: "m",
      input: [
        {
          type: "message",
          role: "user",
          content: [{ type: "input_image", image_url: image, file_id: "file-1", detail: "low" }],
        },
        { type: "reasoning", content: [{ type: "reasoning_text", text: "r" }] },
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: "a" }] },
      ],
      ...{
        instructions: "i",
        max_output_tokens: 1,
        temperature: 1,
        top_p: 1,
        top_k: 1,
        min_p: 0,
        repetition_penalty: 1,
      },
      ...{
        seed: 1,
        top_logprobs: 1,
        stream: true,
        tools: [{ type: "function", ...tool.function }],
        tool_choice: "auto",
      },
      ...{
        parallel_tool_calls: true,
        text: { format: { type: "json_schema", ...schema } },
        min_pixels: 1,
        max_pixels: 1,
      },
      ...{ reasoning: { effort: "low" }, chat_template_kwargs: {}, thinking_token_budget: 1 },
      ...{ ocellus: own, previous_response_id: null, conversation: null, background: false, truncation: "disabled" },
    },
  ],
  "/v1/embeddings": [
    embeddingRequestSchema,
    {
      model: "m",
      input: [{ type: "image_url", image_url: { url: image } }, { content: [{ type: "text", text: "a" }] }],
      messages: [
        { role: "system", content: "s" },
        { role: "user", content: [{ type: "text", text: "a" }] },
      ],
      encoding_format: "float",
      dimensions: 1,
    },
  ],
  "/v1/rerank": [
    rerankRequestSchema,
    {
      ...{ model: "m", query: "q", top_n: 1, return_documents: true, instruction: "i" },
      documents: [{ text: "a", image }, { content: [{ type: "image_url", image_url: { url: image } }] }],
    },
  ],
  "/v1/batches": [
    batchRequestSchema,
    { input_file_id: "file-1", endpoint: "/v1/responses", completion_window: "24h", metadata: {} },
  ],
  "/v1/messages": [
    messagesRequestSchema,
    {
      ...{ model: "m", max_tokens: 1, stream: true, temperature: 1, top_p: 1, top_k: 1, stop_sequences: ["a"] },
      ...{ system: [{ type: "text", text: "s" }], metadata: { user_id: "u" }, ocellus: own },
      ...{ chat_template_kwargs: {}, min_pixels: 1, max_pixels: 1 },
      thinking: { type: "enabled", budget_tokens: 1, display: "summarized" },
      output_config: { effort: "low", format: { type: "json_schema", schema: {} } },
      tools: [{ type: "custom", name: "f", description: "d", input_schema: {}, strict: true }],
      tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true },
      messages: [
        { role: "system", content: [{ type: "text", text: "a" }] },
        {
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } },
            { type: "image", source: { type: "url", url: image } },
            { type: "image", source: { type: "file", file_id: "file-1" } },
            { type: "tool_result", tool_use_id: "c", content: [{ type: "text", text: "a" }] },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "t" },
            { type: "text", text: "a" },
            { type: "tool_use", id: "c", name: "f", input: {} },
          ],
        },
      ],
    },
  ],
  "/v1/moderations": [
    moderationRequestSchema,
    { model: "m", input: [{ type: "image_url", image_url: { url: image, detail: "low" } }] },
  ],
};

/** Places of all values inside. The caller's own (schemas, biases) ends the walk. */
function* placesOf(value: unknown, path: readonly (string | number)[] = []): Generator<readonly (string | number)[]> {
  if (typeof value !== "object" || value === null) return;
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) {
    yield [...path, key];
    yield* placesOf((value as Record<string | number, unknown>)[key], [...path, key]);
  }
}

function withAt(value: unknown, [key, ...rest]: readonly (string | number)[], part: unknown): unknown {
  if (key === undefined) return part;
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...(value as object) };
  copy[key] = withAt(copy[key], rest, part);
  return copy;
}

function refusalOf(asked: z.ZodObject, body: unknown): { message: string; param: string } | undefined {
  try {
    parseBody(asked, body);
    return undefined;
  } catch (error) {
    const { message, details, code } = error as { message: string; code: string; details: { param: string } };
    expect(code, String(error)).toBe("invalid_request");
    return { message, param: details.param };
  }
}

/** Words of the validator's, which mean nothing to a client. */
const raw = /Invalid|received|Unrecognized|Too (big|small)|Expected|zod|discriminator/;

function checkWords({ message, param }: { message: string; param: string }, what: string): void {
  expect(param, what).not.toBe("");
  expect(message, what).not.toMatch(raw);
  expect(message.startsWith(`${param}: `), `${what}: ${message}`).toBe(true);
  const rest = message.slice(param.length + 2);
  expect(rest.startsWith(`${param.split(".").at(-1)}:`), `doubled: ${message}`).toBe(false);
}

describe.each(Object.entries(full))("%s", (_, [asked, body]) => {
  const places = [...placesOf(body)].map((path) => [path.join("."), path] as const);

  it("names every field of its schema here", () => {
    expect(Object.keys(asked.shape).sort()).toEqual(Object.keys(body).sort());
    expect(refusalOf(asked, body)).toBeUndefined();
  });

  it.each(places)("%s may be null where it is optional, and is refused by name where it is not", (name, path) => {
    const without = refusalOf(asked, withoutAt(body, path));
    const withNull = refusalOf(asked, withAt(body, path, null));
    if (typeof path.at(-1) === "string") expect(withNull === undefined, name).toBe(without === undefined);
    if (withNull) checkWords(withNull, name);
  });

  it.each(places)("%s is refused in our words where it is something else", (name, path) => {
    for (const wrong of [5, -1.5, "x".repeat(2000), true, [], [[]], {}, { odd: 1 }, 2 ** 60]) {
      const refused = refusalOf(asked, withAt(body, path, wrong));
      if (refused) checkWords(refused, `${name} = ${JSON.stringify(wrong)}`);
    }
  });
});

function withoutAt(value: unknown, [key, ...rest]: readonly (string | number)[]): unknown {
  if (rest.length > 0) return withAt(value, [key!], withoutAt((value as Record<string | number, unknown>)[key!], rest));
  if (Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value as object).filter(([name]) => name !== key));
}

describe("over the wire", () => {
  const scripted = scriptedModel();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ scripted });
  });
  afterAll(() => server.close());

  it.each([
    ["POST", "/v1/models", "GET, HEAD"],
    ["GET", "/v1/chat/completions", "POST"],
    ["PUT", "/v1/files/file-1", "GET, HEAD, DELETE"],
    ["DELETE", "/health/live", "GET, HEAD"],
  ])("%s %s is 405, and says what is allowed", async (method, path, allowed) => {
    const response = await fetch(`${server.url}${path}`, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, allowed]);
    expect((await response.json()) as object).toMatchObject({ error: { type: "invalid_request_error" } });
    expect((await fetch(`${server.url}${path}x/y`, { method })).status).toBe(404);
  });

  const asked = { role: "user", content: "a" };
  const badCall = {
    role: "assistant",
    tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{" } }],
  };
  const shown = { role: "user", content: [{ type: "image_url", image_url: { url: "/etc/passwd" } }] };
  it.each([
    ["/v1/chat/completions", { messages: [asked], model: "other" }, "model"],
    ["/v1/chat/completions", { messages: [badCall, asked] }, "messages.tool_calls.function.arguments"],
    ["/v1/chat/completions", { messages: [shown] }, "image_url"],
    ["/v1/chat/completions", { messages: [asked], tools: [tool], tool_choice: "auto" }, "tools"],
    ["/v1/chat/completions", { messages: [asked], temperature: "hot" }, "temperature"],
    ["/v1/responses", { input: [{ type: "function_call", call_id: "c", name: "f", arguments: "[" }] }, "input"],
    ["/v1/responses", { input: "a", previous_response_id: "r" }, "previous_response_id"],
    ["/v1/embeddings", { input: "a" }, "model"],
    ["/v1/moderations", { input: "a" }, "input"],
    ["/v1/chat/completions", [], null],
  ])("%s %j is refused for the parameter %s", async (path, body, param) => {
    const response = await server.post(path, body);
    const { error } = (await response.json()) as { error: { param: string | null; message: string } };
    expect([response.status < 500, error.param], error.message).toEqual([true, param]);
    expect(error.message).not.toMatch(raw);
  });

  it("moderates nothing without a guardrail, and says so", async () => {
    const response = await server.post("/v1/moderations", { input: "a" });
    expect([response.status, ((await response.json()) as any).error.code]).toEqual([400, "unsupported"]);
  });

  it("has usage on every chunk for the official client that asks for it, and on none otherwise", async () => {
    const usages = async (include_usage: boolean | null) => {
      const messages = [{ role: "user" as const, content: "a" }];
      const asked = server.client.chat.completions.create({
        messages,
        model: "scripted",
        stream: true,
        stream_options: { include_usage: include_usage as boolean },
      });
      await scripted.say("one");
      await scripted.say("two");
      await scripted.say();
      const found: unknown[] = [];
      for await (const chunk of await asked) found.push("usage" in chunk ? chunk.usage && "counts" : "none");
      return found;
    };
    expect(await usages(true)).toEqual([null, null, null, "counts"]);
    expect(await usages(null)).toEqual(["none", "none", "none"]);
  });
});
