/**
 * No side door: every route and every command that reaches a model, asked with a picture and with words that the policy
 * forbids. A route or command that is not listed here fails the test, so that a new one is tried before it is shipped.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createMcpServer, type Search } from "../src/cli/commands/ask/mcp-server.js";
import { main } from "../src/cli/main.js";
import { type ImageFile, LoadedImage } from "../src/core/image/node/index.js";
import { makePdf } from "../src/core/pdf/pdf.testkit.js";
import { GuardedEmbedder, GuardedModel, GuardedReranker, Guards } from "../src/guardrails/index.js";
import { Collections, collectionsFolder, embedderOf, find } from "../src/retrieval/index.js";
import { createApp } from "../src/server/index.js";
import { Ocr } from "../src/server/ocr.js";
import { repository, temporaryFolder } from "./support/folders.js";
import {
  dataUrl,
  digestOf,
  embeddingWitness,
  forbiddenImage,
  forbiddenWord,
  openGuards,
  image as picture,
  rerankingWitness,
  strictPolicy,
  type Witness,
  witness,
  writePolicy,
} from "./support/guards.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("OCELLUS_DATA", temporaryFolder());

/** What closes the models that commands have opened, each once: what is asked here is what reaches them. */
const opened = vi.hoisted(() => ({
  models: new Map<string, Promise<unknown>>(),
  closings: [] as (() => Promise<void>)[],
}));
vi.mock("../src/core/runtime/index.js", async (original) => {
  const runtime = await original<typeof import("../src/core/runtime/index.js")>();
  const open: typeof runtime.loadModel = async (...given) => {
    const model = await runtime.loadModel(...given);
    opened.closings.push(model.close.bind(model));
    return Object.assign(model, { close: async () => {} });
  };
  const loadModel = (path?: string, options: Parameters<typeof open>[1] = {}) => {
    const key = `${path} ${options.weights}`;
    if (!opened.models.has(key)) opened.models.set(key, open(path, options));
    return opened.models.get(key);
  };
  return { ...runtime, loadModel };
});
afterAll(async () => {
  for (const close of opened.closings) await close();
});

const shown = { type: "image_url", image_url: { url: dataUrl(forbiddenImage) } };
const inTwo = [
  { type: "text", text: forbiddenWord.slice(0, 2) },
  { type: "text", text: forbiddenWord.slice(2) },
];
const forbiddenPdf = (await makePdf([forbiddenWord])).toString("base64");
const harmlessPdf = (await makePdf(["seven"])).toString("base64");
const user = (content: unknown) => ({ role: "user", content });
const tool = {
  type: "function",
  function: { name: "look", description: forbiddenWord, parameters: { type: "object" } },
};
const call = {
  id: "1",
  type: "function",
  function: { name: "look", arguments: JSON.stringify({ for: [forbiddenWord] }) },
};

interface Probe {
  /** Bodies that bring something forbidden to a model; "FILE" stands for the id of the uploaded picture. */
  readonly asks: readonly object[];
  /** Harmless bodies whose answer has the forbidden word in it. */
  readonly answers: readonly object[];
  /** Harmless: its answer tells what the guards have said of it. */
  readonly passes: object;
}
const harmless = dataUrl(picture(1));

const pass = { type: "image_url", image_url: { url: harmless } };
const spoken = (content: unknown) => ({ messages: [user(content)] });
const source = { type: "base64", media_type: "image/png", data: forbiddenImage.toString("base64") };
/** In Anthropic's words. */
const anthropic = [
  { ...spoken(forbiddenWord), max_tokens: 9 },
  { ...spoken([{ type: "image", source }]), max_tokens: 9 },
  { ...spoken([{ type: "image", source: { type: "file", file_id: "FILE" } }]), max_tokens: 9 },
  { ...spoken("hi"), system: forbiddenWord, max_tokens: 9 },
  { ...spoken([{ type: "tool_result", tool_use_id: "1", content: forbiddenWord }]), max_tokens: 9 },
  { ...spoken("hi"), max_tokens: 9, tools: [{ name: "look", description: forbiddenWord, input_schema: {} }] },
  {
    messages: [
      user("hi"),
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: forbiddenWord },
          { type: "text", text: "a" },
        ],
      },
      user("and?"),
    ],
    max_tokens: 9,
  },
];

