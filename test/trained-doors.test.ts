/**
 * Every door where an image goes in, asked about a photograph that the bundled demo model was not trained on: each says so. And the
 * doors that ask for JSON or tools, which it was not trained for either.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createMcpServer } from "../src/cli/commands/ask/mcp-server.js";
import { main } from "../src/cli/main.js";
import { image, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { openGuards } from "./support/guards.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("OCELLUS_DATA", temporaryFolder());

const picture = (name: string) => join(repository, "examples/pictures", name);
const [foreign, known] = [picture("cat.jpg"), picture("dress.jpg")];
const urlOf = (path: string) => `data:image/jpeg;base64,${readFileSync(path).toString("base64")}`;
const question = "What is it?";
const folder = temporaryFolder();

let tiny: VisionLanguageModel;
let server: TestServer;
beforeAll(async () => {
  tiny = await loadTiny();
  server = await startServer({ tiny });
});
afterAll(async () => {
  await server.close();
  await tiny.close();
});
afterEach(() => void vi.restoreAllMocks());

/** What the command writes. */
async function run(...argv: string[]): Promise<string> {
  let written = "";
  vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([`${question}\n`]) as typeof process.stdin);
  for (const name of ["stdout", "stderr"] as const)
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written += text;
      return true;
    });
  await main([...argv, "--weights", "fp32"]);
  return written;
}

/** What a file that the command makes holds. */
async function fileOf(name: string, ...argv: string[]): Promise<string> {
  await run(...argv);
  return readFileSync(join(folder, name), "utf8");
}

function lines(name: string, ...values: object[]): string {
  const path = join(folder, name);
  writeFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join(""));
  return path;
}

async function post(path: string, body: object): Promise<string> {
  return (await server.post(path, { model: "tiny", ...body })).text();
}

async function callTool(name: string, given: object): Promise<string> {
  const guarded = (await openGuards(folder, { guards: {} })).whole(tiny);
  const [client, [here, there]] = [new Client({ name: "test", version: "1" }), InMemoryTransport.createLinkedPair()];
  await Promise.all([createMcpServer(guarded, async () => []).connect(there), client.connect(here)]);
  const { content } = await client.callTool({ name, arguments: { ...given } });
  await client.close();
  return JSON.stringify(content);
}

const chatOf = (path: string) => ({
  messages: [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: urlOf(path) } },
        { type: "text", text: question },
      ],
    },
  ],
});
const inputOf = (path: string) => ({
  input: [
    {
      role: "user",
      content: [
        { type: "input_image", image_url: urlOf(path) },
        { type: "input_text", text: question },
      ],
    },
  ],
});
const messageOf = (path: string) => ({
  max_tokens: 100,
  messages: [
    {
      role: "user",
      content: [
        {
          type: "image",
          source: { type: "base64", media_type: "image/jpeg", data: readFileSync(path).toString("base64") },
        },
        { type: "text", text: question },
      ],
    },
  ],
});
const user = (path: string) => [{ role: "user" as const, content: [image(path), question] }];
let numBatches = 0;

const doors: Readonly<Record<string, (path: string) => Promise<string>>> = {
  "library: answer": async (path) => JSON.stringify(await tiny.answer(user(path))),
  "library: trace": async (path) => JSON.stringify((await tiny.trace(user(path))).notes ?? []),
  "command: ask": (path) => run("ask", path, question),
  "command: ask --json": (path) => run("ask", path, question, "--json"),
  "command: ask --trace": (path) => run("ask", path, question, "--trace", join(folder, "trace.html")),
  "command: describe": (path) => run("describe", path),
  "command: chat": (path) => run("chat", path),
  "command: match": (path) => run("match", path, "a dress"),
  "command: eval": (path) => {
    const asked = [{ kind: "class", language: "en", question, answer: "A dress." }];
    return run("eval", lines("eval.jsonl", { image: path, questions: asked }));
  },
  "command: batch": (path) => {
    const out = `out-${numBatches++}.jsonl`;
    const request = { custom_id: "1", method: "POST", url: "/v1/chat/completions", body: chatOf(path) };
    return fileOf(out, "batch", lines("in.jsonl", request), "--out", join(folder, out));
  },
  "HTTP: chat": (path) => post("/v1/chat/completions", chatOf(path)),
  "HTTP: chat as a stream": (path) => post("/v1/chat/completions", { ...chatOf(path), stream: true }),
  "HTTP: responses": (path) => post("/v1/responses", inputOf(path)),
  "HTTP: responses as a stream": (path) => post("/v1/responses", { ...inputOf(path), stream: true }),
  "HTTP: match": (path) => post("/v1/ocellus/match", { image_url: urlOf(path), text: "a dress" }),
  "HTTP: messages": (path) => post("/v1/messages", messageOf(path)),
  "HTTP: messages as a stream": (path) => post("/v1/messages", { ...messageOf(path), stream: true }),
  "MCP: ask": (path) => callTool("ask", { images: [path], question }),
  "MCP: read": (path) => callTool("read", { images: [path] }),
  "MCP: describe": (path) => callTool("describe", { image: path }),
  "MCP: match": (path) => callTool("match", { image: path, text: "a dress" }),
};

describe("an image that the model was not trained on is noted", () => {
  it.each(Object.entries(doors))("%s", async (_, ask) => {
    expect(await ask(foreign)).toMatch(/not like those this model was trained on/);
    expect(await ask(known)).not.toMatch(/not like those this model was trained on|"?error"?: (?!null)/);
  });
});

const schema = {
  type: "object",
  properties: { class: { enum: ["dress", "bag"] } },
  required: ["class"],
  additionalProperties: false,
};
const text = { format: { type: "json_schema", name: "item", schema } };
const response_format = { type: "json_schema", json_schema: { name: "item", schema } };

const jsonDoors: typeof doors = {
  "library: answer": async (path) =>
    JSON.stringify((await tiny.answer(user(path), { responseFormat: { type: "json_schema", schema } })).notes ?? []),
  "command: ask --schema": (path) => run("ask", path, question, "--schema", lines("schema.json", schema)),
  "HTTP: chat": (path) => post("/v1/chat/completions", { ...chatOf(path), response_format }),
  "HTTP: responses": (path) => post("/v1/responses", { ...inputOf(path), text }),
};

describe("a form of answer that the model was not trained for is noted", () => {
  it.each(Object.entries(jsonDoors))("JSON, %s", async (_, ask) => {
    expect(await ask(known)).toMatch(/not trained to answer in JSON/);
  });

  it("tools", async () => {
    const options = { toolConstraint: { tools: [{ name: "look", parameters: schema }], choice: "required" } } as const;
    const { notes = [] } = await tiny.answer(user(known), options);
    expect(notes.map(({ kind }) => kind)).toEqual(["tools"]);
    const free = await tiny.answer(user(known));
    expect(free.notes).toBeUndefined();
  });
});
