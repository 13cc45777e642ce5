/** What the official client does beyond one answer: schemas by zod, tools it runs itself, embeddings, retries. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { until } from "../src/core/base/until.testkit.js";
import { loadDualEncoder, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { endless } from "./support/endless.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { loadTinyWithTools } from "./support/tiny-with-tools.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const bytes = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const dress = `data:image/jpeg;base64,${bytes.toString("base64")}`;
const asked = (text: string) => [
  {
    role: "user" as const,
    content: [
      { type: "image_url" as const, image_url: { url: dress } },
      { type: "text" as const, text },
    ],
  },
];
const item = z.object({
  class: z.enum(["dress", "shirt", "boots"]),
  colours: z.array(z.enum(["red", "blue", "green"])).max(2),
});

let models: VisionLanguageModel[];
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  models = [await loadTiny({ maxSequences: 1 }), await loadTinyWithTools()];
  server = await startServer({ tiny: models[0]!, tools: models[1]! }, { maxQueue: 0 });
  server.pool.add("clip", await loadDualEncoder(join(repository, "test/golden/clip/gelu")));
  client = server.client;
});
afterAll(async () => {
  await server.close();
  for (const { model } of server.services.models.all()) await model.close();
});

describe("structured output", () => {
  it("is parsed by the client's own helper, however the answer is drawn", async () => {
    for (const temperature of [0, 2]) {
      const completion = await client.chat.completions.parse({
        model: "tiny",
        messages: asked("What is this?"),
        temperature,
        seed: 3,
        response_format: zodResponseFormat(item, "item"),
      });
      expect(item.safeParse(completion.choices[0]!.message.parsed).success).toBe(true);
    }
  });

  it("is parsed from a stream, and from responses", async () => {
    const stream = client.chat.completions.stream({
      model: "tiny",
      messages: asked("What is this?"),
      response_format: zodResponseFormat(item, "item"),
    });
    const completion = await stream.finalChatCompletion();
    const response = await client.responses.parse({
      model: "tiny",
      input: "What is this?",
      text: { format: zodTextFormat(item, "item") },
    });
    for (const parsed of [completion.choices[0]!.message.parsed, response.output_parsed])
      expect(item.safeParse(parsed).success).toBe(true);
  });

  it("is an object for json_object, and a schema that cannot be kept is refused by its keyword", async () => {
    const { choices } = await client.chat.completions.create({
      model: "tiny",
      messages: asked("What is this?"),
      max_tokens: 60,
      response_format: { type: "json_object" },
    });
    expect(choices[0]!.message.content).toMatch(/^\{/);
    const schema = { type: "array", uniqueItems: true };
    const refused = client.chat.completions.create({
      model: "tiny",
      messages: asked("What?"),
      response_format: { type: "json_schema", json_schema: { name: "set", schema } },
    });
    await expect(refused).rejects.toThrow(OpenAI.BadRequestError);
    await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining("uniqueItems") });
  });
});

describe("tools", () => {
  const parameters = z.toJSONSchema(item);
  const tools = [{ type: "function" as const, function: { name: "search", description: "Finds goods.", parameters } }];

  it("are called with arguments that keep to their schema, streamed or not", async () => {
    const request = { model: "tools", messages: asked("Find more of this."), tools, tool_choice: "required" as const };
    const whole = await client.chat.completions.create({ ...request, parallel_tool_calls: false });
    const { message, finish_reason } = whole.choices[0]!;
    expect([finish_reason, message.content, message.tool_calls!.length]).toEqual(["tool_calls", null, 1]);
    const call = message.tool_calls![0]!;
    if (call.type !== "function") throw new Error("expected a function");
    expect(call.function.name).toBe("search");
    expect(item.safeParse(JSON.parse(call.function.arguments)).success).toBe(true);
    const named = { type: "function" as const, function: { name: "search" } };
    const streamed = await client.chat.completions.stream({ ...request, tool_choice: named }).finalChatCompletion();
    expect(streamed.choices[0]!.message.tool_calls).toMatchObject([{ function: call.function }]);
  });

  it("are run by the client's own loop until the model answers in words", async () => {
    const found: unknown[] = [];
    const runner = client.chat.completions.runTools({
      model: "tools",
      messages: asked("Find more of this."),
      tool_choice: { type: "function", function: { name: "search" } },
      tools: [
        {
          type: "function",
          function: {
            name: "search",
            description: "Finds goods.",
            parameters: parameters as Record<string, unknown>,
            parse: (text: string) => item.parse(JSON.parse(text)),
            function: (given: z.infer<typeof item>) => {
              found.push(given);
              return "three dresses";
            },
          },
        },
      ],
    });
    await runner.done();
    expect(found).toHaveLength(1);
    expect(runner.messages.at(-1)).toMatchObject({ role: "tool", content: "three dresses" });
    const { choices } = await client.chat.completions.create({ model: "tools", messages: runner.messages });
    expect(choices[0]!.message.content).not.toBe("");
  });

  it("are refused where the model would never see them, and a choice needs tools", async () => {
    const messages = asked("Find more.");
    await expect(client.chat.completions.create({ model: "tiny", messages, tools })).rejects.toMatchObject({
      status: 400,
      param: "tools",
    });
    await expect(
      client.chat.completions.create({ model: "tools", messages, tool_choice: "required" }),
    ).rejects.toMatchObject({ status: 400, param: "tool_choice" });
  });
});

describe("embeddings", () => {
  it("are decoded by the client from base64 to the same numbers, of length one, in order", async () => {
    const input = ["a red dress", "a blue shirt"];
    const plain = await client.embeddings.create({ model: "clip", input, encoding_format: "float" });
    const packed = await client.embeddings.create({ model: "clip", input });
    expect(packed.data.map(({ index }) => index)).toEqual([0, 1]);
    for (const [i, { embedding }] of packed.data.entries()) {
      expect(embedding).toEqual(plain.data[i]!.embedding);
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
    }
    expect(plain.data[0]!.embedding).not.toEqual(plain.data[1]!.embedding);
    expect(plain.usage.prompt_tokens).toBeGreaterThan(0);
  });

  it("are of pictures too", async () => {
    const input = [{ type: "image_url", image_url: { url: dress } }] as unknown as string[];
    const { data } = await client.embeddings.create({ model: "clip", input });
    expect(Math.hypot(...data[0]!.embedding)).toBeCloseTo(1, 5);
    await expect(client.embeddings.create({ model: "tiny", input: "a" })).rejects.toThrow(OpenAI.BadRequestError);
  });
});

describe("a full server", () => {
  it("answers a client that was told 429 and asked again when it was told to", async () => {
    const gate = server.gate("tiny");
    const controller = new AbortController();
    const long = { model: "tiny", messages: asked("?"), max_tokens: 1500, logit_bias: endless };
    const { signal } = controller;
    const running = Promise.allSettled([1, 2].map(() => client.chat.completions.create(long, { signal })));
    await until(() => expect(gate.stats.running).toBe(2));
    await expect(client.chat.completions.create({ model: "tiny", messages: asked("?") })).rejects.toThrow(
      OpenAI.RateLimitError,
    );
    let refusals = 0;
    const patient = new OpenAI({
      baseURL: `${server.url}/v1`,
      apiKey: "none",
      maxRetries: 2,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (response.status === 429) {
          refusals++;
          expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
          controller.abort(); // the others leave while it waits
        }
        return response;
      },
    });
    const { choices } = await patient.chat.completions.create({ model: "tiny", messages: asked("What is it?") });
    expect([refusals, choices[0]!.finish_reason]).toEqual([1, "stop"]);
    expect((await running).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