/** By route. Of a new one: every field that reaches a model. */
const probes: Readonly<Record<string, Probe>> = {
  "POST /v1/chat/completions": {
    asks: [
      { messages: [user(forbiddenWord)] },
      { messages: [user(inTwo)] },
      { messages: [{ role: "system", content: forbiddenWord }, user("hi")] },
      { messages: [user("hi"), { role: "assistant", content: forbiddenWord }, user("and?")] },
      { messages: [user("hi"), { role: "assistant", content: "", tool_calls: [call] }, user("and?")] },
      { messages: [user("hi"), { role: "tool", content: forbiddenWord, tool_call_id: "1" }] },
      { messages: [user("hi")], tools: [tool] },
      { messages: [user("hi"), { role: "assistant", content: "a", reasoning_content: forbiddenWord }, user("and?")] },
      { messages: [user("hi")], chat_template_kwargs: { style: [forbiddenWord] } },
      { messages: [user([shown, { type: "text", text: "What is this?" }])] },
      { messages: [user([shown]), { role: "assistant", content: "a dress" }, user("and now?")] },
      { messages: [user([{ type: "file", file: { file_id: "FILE" } }])] },
      { messages: [user(forbiddenWord)], stream: true },
      { messages: [user(forbiddenWord)], ocellus: { collection: "shelf" } },
      { messages: [user([shown])], ocellus: { collection: "shelf" } },
      { messages: [user("hi")], ocellus: { collection: "forbidden" } },
    ],
    passes: {
      messages: [user([{ type: "image_url", image_url: { url: harmless } }])],
      ocellus: { collection: "shelf" },
    },
    answers: [{ messages: [user("hi")] }, { messages: [user("hi")], n: 2 }, { messages: [user("hi")], logprobs: true }],
  },
  "POST /v1/messages": {
    asks: anthropic,
    passes: { ...spoken("hi"), max_tokens: 9 },
    answers: [{ ...spoken("hi"), max_tokens: 9 }],
  },
  "POST /v1/messages/count_tokens": {
    asks: anthropic.map(({ max_tokens: _, ...asked }) => asked),
    passes: spoken("hi"),
    answers: [],
  },
  "POST /v1/rerank": {
    asks: [
      { query: forbiddenWord, documents: ["a"] },
      { query: { image: dataUrl(forbiddenImage) }, documents: ["a"] },
      { query: "hi", documents: ["a", forbiddenWord] },
      { query: "hi", documents: ["a", { text: forbiddenWord }] },
      { query: "hi", documents: [{ content: [shown] }] },
      { query: "hi", documents: ["a"], instruction: forbiddenWord },
    ],
    answers: [],
    passes: { query: "hi", documents: [{ image: harmless }] },
  },
  "POST /v1/responses": {
    asks: [
      {
        input: [
          { type: "reasoning", content: [{ type: "reasoning_text", text: forbiddenWord }] },
          { role: "assistant", content: "a" },
          { role: "user", content: "and?" },
        ],
      },
      { input: forbiddenWord },
      { input: "hi", instructions: forbiddenWord },
      { input: [{ role: "user", content: [{ type: "input_image", image_url: dataUrl(forbiddenImage) }] }] },
      { input: [{ role: "user", content: [{ type: "input_image", file_id: "FILE" }] }] },
      { input: forbiddenWord, ocellus: { collection: "shelf" } },
      { input: "hi", ocellus: { collection: "forbidden" } },
    ],
    answers: [{ input: "hi" }],
    passes: { input: "hi" },
  },
  "POST /v1/completions": {
    asks: [{ prompt: forbiddenWord }, { prompt: ["hi", forbiddenWord] }],
    answers: [{ prompt: "hi" }, { prompt: ["hi", "ho"], n: 2 }],
    passes: { prompt: "hi" },
  },
  "POST /v1/embeddings": {
    asks: [
      { input: forbiddenWord },
      { input: ["hi", forbiddenWord] },
      { input: [{ type: "text", text: forbiddenWord }] },
      { input: shown },
      { input: { content: [{ type: "text", text: "a" }, shown] } },
      { messages: [user([{ type: "text", text: forbiddenWord }, pass])] },
      { messages: [{ role: "system", content: forbiddenWord }, user("a")] },
    ],
    answers: [],
    passes: { input: ["hi", { type: "image_url", image_url: { url: harmless } }] },
  },
  // What a model says of a page is refused as a text of the page is: test/documents.test.ts.
  "POST /v1/ocellus/documents": {
    asks: [
      { document: `data:application/pdf;base64,${forbiddenPdf}` },
      { document: `data:application/pdf;base64,${forbiddenPdf}`, stream: true },
    ],
    answers: [],
    passes: { document: `data:application/pdf;base64,${harmlessPdf}` },
  },
  "POST /v1/ocellus/attention": {
    asks: [
      { messages: [user(forbiddenWord), { role: "assistant", content: "a" }] },
      { messages: [user("hi"), { role: "assistant", content: forbiddenWord }] },
      { messages: [user([shown]), { role: "assistant", content: "a dress" }] },
    ],
    answers: [],
    passes: { messages: [user([pass]), { role: "assistant", content: "a dress" }] },
  },
  // What stands in an image is refused as a text is: test/documents.test.ts.
  "POST /v1/ocellus/text": {
    asks: [{ image_url: dataUrl(forbiddenImage) }],
    answers: [],
    passes: { image_url: harmless },
  },
  "POST /v1/ocellus/match": {
    passes: { model: "clip", image_url: harmless, text: "a dress" },
    asks: [
      { image_url: dataUrl(forbiddenImage), text: "a dress" },
      { image_url: dataUrl(picture(1)), text: forbiddenWord },
      { model: "clip", image_url: dataUrl(forbiddenImage), text: "a dress" },
      { model: "clip", image_url: dataUrl(picture(1)), text: forbiddenWord },
    ],
    answers: [],
  },
  "POST /v1/ocellus/collections/:collection/entries": {
    asks: [
      {
        entries: [
          { source: "a.png", image_url: harmless },
          { source: "b.png", image_url: dataUrl(forbiddenImage) },
        ],
      },
      { entries: [{ source: "a.png", image_url: harmless, text: forbiddenWord }] },
      { entries: [{ source: `${forbiddenWord}.png`, image_url: harmless }] },
      { entries: [{ source: "a.png", image_url: harmless, metadata: { note: forbiddenWord } }] },
      { entries: [{ source: "a.png", image_url: harmless, metadata: { [forbiddenWord]: 1 } }] },
      { entries: [{ source: "a.pdf", document: `data:application/pdf;base64,${forbiddenPdf}` }] },
    ],
    answers: [],
    passes: { entries: [{ source: "a.png", image_url: harmless, text: "seven" }] },
  },
  "POST /v1/ocellus/collections/:collection/search": {
    asks: [
      { image_url: dataUrl(forbiddenImage) },
      { text: forbiddenWord },
      { image_url: harmless, text: forbiddenWord },
    ],
    answers: [],
    passes: { image_url: harmless, text: "seven" },
  },
};

