/**
 * The digits and the order that a client or a model wrote, on every way through the server: tool descriptions, schemas,
 * calls in the history, calls in the answer, what a response echoes, and a batch.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entriesOf, parseJson, stringifyJson } from "../src/core/base/index.js";
import { createProcessor } from "../src/core/processor/index.js";
import type { ChatMessage, ChatOptions } from "../src/core/runtime/index.js";
import { createTokenizer } from "../src/core/tokenizer/index.js";
import { repository } from "./support/folders.js";
import { scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

const file = (name: string) => JSON.parse(readFileSync(join(repository, "checkpoints/ocellus-tiny", name), "utf8"));
const spelling = createTokenizer(file("tokenizer.json"), file("tokenizer_config.json"));

const limits = { maxDepth: 64, maxValues: 10_000, maxKeys: 10_000 };
const properties = '{"reason":{"type":"string"},"2":{"const":1.0},"10":{"enum":[2512292042121000001,1e400,-0]},"1":{}}';
const parameters = `{"required":["2"],"type":"object","properties":${properties}}`;
const written = `{"z":"é","2":2512292042121000001,"1":[1.0,1E5,{"b":1e400,"0":0.10}]}`;
const tool = `{"function":{"description":"d","name":"order","parameters":${parameters}},"type":"function"}`;
const history = JSON.stringify([
  { role: "user", content: "Order it." },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "c", type: "function", function: { name: "order", arguments: written } }],
  },
  { role: "tool", tool_call_id: "c", content: "done" },
  { role: "user", content: "Again." },
]);

const asked: { messages: readonly ChatMessage[]; options: ChatOptions }[] = [];
const model = scriptedModel();
const handy = {
  ...model,
  info: { ...model.info, readsTools: true },
  prepare: (messages: readonly ChatMessage[], options: ChatOptions = {}) => {
    asked.push({ messages, options });
    return model.prepare(messages, options);
  },
};
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ handy });
});
afterAll(() => server.close());

/** What the model was asked, and what the client read. */
async function ask(path: string, body: string, says: readonly string[] = ["Yes."]) {
  const headers = { "content-type": "application/json" };
  const answer = fetch(`${server.url}${path}`, { method: "POST", headers, body }).then((response) => response.text());
  const told = async () => {
    for (const piece of [...says, undefined]) await model.say(piece);
    return answer;
  };
  const text = await Promise.race([answer, told()]); // a refusal comes at once
  return { ...asked.at(-1)!, text };
}

const chat = (rest: string) => ask("/v1/chat/completions", `{"messages":${history},${rest}}`);
const callText = `<tool_call>\n{"name": "order", "arguments": ${written}}\n</tool_call>`;

describe("digits and order are those that were written", () => {
  it("of tools and calls, on their way to the chat template", async () => {
    const { messages, options } = await chat(`"tools":[${tool}]`);
    expect(stringifyJson(options.tools)).toBe(`[${tool}]`);
    const chatTemplate =
      "{{ tools | tojson }}{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% for k, v in c.function.arguments.items() %} {{ k }}={{ v }}{% endfor %}{% endfor %}{% endfor %}";
    const processor = createProcessor({ tokenizer: spelling, chatTemplate });
    const { text } = await processor.process(messages, { tools: options.tools! });
    const spaced = (json: string) => json.replace(/[:,]/g, "$& ");
    const items = ` z=é 2=2512292042121000001 1=${spaced('[1.0,1E5,{"b":1e400,"0":0.10}]')}`;
    expect(text).toBe(`[${spaced(tool)}]${spaced(written)}${items}`);
  });

  it("of schemas, on their way to the grammar", async () => {
    const format = `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":${parameters}}}`;
    const { responseFormat } = (await chat(format)).options;
    expect(stringifyJson((responseFormat as { schema: unknown }).schema)).toBe(parameters);
    const { toolConstraint } = (await chat(`"tools":[${tool}],"tool_choice":"required"`)).options;
    expect(entriesOf(toolConstraint!.tools[0]!.parameters as object)).toHaveLength(3);
    expect(stringifyJson(toolConstraint!.tools[0]!.parameters)).toBe(parameters);
  });

  it.each([false, true])("of the model's calls, on their way to the client (stream: %s)", async (stream) => {
    const rest = `"stream":${stream},"tools":[${tool}]`;
    const { text } = await ask("/v1/chat/completions", `{"messages":${history},${rest}}`, [
      callText.slice(0, 30),
      callText.slice(30),
    ]);
    expect(text).toContain(`"arguments":${JSON.stringify(written)}`);
  });

  it.each([false, true])("of what a response echoes and calls (stream: %s)", async (stream) => {
    const flat = `{"type":"function","name":"order","parameters":${parameters}}`;
    const schema = `{"type":"json_schema","name":"a","schema":${parameters}}`;
    const item = `{"type":"function_call","call_id":"c","name":"order","arguments":${JSON.stringify(written)}}`;
    const body = `{"input":[{"role":"user","content":"a"},${item}],"stream":${stream},"tools":[${flat}],"text":{"format":${schema}}}`;
    const { text, messages } = await ask("/v1/responses", body, [callText]);
    expect(text).toContain(`"tools":[${flat}]`);
    expect(text).toContain(`"format":${schema}`);
    expect(text).toContain(`"arguments":${JSON.stringify(written)}`);
    expect(stringifyJson(messages.at(-1)!.tool_calls![0]!.function.arguments)).toBe(
      stringifyJson(parseJson(written, limits)),
    );
  });

  it("of a seed of 64 bits", async () => {
    const seeds = ["9007199254740993", "9007199254740992", "9223372036854775807", "-9223372036854775808", "-1", "42"];
    for (const seed of seeds) expect(String((await chat(`"seed":${seed}`)).options.sampling!.seed)).toBe(seed);
  });
});
