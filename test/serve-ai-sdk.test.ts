/** The Vercel AI SDK, which knows servers like this one as "OpenAI-compatible", against the bundled demo model. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { until } from "../src/core/base/until.testkit.js";
import { loadDualEncoder, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { endless } from "./support/endless.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { loadTinyWithTools } from "./support/tiny-with-tools.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const dress = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const asked = (text: string) => [
  {
    role: "user" as const,
    content: [
      { type: "text" as const, text },
      { type: "image" as const, image: dress },
    ],
  },
];
const schema = z.object({ class: z.enum(["dress", "shirt"]), colour: z.enum(["red", "green", "blue"]) });

let tiny: VisionLanguageModel;
let server: TestServer;
let provider: ReturnType<typeof createOpenAICompatible>;
beforeAll(async () => {
  tiny = await loadTiny();
  server = await startServer({ tiny, tools: await loadTinyWithTools() });
  server.pool.add("clip", await loadDualEncoder(join(repository, "test/golden/clip/gelu")));
  provider = createOpenAICompatible({
    name: "ocellus",
    baseURL: `${server.url}/v1`,
    supportsStructuredOutputs: true,
    includeUsage: true,
  });
});
afterAll(async () => {
  await server.close();
  for (const { model } of server.services.models.all()) await model.close();
});

describe("the AI SDK", () => {
  it("streams the answer about an image part, with usage, and warns of nothing", async () => {
    const result = streamText({ model: provider("tiny"), messages: asked("What colour is it?") });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    const content = [
      { type: "text" as const, text: "What colour is it?" },
      { type: "image" as const, image: dress },
    ];
    const direct = await tiny.answer([{ role: "user", content }]);
    expect(text).toBe(direct.text);
    expect(await result.finishReason).toBe("stop");
    expect(await result.usage).toMatchObject({
      inputTokens: direct.usage.promptTokens,
      outputTokens: direct.usage.completionTokens,
    });
    expect((await result.warnings) ?? []).toEqual([]);
  });

  it("generates objects that keep to a zod schema, whole or as they grow", async () => {
    const asking = { model: provider("tiny"), schema, messages: asked("What is this?") };
    const { object, warnings } = await generateObject(asking);
    expect(schema.safeParse(object).success).toBe(true);
    expect(warnings ?? []).toEqual([]);
    const streamed = streamObject(asking);
    const partial: unknown[] = [];
    for await (const part of streamed.partialObjectStream) partial.push(part);
    expect(partial.at(-1)).toEqual(object);
    expect(await streamed.object).toEqual(object);
  });

  it("runs a tool with the arguments the model wrote, and hands its result back", async () => {
    const given: unknown[] = [];
    const search = tool({
      description: "Finds goods.",
      inputSchema: schema,
      execute: async (input) => {
        given.push(input);
        return { found: 3 };
      },
    });
    const { steps } = await generateText({
      model: provider("tools"),
      messages: asked("Find more of this."),
      tools: { search },
      stopWhen: stepCountIs(2),
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
    });
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
    expect(given.length).toBeGreaterThan(0);
    for (const input of given) expect(schema.safeParse(input).success).toBe(true);
  });

  it("embeds texts", async () => {
    const values = ["a red dress", "a blue shirt"];
    const { embeddings } = await embedMany({ model: provider.embeddingModel("clip"), values });
    expect(embeddings.map((vector) => Math.round(Math.hypot(...vector) * 1e4) / 1e4)).toEqual([1, 1]);
  });

  it("stops an answer by its abort signal", async () => {
    const controller = new AbortController();
    const logitBias = endless; // no end
    const result = streamText({
      model: provider("tiny"),
      messages: asked("Describe it."),
      maxOutputTokens: 1500,
      temperature: 1.5,
      abortSignal: controller.signal,
      providerOptions: { ocellus: { logit_bias: logitBias } },
      onError: () => {},
    });
    for await (const _ of result.textStream) controller.abort();
    await until(async () => {
      expect(await server.services.metrics.registry.metrics()).toMatch(/requests_total\{[^}]*status="499"\} 1/);
      expect(tiny.stats.running).toBe(0); // after the step that was being taken
    });
  });

  it("tells the server's own words when a request is refused", async () => {
    const refused = generateText({ model: provider("gpt-4"), prompt: "Hello", maxRetries: 0 });
    await expect(refused).rejects.toMatchObject({ statusCode: 404, message: expect.stringContaining('"gpt-4"') });
  });
});