/** They reach no model. Uploads have tests of their own, below. */
const withoutModel = [
  ...[
    "GET /health/live",
    "POST /v1/ocellus/collections/:collection/entries/delete",
    "GET /health/ready",
    "GET /metrics",
    "GET /openapi.json",
    "GET /docs",
    "POST /v1/moderations",
    "GET /v1/ocellus/guards",
    "POST /v1/ocellus/guards/proposals",
    "POST /v1/ocellus/guards/schema",
    "POST /v1/ocellus/documents/images", // they are drawn; guards see them where a model is asked about them
  ],
  ...["GET", "POST"].map((method) => `${method} /v1/ocellus/collections`), // a new one is empty
  ...["GET", "DELETE"].map((method) => `${method} /v1/ocellus/collections/:collection`),
  ...["/entries", "/entries/:id/image", "/duplicates"].map((part) => `GET /v1/ocellus/collections/:collection${part}`),
  ...["GET", "DELETE"].map((method) => `${method} /v1/ocellus/collections/:collection/entries/:id`),
  ...["GET /v1/models", "GET /v1/models/:id", "GET /v1/ocellus/models/:id/description"],
  "GET /v1/ocellus/models/:id/browser/:file", // the model itself: --browser-models is refused beside guardrails
  ...["GET", "POST"].map((method) => `${method} /v1/ocellus/models/:id/examination`), // statistics of weights
  ...["GET /admin/v1/state", "GET /admin/v1/history", "GET /admin/v1/requests/:id", "GET /admin/v1/backends"],
  ...["GET /admin/v1/aliases/:alias/figures", "GET /admin/v1/diff", "POST /admin/v1/diff"], // numbers of answers, and of weights
  ...["GET", "POST"].map((method) => `${method} /admin/v1/versions/:version/examination`),
  "POST /admin/v1/guards/replay", // figures of the audit log
  ...["deploy", "canary", "promote", "rollback", "pause", "resume", "shadow"].map(
    (verb) => `POST /admin/v1/aliases/:alias/${verb}`,
  ),
  ...["POST /v1/batches", "GET /v1/batches", "GET /v1/batches/:id", "POST /v1/batches/:id/cancel"], // by the routes above
  ...["POST /v1/files", "GET /v1/files", "GET /v1/files/:id", "GET /v1/files/:id/content", "DELETE /v1/files/:id"],
];

