/** LangChain.js against the bundled demo model: a picture, a stream, an object by schema, a tool call. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { loadDualEncoder, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { loadTinyWithTools } from "./support/tiny-with-tools.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("LANGCHAIN_TRACING_V2", "false");

const bytes = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const url = `data:image/jpeg;base64,${bytes.toString("base64")}`;
const asked = (text: string) =>
  new HumanMessage({
    content: [
      { type: "image_url", image_url: { url } },
      { type: "text", text },
    ],
  });
const schema = z.object({ class: z.enum(["dress", "shirt"]), colour: z.enum(["red", "green", "blue"]) });

let tiny: VisionLanguageModel;
let server: TestServer;
const chat = (model: string) =>
  new ChatOpenAI({ model, apiKey: "none", maxRetries: 0, configuration: { baseURL: `${server.url}/v1` } });
beforeAll(async () => {
  tiny = await loadTiny();
  server = await startServer({ tiny, tools: await loadTinyWithTools() });
  server.pool.add("clip", await loadDualEncoder(join(repository, "test/golden/clip/gelu")));
});
afterAll(async () => {
  await server.close();
  for (const { model } of server.services.models.all()) await model.close();
});

describe("LangChain", () => {
  it("answers about a picture as the library does, at once and as a stream, with usage", async () => {
    const messages = [new SystemMessage("Be brief."), asked("What colour is it?")];
    const answer = await chat("tiny").invoke(messages);
    const content = [{ type: "image" as const, image: url }, "What colour is it?"];
    const direct = await tiny.answer([
      { role: "system", content: "Be brief." },
      { role: "user", content },
    ]);
    expect(answer.text).toBe(direct.text);
    expect(answer.usage_metadata).toMatchObject({
      input_tokens: direct.usage.promptTokens,
      output_tokens: direct.usage.completionTokens,
    });
    let text = "";
    for await (const chunk of await chat("tiny").stream(messages)) text += chunk.text;
    expect(text).toBe(direct.text);
  });

  it("gets objects by schema and by function calling", async () => {
    const bySchema = chat("tiny").withStructuredOutput(schema, { method: "jsonSchema" });
    const byCall = chat("tools").withStructuredOutput(schema, { method: "functionCalling", name: "item" });
    for (const structured of [bySchema, byCall])
      expect(schema.safeParse(await structured.invoke([asked("What is this?")])).success).toBe(true);
  });

  it("binds tools, and the model calls one when it must", async () => {
    const search = tool(async () => "three dresses", { name: "search", description: "Finds goods.", schema });
    const bound = chat("tools").bindTools([search], { tool_choice: "search" });
    const { tool_calls } = await bound.invoke([asked("Find more of this.")]);
    expect(tool_calls).toMatchObject([{ name: "search", args: expect.anything() }]);
    expect(schema.safeParse(tool_calls![0]!.args).success).toBe(true);
    expect(await search.invoke(tool_calls![0]!)).toMatchObject({ content: "three dresses" });
  });

  it("embeds documents and a query in one space", async () => {
    const embeddings = new OpenAIEmbeddings({
      model: "clip",
      apiKey: "none",
      configuration: { baseURL: `${server.url}/v1` },
    });
    const [document] = await embeddings.embedDocuments(["a red dress", "a blue shirt"]);
    expect(document).toEqual(await embeddings.embedQuery("a red dress"));
    expect(Math.hypot(...document!)).toBeCloseTo(1, 5);
  });
});
