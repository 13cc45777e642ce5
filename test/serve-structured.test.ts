/** Answers that must have a form, over the wire: JSON by a schema, and tool calls, from a model that never learnt either. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { eagerToEnd } from "./support/eager-to-end.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

const folder = temporaryFolder();
vi.stubEnv("OCELLUS_CACHE", folder);

const schema = {
  type: "object",
  properties: { class: { enum: ["dress", "shirt", "bag"] }, colour: { enum: ["red", "blue", "绿色"] } },
  required: ["class", "colour"],
  additionalProperties: false,
};
const isItem = new Ajv2020().compile(schema);
const json_schema = { name: "item", schema, strict: true };
const shirt = `data:image/png;base64,${readFileSync(join(repository, "examples/pictures/shirt.png")).toString("base64")}`;
const messages = [
  {
    role: "user" as const,
    content: [
      { type: "image_url" as const, image_url: { url: shirt } },
      { type: "text" as const, text: "What is it?" },
    ],
  },
];
const tools = [{ type: "function" as const, function: { name: "search", parameters: schema } }];

let tiny: VisionLanguageModel;
let handy: VisionLanguageModel;
let server: TestServer;
beforeAll(async () => {
  tiny = await loadTiny();
  handy = await loadModel(withToolTemplate(), { weights: "fp32", threads: 1 });
  server = await startServer({ tiny, handy });
});
afterAll(async () => {
  await server.close();
  await tiny.close();
  await handy.close();
});

/** The bundled demo model with a template that shows it the tools. */
function withToolTemplate(): string {
  const copy = join(folder, "handy");
  cpSync(join(repository, "checkpoints/ocellus-tiny"), copy, { recursive: true });
  const { chat_template } = JSON.parse(readFileSync(join(copy, "tokenizer_config.json"), "utf8"));
  const told = "{%- if tools %}{{- '<|im_start|>system\\n' + (tools | tojson) + '<|im_end|>\\n' }}{%- endif %}\n";
  writeFileSync(join(copy, "chat_template.jinja"), told + chat_template);
  return copy;
}

/** What the client of OpenAI throws for a request at fault: it names what it cannot do. */
const refusal = (name: RegExp) => ({ status: 400, message: expect.stringMatching(name) });

describe("response_format", () => {
  const ask = (extra: object) =>
    server.client.chat.completions.create({
      ...{ model: "tiny", messages, temperature: 1.5, n: 4, seed: 3 },
      response_format: { type: "json_schema", json_schema },
      ...extra,
    });

  it("json_schema is kept by every choice, however wild the drawing", async () => {
    const { choices } = await ask({});
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe("stop");
      expect(isItem(JSON.parse(message.content!)) || message.content).toBe(true);
    }
  });

  it("json_object is an object as far as it goes", async () => {
    const { choices } = await ask({
      response_format: { type: "json_object" },
      logit_bias: eagerToEnd(),
      max_tokens: 400,
    });
    for (const { message } of choices) expect(message.content).toMatch(/^\{/);
    const finished = choices.filter(({ finish_reason }) => finish_reason === "stop");
    expect(finished).not.toHaveLength(0);
    for (const { message } of finished) expect(JSON.parse(message.content!)).toBeTypeOf("object");
  });

  it("is text.format of responses, streamed too", async () => {
    const format = { type: "json_schema" as const, name: "item", schema, strict: true };
    const stream = server.client.responses.stream({ model: "tiny", input: "A red dress.", text: { format } });
    const { output_text } = await stream.finalResponse();
    expect(isItem(JSON.parse(output_text)) || output_text).toBe(true);
  });

  it("says on request how sure each field is, the same streamed and as a response", async () => {
    const request = { model: "tiny", messages, temperature: 0, response_format: { type: "json_schema", json_schema } };
    type Told = {
      ocellus?: { fields?: Record<string, { kind: string; probability: number; alternatives: object[] }> };
    };
    const post = async (path: string, body: object) => (await server.post(path, body)).text();
    const asked = { ...request, ocellus: { fields: true } };
    const { fields } = (JSON.parse(await post("/v1/chat/completions", asked)) as Told).ocellus!;
    expect(Object.keys(fields!)).toEqual(["/class", "/colour"]);
    for (const { kind, probability, alternatives } of Object.values(fields!)) {
      expect(kind).toBe("enum");
      expect(probability).toBeGreaterThan(0);
      expect(alternatives).toHaveLength(2);
    }
    const chunks = (await post("/v1/chat/completions", { ...asked, stream: true })).match(/(?<=^data: )\{.*$/gm)!;
    expect((JSON.parse(chunks.at(-1)!) as Told).ocellus!.fields).toEqual(fields);
    const format = { type: "json_schema", name: "item", schema, strict: true };
    const response = { model: "tiny", input: "A red dress.", text: { format }, ocellus: { fields: true } };
    const told = (JSON.parse(await post("/v1/responses", response)) as Told).ocellus!;
    expect(Object.keys(told.fields!)).toEqual(["/class", "/colour"]);
    expect((JSON.parse(await post("/v1/chat/completions", request)) as Told).ocellus!.fields).toBeUndefined();
  });

  it("refuses to say so of an answer that is no JSON", async () => {
    const response = await server.post("/v1/chat/completions", { model: "tiny", messages, ocellus: { fields: true } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "ocellus.fields" } });
  });

  it("is refused when the schema cannot be kept, naming the place", async () => {
    const impossible = { name: "item", schema: { type: "object", properties: { a: { type: "colour" } } } };
    await expect(ask({ response_format: { type: "json_schema", json_schema: impossible } })).rejects.toMatchObject(
      refusal(/colour/),
    );
  });
});

describe("tools", () => {
  const call = (tool_choice: "required" | "none" | { type: "function"; function: { name: string } }) =>
    server.client.chat.completions.create({ model: "handy", messages, tools, tool_choice });

  it("are called when a call is required, with arguments that satisfy their schema", async () => {
    const both = [call("required"), call({ type: "function", function: { name: "search" } })];
    for (const { choices } of await Promise.all(both)) {
      const [made] = choices[0]!.message.tool_calls!;
      if (made?.type !== "function") throw new Error("expected a function call");
      expect(made.function.name).toBe("search");
      expect(isItem(JSON.parse(made.function.arguments)) || made.function.arguments).toBe(true);
    }
  });

  it("are left alone when none may be called", async () => {
    const { choices } = await call("none");
    expect(choices[0]!.message.tool_calls).toBeUndefined();
    expect(choices[0]!.message.content).not.toBe("");
  });

  it("are refused when there is no such tool, or the template would not show them", async () => {
    await expect(call({ type: "function", function: { name: "fly" } })).rejects.toMatchObject(refusal(/\bfly\b/));
    await expect(server.client.chat.completions.create({ model: "tiny", messages, tools })).rejects.toMatchObject(
      refusal(/template/),
    );
  });
});