let server: TestServer;
let model: Witness;
let embedder: ReturnType<typeof embeddingWitness>;
let reranker: ReturnType<typeof rerankingWitness>;
let file: string;
beforeAll(async () => {
  model = Object.assign(witness(), { info: { ...witness().info, readsTools: true } });
  embedder = embeddingWitness();
  const guards = await openGuards(temporaryFolder(), await strictPolicy());
  server = await startServer({ model }, { collections: temporaryFolder() }, { guards });
  server.pool.add("clip", embedder);
  reranker = rerankingWitness();
  server.pool.add("reranker", reranker);
  for (const name of ["shelf", "forbidden", "older"])
    await server.post("/v1/ocellus/collections", { name, model: "clip" });
  await keep("shelf", picture(1), { text: "seven" });
  // What was stored when nothing forbade it.
  for (const name of ["forbidden", "older"]) await keep(name, forbiddenImage);
  const reader = { read: async () => ({ ...{ width: 8, height: 8, isComplete: true, lines: [] }, text: "seven" }) };
  Object.assign(server.services, { ocr: new Ocr(async () => ({ ...reader, close: async () => {} }) as never) });
  file = server.services.files.add("127.0.0.1", "a.png", "vision", forbiddenImage).id;
});
beforeEach(() => {
  for (const { seen } of [model, embedder, reranker]) seen.length = 0;
  model.pieces = witness().pieces;
});
afterAll(() => server.close());

/** Past the guards. */
async function keep(name: string, bytes: Uint8Array, labels: { text?: string } = {}): Promise<void> {
  const collection = await server.services.collections!.open(name);
  const entry = { source: "kept.png", width: 8, height: 8, vector: Float32Array.of(1, 0), ...labels };
  await collection.add([{ ...entry, pixels: await digestOf(bytes), image: bytes }]);
}

async function upload(
  bytes: Uint8Array,
  fields: Readonly<Record<string, string>> = {},
  filename = "a.png",
): Promise<Response> {
  const form = new FormData();
  form.append("file", new File([new Uint8Array(bytes)], filename));
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return fetch(`${server.url}/v1/files`, { method: "POST", body: form });
}
const bodies = (kind: "asks" | "answers") =>
  Object.entries(probes).flatMap(([route, probe]) => probe[kind].map((body) => [pathOf(route), body] as const));
