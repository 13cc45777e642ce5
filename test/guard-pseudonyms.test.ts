/** Pseudonyms through the server: what the model reads, and what the caller gets back, in each shape of an answer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Guards } from "../src/guardrails/index.js";
import { temporaryFolder } from "./support/folders.js";
import { openGuards, type Witness, witness } from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";

const phone = "13812345678";
const policy = {
  guards: { personal: { type: "personal-data" } },
  rules: [{ category: "personal_data", action: "redact", pseudonym: true }],
  audit: { file: "audit.jsonl", texts: true },
};
const pseudonym = /\[phone_[0-9a-f]{8}\]/g;

let server: TestServer;
let model: Witness;
let guards: Guards;
let folder: string;
beforeEach(async () => {
  folder = temporaryFolder();
  model = Object.assign(witness(), { info: { ...witness().info, readsTools: true } });
  guards = await openGuards(folder, policy);
  server = await startServer({ model }, {}, { guards });
  // The model answers with the pseudonym that it was shown last, cut in the middle.
  const { generate } = model;
  model.generate = async function* (prepared) {
    const [shown = ""] = model.seen.join("\n").match(pseudonym)?.slice(-1) ?? [];
    const said = model.pieces;
    model.pieces = said.flatMap((piece) => piece.replace("IT", shown).split(/(?<=\[phone_.)/));
    yield* generate(prepared);
    model.pieces = said;
  };
});
afterEach(async () => {
  await server.close();
  await guards.close();
});

const tools = [{ type: "function", function: { name: "dial", parameters: { type: "object" } } }];
const ask = (extra: object = {}) => ({ messages: [{ role: "user", content: `Call ${phone}.` }], ...extra });
const calling = ['<tool_call>{"name":"dial","arguments":{"to":"IT"}}', "</tool_call>"];
const textOf = async (path: string, body: object) => {
  const response = await server.post(path, body);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text;
};

/** Of a stream's data lines, or of a whole answer. */
function textsOf(answer: string): string {
  const bodies =
    answer.startsWith("data:") || answer.startsWith("event:") ? answer.match(/(?<=^data: )\{.*$/gm)! : [answer];
  const choices = bodies.flatMap((body) => (JSON.parse(body) as { choices?: unknown[] }).choices ?? []) as Partial<
    Record<"delta" | "message", { content?: string; tool_calls?: { function: { arguments?: string } }[] }> & {
      text: string;
    }
  >[];
  return choices
    .map(
      ({ delta, message = delta, text }) =>
        message?.content ?? message?.tool_calls?.[0]?.function.arguments ?? text ?? "",
    )
    .join("");
}

describe("a value with a pseudonym", () => {
  it.each([
    ["/v1/chat/completions", ask(), ["I call IT."], `I call ${phone}.`],
    ["/v1/chat/completions", ask({ n: 2 }), ["IT"], phone + phone],
    ["/v1/chat/completions", ask({ logprobs: true }), ["I call ", "IT", "."], `I call ${phone}.`],
    ["/v1/chat/completions", ask({ tools }), calling, JSON.stringify({ to: phone })],
    ["/v1/completions", { prompt: `Call ${phone}.` }, ["I call IT."], `I call ${phone}.`],
  ])("of %s %j is not read by the model, and comes back, streamed or not", async (path, body, pieces, expected) => {
    model.pieces = pieces;
    for (const stream of [false, true]) {
      const answer = await textOf(path, { ...body, ...(stream && { stream }) });
      expect(textsOf(answer)).toBe(expected);
      expect(answer).not.toMatch(pseudonym);
      if ("logprobs" in body) expect(answer.match(/"logprob":-1/g)).toHaveLength(2); // before it and behind it
    }
    expect(model.seen.join("\n")).not.toContain(phone);
    const log = readFileSync(join(folder, "audit.jsonl"), "utf8");
    expect(log).toContain("Call [phone].");
    expect(log).not.toContain(phone);
  });

  it("has the same one in a later turn, where its answer and the tool's call and result have the value", async () => {
    model.pieces = ["I call IT."];
    const { messages } = ask();
    await textOf("/v1/chat/completions", { messages });
    const call = { id: "1", type: "function", function: { name: "dial", arguments: JSON.stringify({ to: phone }) } };
    const more = [
      { role: "assistant", content: `I call ${phone}.`, tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: `{"done":"${phone}"}` },
    ];
    await textOf("/v1/chat/completions", { messages: [...messages, ...more] });
    const shown = model.seen.join("\n").match(pseudonym)!;
    expect(shown).toHaveLength(5);
    expect(new Set(shown).size).toBe(1);
  });

  it("of /v1/responses comes back, streamed or not", async () => {
    model.pieces = ["I call IT."];
    for (const stream of [false, true]) {
      const answer = await textOf("/v1/responses", { input: `Call ${phone}.`, ...(stream && { stream }) });
      expect(answer).toContain(`I call ${phone}.`);
      expect(answer).not.toMatch(pseudonym);
    }
  });
});
