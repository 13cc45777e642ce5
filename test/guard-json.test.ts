/** Redactions in answers that are JSON and in arguments of tool calls: told beforehand, valid, the same streamed or not. */
import { afterEach, describe, expect, it } from "vitest";
import { satisfiesSchema } from "../src/core/grammar/index.js";
import type { Prepared } from "../src/core/runtime/index.js";
import { type Guards, parsePolicy } from "../src/guardrails/index.js";
import { temporaryFolder } from "./support/folders.js";
import { openGuards, type Witness, witness } from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";

const phone = 13812345678;
const personal = { type: "personal-data" };
const redact = { category: "personal_data", action: "redact", replacement: "[gone]" };
const schema = {
  type: "object",
  properties: {
    name: { type: "string" },
    phone: { type: "integer" },
    other: { type: "array", items: { enum: [phone, 1] } },
  },
  required: ["name", "phone", "other"],
  additionalProperties: false,
};
const answer = { name: `张三 ${phone}`, phone, other: [1, phone] };

let server: TestServer;
let model: Witness;
let guards: Guards;
async function start(rule: object, text: string): Promise<void> {
  const tokenizer = { decode: ([id]: number[]) => model.pieces[id!]!, bytesOf: () => undefined };
  model = Object.assign(witness(), { tokenizer }) as unknown as Witness;
  Object.assign(model, { info: { ...model.info, readsTools: true }, pieces: text.match(/.{1,4}/gsu)! });
  guards = await openGuards(temporaryFolder(), { guards: { personal }, rules: [{ ...redact, ...rule }] });
  server = await startServer({ model }, {}, { guards });
}
afterEach(async () => {
  await server.close();
  await guards.close();
});

interface Choice {
  readonly finish_reason: string;
  readonly message: { readonly content: string | null; readonly tool_calls?: { function: { arguments: string } }[] };
  readonly logprobs: { readonly content: readonly { readonly token: string }[] };
}
interface Chunk {
  readonly choices: readonly {
    readonly delta: { content?: string; tool_calls?: { function: { arguments: string } }[] };
    readonly logprobs: Choice["logprobs"] | null;
  }[];
}

const body = (extra: object) => ({ messages: [{ role: "user", content: "hi" }], logprobs: true, ...extra });
const whole = async (extra: object) => {
  const response = await server.post("/v1/chat/completions", body(extra));
  return ((await response.json()) as { choices: Choice[] }).choices[0]!;
};
const streamed = async (extra: object) => {
  const response = await server.post("/v1/chat/completions", body({ ...extra, stream: true }));
  const lines = (await response.text()).split("\n").filter((line) => line.startsWith("data: {"));
  const choices = lines.flatMap((line) => (JSON.parse(line.slice(6)) as Chunk).choices);
  return {
    text: choices.map(({ delta }) => delta.content ?? "").join(""),
    calls: choices.flatMap(({ delta }) => delta.tool_calls ?? []).map((call) => call.function.arguments),
    tokens: choices.flatMap(({ logprobs }) => logprobs?.content ?? []).map(({ token }) => token),
  };
};
const told = async (of: object) => {
  const response = await server.post("/v1/ocellus/guards/schema", { schema: of });
  return ((await response.json()) as { schema: Record<string, unknown> }).schema;
};
const format = { response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema } } };

describe("an answer in JSON", () => {
  it.each([
    [{}, '{"name":"张三 [gone]","phone":null,"other":[1,null]}'],
    [{ jsonNumber: "string" }, '{"name":"张三 [gone]","phone":"[gone]","other":[1,"[gone]"]}'],
  ])("is redacted by %j as its schema was told, and its tokens hold what is left", async (rule, expected) => {
    await start(rule, JSON.stringify(answer));
    const schemaTold = await told(schema);
    const { finish_reason, message, logprobs } = await whole(format);
    expect({ finish_reason, content: message.content }).toEqual({ finish_reason: "stop", content: expected });
    expect(satisfiesSchema(expected, schemaTold)).toBe(true);
    expect(satisfiesSchema(expected, schema)).toBe(false);
    const tokens = logprobs.content.map(({ token }) => token);
    expect(tokens.length).toBeGreaterThan(3);
    expect(tokens.filter((token) => /\d{2}/.test(token))).toEqual([]);
    expect(tokens.every((token) => model.pieces.includes(token))).toBe(true);
    expect(await streamed(format)).toEqual({ text: expected, calls: [], tokens });
  });

  it("has no confidence of its fields where it is redacted, and has it where nothing is", async () => {
    const field = {
      kind: "number",
      probability: 0.5,
      margin: 0.1,
      alternatives: [{ startsWith: "1381", probability: 0.4 }],
    };
    const fieldsIn = async (text: string) => {
      await start({}, text);
      const { generate } = model;
      Object.assign(model, {
        async *generate(prepared: Prepared) {
          for await (const event of generate(prepared))
            yield event.type === "end" ? { ...event, fields: { "/phone": field } } : event;
        },
      });
      const response = await server.post("/v1/chat/completions", body(format));
      return ((await response.json()) as { ocellus: { fields?: object } }).ocellus.fields;
    };
    expect(await fieldsIn(JSON.stringify({ ...answer, name: "x", phone: 1, other: [1] }))).toEqual({
      "/phone": { kind: "number", probability: 0.5, margin: 0.1 }, // no guard has looked at alternatives
    });
    await server.close();
    await guards.close();
    expect(await fieldsIn(JSON.stringify(answer))).toBeUndefined();
  });

  it("of no schema is JSON all the same, and words are words", async () => {
    await start({}, JSON.stringify({ [phone]: phone }));
    const asJson = await whole({ response_format: { type: "json_object" } });
    expect(asJson.message.content).toBe('{"[gone]":null}');
    expect((await whole({})).message.content).toBe('{"[gone]":[gone]}');
  });
});

const tools = [{ type: "function", function: { name: "call", parameters: schema } }];

describe("arguments of a tool call", () => {
  it.each(["null", "string"])("are redacted with %s for a number, as the schema was told", async (jsonNumber) => {
    const call = JSON.stringify({ name: "call", arguments: answer });
    await start({ jsonNumber }, `Calling ${phone} now.\n<tool_call>\n${call}\n</tool_call>`);
    const { finish_reason, message } = await whole({ tools });
    expect({ finish_reason, content: message.content }).toEqual({
      finish_reason: "tool_calls",
      content: "Calling [gone] now.",
    });
    const [given] = message.tool_calls!.map((each) => each.function.arguments);
    const instead = jsonNumber === "null" ? null : "[gone]";
    expect(JSON.parse(given!)).toEqual({ name: "张三 [gone]", phone: instead, other: [1, instead] });
    expect(satisfiesSchema(given!, await told(schema))).toBe(true);
    expect(await streamed({ tools })).toMatchObject({ text: "Calling [gone] now.", calls: [given] });
  });
});

describe("arguments of an earlier tool call", () => {
  it("are read by the model without the numbers that are redacted", async () => {
    await start({ jsonNumber: "string" }, "hi");
    const given = '{"phone":13812345678,"ids":[2512292042121000001,1.0],"13812345678":"x 13812345678"}';
    const call = { id: "c", type: "function", function: { name: "f", arguments: given } };
    const messages = [
      { role: "user", content: "hi" },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "c", content: "done" },
    ];
    await server.post("/v1/chat/completions", { messages, tools });
    expect(model.seen.join("")).toContain('"phone":"[gone]"');
    expect(model.seen.join("")).toContain('"13812345678":"x [gone]"');
    expect(model.seen.join("")).not.toContain('"phone":13812345678');
  });
});

describe("the schema that is told", () => {
  it("is the caller's own where nothing is redacted, digit for digit, and by route", async () => {
    await start({ route: "/v1/responses", jsonNumber: "string" }, "hi");
    const text = '{"schema":{"enum":[2512292042121000001,1.0]}}';
    const ask = async (route: string) => {
      const given = `${text.slice(0, -1)},"route":"${route}"}`;
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${server.url}/v1/ocellus/guards/schema`, { method: "POST", headers, body: given });
      return (await response.text()).match(/"schema":(.*)\}$/)![1];
    };
    expect(await ask("/v1/chat/completions")).toBe('{"enum":[2512292042121000001,1.0]}');
    expect(await ask("/v1/responses")).toBe('{"anyOf":[{"enum":[2512292042121000001,1.0]},{"const":"[gone]"}]}');
  });

  it("is refused as it would be in a question", async () => {
    await start({}, "hi");
    const response = await server.post("/v1/ocellus/guards/schema", { schema: { type: "object", minProperties: 1 } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "schema" } });
  });
});

it("says what becomes of a number only where something is redacted", () => {
  const policy = { guards: {}, rules: [{ action: "flag", jsonNumber: "null" }] };
  expect(() => parsePolicy(JSON.stringify(policy), "p.json")).toThrow(
    expect.objectContaining({ code: "invalid_config", message: expect.stringContaining("rules.0.jsonNumber") }),
  );
});