const pathOf = (route: string) => route.split(" ")[1]!.replace(":collection", "shelf");
const withFile = (body: object) => JSON.parse(JSON.stringify(body).replaceAll("FILE", file)) as object;

describe("no route is a side door", () => {
  it("knows every route", () => {
    const routes = createApp(server.services)
      .routes.filter(({ method, path }) => method !== "ALL" && path !== "/*")
      .map(({ method, path }) => `${method} ${path.replace(/\{.+\}/, "")}`);
    const unknown = routes.filter((route) => !(route in probes) && !withoutModel.includes(route));
    expect(
      unknown,
      "a new route: say above how a forbidden picture and a forbidden word would reach a model by it",
    ).toEqual([]);
    expect(Object.keys(probes).filter((route) => !routes.includes(route))).toEqual([]);
  });

  it.each(bodies("asks"))("%s refuses %j, and the model sees nothing of it", async (path, body) => {
    const response = await server.post(path, withFile(body));
    const answer = (await response.json()) as { error: { code: string }; ocellus: { guards: { verdict: string }[] } };
    expect(response.status, JSON.stringify(answer)).toBe(400);
    expect(answer.error.code).toBe("content_filter");
    expect(answer.ocellus.guards.map(({ verdict }) => verdict)).toContain("block");
    const seen = [...model.seen, ...embedder.seen, ...reranker.seen].join("\n");
    expect(seen).not.toContain(forbiddenWord);
    expect(seen).not.toContain(dataUrl(forbiddenImage));
  });

  it("names of files, collections and aliases come back, and are checked before they are kept", async () => {
    const file = await upload(picture(1), {}, `${forbiddenWord}.png`);
    const collection = await server.post("/v1/ocellus/collections", { name: forbiddenWord, model: "clip" });
    for (const response of [file, collection]) {
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "content_filter" } });
    }
  });

  it.each(bodies("answers"))("%s lets no forbidden answer to %j out, at once or streamed", async (path, body) => {
    model.pieces = ["well, ", "bl", "or", "b it", " is"];
    for (const stream of [false, true]) {
      const response = await server.post(path, { ...body, ...(stream && { stream }) });
      const text = await response.text();
      expect(response.status).toBe(200);
      expect(text).not.toMatch(/blorb|b it| is"/);
      expect(text).toContain("content_filter");
      expect(text).toContain('"verdict":"block"');
      if (!stream) expect(text, "what stands before it is let out").toContain("well");
    }
  });

  it.each([{}, { pin: "true" }])(
    "POST /v1/files %j refuses the picture before it is encoded or stored",
    async (fields) => {
      const pinned: string[] = [];
      model.pin = async (input) => {
        const image = await LoadedImage.of(input).read();
        pinned.push(dataUrl((image as ImageFile).bytes));
        return () => {};
      };
      const before = server.services.files.bytes;
      const refused = await upload(forbiddenImage, fields);
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({
        error: { code: "content_filter" },
        ocellus: { guards: [{ name: "known", stage: "input", verdict: "block", category: "violence" }] },
      });
      expect(pinned).toEqual([]);
      expect(server.services.files.bytes).toBe(before);
      const stored = await upload(picture(1), fields);
      expect(await stored.json()).toMatchObject({
        ocellus: {
          guards: [
            { name: "known", verdict: "allow" },
            { name: "words", verdict: "allow" }, // of the file's name
          ],
        },
      });
      expect(pinned).toEqual("pin" in fields ? [harmless] : []);
    },
  );

  it("a collection refuses a picture that it had before the policy did: its vector is known, and no model asked", async () => {
    const entries = [{ source: "again.png", image_url: dataUrl(forbiddenImage) }];
    const response = await server.post("/v1/ocellus/collections/older/entries", { entries });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: "content_filter" } });
    expect((await server.services.collections!.open("older")).ofSource("again.png")).toEqual([]);
  });

  it.each(Object.entries(probes))(
    "%s tells in its answer, and in a header, what the guards said",
    async (route, probe) => {
      const response = await server.post(pathOf(route), probe.passes);
      const text = await response.text();
      expect(response.status, text).toBe(200);
      const { guards } = (JSON.parse(text) as { ocellus: { guards: { name: string; verdict: string }[] } }).ocellus;
      const looked = JSON.stringify(probe.passes).includes("data:image") ? ["known", "words"] : ["words"];
      expect([...new Set(guards.map(({ name }) => name))].sort()).toEqual(looked);
      expect(guards.every(({ verdict }) => verdict === "allow")).toBe(true);
      for (const { name } of guards) expect(response.headers.get("x-ocellus-guards")).toContain(`${name}@`);
    },
  );

  it("is so by construction: nothing but the shelf holds a model, and it hands out guarded ones", () => {
    const { models } = server.services;
    expect(models.all().map(({ kind }) => kind)).toEqual(expect.arrayContaining(["chat", "embedding"]));
    const guarded = [GuardedModel, GuardedEmbedder, GuardedReranker];
    expect(models.all().every(({ model }) => guarded.some((kind) => model instanceof kind))).toBe(true);
  });

  it("opens models in these files only: each puts them behind the guards, or shows nothing that they say", () => {
    const openers = ["server", "cli"].flatMap((room) =>
      readdirSync(join(repository, "src", room), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
        .map((name) => `${room}/${name}`)
        .filter((name) =>
          /\b(loadModel|loadDualEncoder|loadReranker|loadClassifier|withBareModel|openModel)\b/.test(
            readFileSync(join(repository, "src", name), "utf8"),
          ),
        ),
    );
    expect(openers.sort()).toEqual([
      "cli/commands/ask/batch-server.ts",
      "cli/commands/inspect/task-process.ts", // counts right answers to questions of its own; none is shown
      "cli/commands/models/open-embedder.ts",
      "cli/commands/models/open-model.ts",
      "cli/commands/serve/serve.ts",
    ]);
  });
});

const boots = join(repository, "examples/pictures/boots.jpg");
const question = "What is this?";
const clip = join(repository, "test/golden/clip/gelu");

/** Command lines that bring the picture, or words of it and of the question, to a model; `folder` has the files they name. */
const commands: Readonly<Record<string, (folder: string) => string[]>> = {
  ask: () => ["ask", boots, question],
  "ask --trace": (folder) => ["ask", boots, question, "--trace", join(folder, "trace.html")],
  describe: () => ["describe", boots],
  read: () => ["read", boots],
  chat: () => ["chat", boots],
  demo: () => ["demo"],
  match: () => ["match", boots, question],
  "match by CLIP": () => ["match", boots, question, "--model", clip],
  "index add": (folder) => ["index", "add", "new", join(folder, "entries.jsonl")],
  "index sync": (folder) => ["index", "sync", "new", join(folder, "entries.jsonl")],
  "index add of what another entry shows": (folder) => ["index", "add", "shelf", join(folder, "entries.jsonl")],
  "index search": () => ["index", "search", "shelf", "--image", boots, "--text", question],
  "ask --collection": () => ["ask", "--collection", "shelf", boots, question],
  eval: (folder) => ["eval", join(folder, "eval.jsonl"), "--weights", "fp32"],
  batch: (folder) => ["batch", join(folder, "in.jsonl"), "--out", join(folder, "out.jsonl")],
  "golden init": (folder) => ["golden", "init", join(folder, "golden"), "--images", join(folder, "photos")],
  "golden run": (folder) => ["golden", "run", join(folder, "golden-set.jsonl"), "--out", join(folder, "run.golden")],
  "batch of a collection": (folder) => [
    ...["batch", join(folder, "pages.jsonl"), "--out", join(folder, "out.jsonl")],
    ...["--collections", collectionsFolder()],
  ],
};

/** These ask nothing that a person has written. */
const wordless = ["describe", "demo", "golden init", "read"];
/** Forbidden words of the question are refused here too, and no picture is needed for it. */
const inWordsOnly: typeof commands = {
  "index search in words": () => ["index", "search", "shelf", "--text", question],
  "index search by CLIP": () => ["index", "search", "clips", "--text", question, "--model", clip],
  "ask --collection in words": () => ["ask", "--collection", "shelf", question],
};

/** They show no stranger's picture or words to a model, or have their own test: serve by its routes, mcp below. */
const others = [
  ...[
    "serve",
    "mcp",
    "keys",
    "pull",
    "list",
    "rm",
    "pack",
    "families",
    "familiarity",
    "doctor",
    "inspect",
    "diff",
    "guard",
    "requests",
    "help",
  ],
  "rollout", // test/guard-stored.test.ts
  "tune", // learns from the caller's own images, and prints numbers
];

describe("no command is a side door", () => {
  const folder = temporaryFolder();
  const out = { stdout: "", stderr: "" };
  const request = {
    messages: [
      user([
        { type: "image_url", image_url: { url: boots } },
        { type: "text", text: question },
      ]),
    ],
  };
  const entry = { image: boots, text: question, source: "b" };
  writeFileSync(join(folder, "entries.jsonl"), `${JSON.stringify(entry)}\n`);
  writeFileSync(
    join(folder, "eval.jsonl"),
    `${JSON.stringify({ image: boots, questions: [{ kind: "class", language: "en", question, answer: "boots" }] })}\n`,
  );
  const line = (body: object) =>
    `${JSON.stringify({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body })}\n`;
  writeFileSync(join(folder, "in.jsonl"), line(request));
  writeFileSync(join(folder, "pages.jsonl"), line({ ...request, ocellus: { collection: "shelf" } }));
  writeFileSync(
    join(folder, "golden-set.jsonl"),
    `${JSON.stringify({ image: boots, questions: [{ question, answer: "?" }] })}\n`,
  );
  mkdirSync(join(folder, "photos"));
  copyFileSync(boots, join(folder, "photos", "1.jpg"));

  async function run(argv: readonly string[], policy: string): Promise<number> {
    Object.assign(out, { stdout: "", stderr: "" });
    vi.stubEnv("OCELLUS_GUARDS", policy);
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([`${question}\n`]) as typeof process.stdin);
    for (const name of ["stdout", "stderr"] as const)
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        out[name] += text;
        return true;
      });
    return main([...argv, ...(["eval", "read"].includes(argv[0]!) ? [] : ["--weights", "fp32"])]);
  }
  /** What a free model says about the picture. */
  let answerWords: readonly string[];
  beforeAll(async () => {
    const free = writePolicy(folder, { guards: {} });
    expect(await run(["ask", boots, question], free)).toBe(0);
    answerWords = out.stdout
      .trim()
      .toLowerCase()
      .split(/\W+/)
      .filter((word) => word.length > 3);
    expect(answerWords.length).toBeGreaterThan(0);
    writeFileSync(join(folder, "shelf.jsonl"), `${JSON.stringify({ ...entry, source: "a" })}\n`);
    expect(await run(["index", "add", "shelf", join(folder, "shelf.jsonl")], free)).toBe(0);
    expect(await run(["index", "add", "clips", boots, "--model", clip], free)).toBe(0);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    for (const name of ["out.jsonl", "out.errors.jsonl", "golden", "run.golden"])
      rmSync(join(folder, name), { force: true, recursive: true });
  });

  it("knows every command", async () => {
    expect(await run(["--help"], "")).toBe(0);
    const listed = [...out.stdout.matchAll(/^ {2}([a-z][\w-]*)/gm)].map((match) => match[1]!);
    const known = [...Object.keys(commands).map((name) => name.split(" ")[0]!), ...others];
    expect(listed.length).toBeGreaterThan(20);
    expect(
      listed.filter((name) => name !== "ocellus" && !known.includes(name)),
      "a new command: try it here",
    ).toEqual([]);
  });

  /** What must be refused was; a batch says so line by line. */
  function expectRefused(name: string, code: number, guard: string): void {
    if (!name.startsWith("batch")) {
      expect({ code, ...out }).toMatchObject({ code: 12, stderr: expect.stringContaining(`the guard ${guard}`) });
      return;
    }
    expect(readFileSync(join(folder, "out.errors.jsonl"), "utf8")).toContain("content_filter");
    expect(readFileSync(join(folder, "out.jsonl"), "utf8")).toBe("");
  }

  it.each(Object.entries(commands))("%s refuses a forbidden picture", async (name, argv) => {
    const policy = writePolicy(folder, await strictPolicy({ [await digestOf(boots)]: "violence" }));
    expectRefused(name, await run(argv(folder), policy), "known: violence");
  });

  const worded = Object.entries({ ...commands, ...inWordsOnly }).filter(([name]) => !wordless.includes(name));
  it.each(worded)("%s refuses forbidden words of the question", async (name, argv) => {
    const words = { type: "words", lists: ["words.txt"], stage: ["input"] };
    expectRefused(name, await run(argv(folder), writePolicy(folder, { guards: { words } }, [question])), "words");
  });

  it("ask --collection refuses a forbidden picture among the pages that it finds", async () => {
    const collection = await new Collections(collectionsFolder()).open("shelf");
    const kept = await digestOf(await collection.image(0));
    const policy = writePolicy(folder, await strictPolicy({ [kept]: "violence" }));
    const code = await run(["ask", "--collection", "shelf", question], policy);
    expectRefused("ask --collection", code, "known: violence");
  });

  it.each(Object.entries(commands))("%s lets no forbidden words of the answer out", async (name, argv) => {
    const words = answerWords;
    const policy = writePolicy(
      folder,
      { guards: { words: { type: "words", lists: ["words.txt"], stage: ["output"] } } },
      words,
    );
    await run(argv(folder), policy);
    const files = ["out.jsonl", "trace.html", "run.golden"].map((file) =>
      readFileSync(join(folder, file), { encoding: "utf8", flag: "a+" }),
    );
    const said =
      name === "eval" || name === "demo" ? "" : [out.stdout, ...files].join("\n").toLowerCase().replaceAll(boots, "");
    expect(existsSync(join(folder, "golden", "golden.jsonl"))).toBe(false); // a blocked answer is no proposal
    for (const word of words) expect(said).not.toMatch(new RegExp(`\\b${word}\\b`));
  });

  it("mcp's tools refuse the picture and the answer", async () => {
    const guards = await Guards.open(writePolicy(folder, await strictPolicy({ [await digestOf(boots)]: "violence" })));
    const tiny = await loadTiny();
    const model = guards.whole(tiny);
    const embedder = embedderOf(model);
    const search: Search = async (name, asked) => {
      const collection = await new Collections(collectionsFolder()).open(name);
      return (await find(collection, embedder, asked)).map(({ score, entry: { source } }) => ({ score, source }));
    };
    const mcp = createMcpServer(model, search);
    const client = new Client({ name: "test", version: "1" });
    const [here, there] = InMemoryTransport.createLinkedPair();
    await Promise.all([mcp.connect(here), client.connect(there)]);
    const { tools } = await client.listTools();
    const args: Readonly<Record<string, Record<string, unknown>>> = {
      ask: { images: [boots], question },
      describe: { image: boots },
      match: { image: boots, text: "a pair of boots" },
      read: { images: [boots] },
      search: { collection: "shelf", image: boots },
    };
    expect(tools.map(({ name }) => name).sort(), "a new tool: try it here").toEqual(Object.keys(args).sort());
    for (const [name, given] of Object.entries(args)) {
      const result = await client.callTool({ name, arguments: given });
      expect(result).toMatchObject({ isError: true });
      expect(JSON.stringify(result.content)).toContain("blocked by the guard known");
    }
    await client.close();
    await tiny.close();
    await guards.close();
  });
});
