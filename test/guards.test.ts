/** Guards around a served model: policies per key, route and category; failing closed; streams; what responses and logs say. */

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { until } from "../src/core/base/until.testkit.js";
import { decodeImage } from "../src/core/image/node/index.js";
import { type Guards, parsePolicy, verifyLog } from "../src/guardrails/index.js";
import { createKey, KeyRing, keyFileText } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import {
  dataUrl,
  digestOf,
  forbiddenImage,
  forbiddenWord,
  image,
  openGuards,
  strictPolicy,
  type Witness,
  witness,
  writePolicy,
} from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";

const path = "/v1/chat/completions";
const ask = (content: unknown = "hi", extra: object = {}) => ({ messages: [{ role: "user", content }], ...extra });
const show = (bytes: Uint8Array) => ask([{ type: "image_url", image_url: { url: dataUrl(bytes) } }]);

interface Answer {
  readonly error?: { readonly code: string; readonly message: string };
  readonly choices: readonly {
    readonly finish_reason: string;
    readonly message: { readonly content: string };
    logprobs: { content: unknown[] };
  }[];
  readonly ocellus: {
    readonly guards: readonly {
      readonly name: string;
      readonly stage: string;
      readonly verdict: string;
      failed?: string;
      version: string;
      ms: number;
    }[];
  };
}

let server: TestServer;
let isRunning = false;
let model: Witness;
let guards: Guards;
let folder: string;
async function start(policy: unknown, keys?: KeyRing): Promise<void> {
  folder = temporaryFolder();
  model = witness();
  guards = await openGuards(folder, policy);
  server = await startServer({ model }, {}, { guards, keys });
  isRunning = true;
}
async function stop(): Promise<void> {
  if (!isRunning) return;
  isRunning = false;
  await server.close();
  await guards.close();
}
afterEach(async () => {
  await stop();
  vi.unstubAllEnvs();
});

const post = async (body: object, headers = {}) => {
  const response = await server.post(path, body, headers);
  return { status: response.status, ...((await response.json()) as Answer) };
};
const words = { type: "words", lists: ["words.txt"] };

describe("a question", () => {
  const [first, second] = [forbiddenWord.slice(0, 2), forbiddenWord.slice(2)];
  const text = (words: string) => ({ type: "text", text: words });

  it("is read as the model reads it: a word in two parts, around a picture or in two messages is one", async () => {
    await start({ guards: { words } });
    const eye = { type: "image_url", image_url: { url: dataUrl(image(1)) } };
    const twice = (role: string) => [
      { role: "user", content: `a ${first}` },
      { role, content: `${second} b` },
    ];
    for (const body of [
      ask([text(`a ${first}`), text(second)]),
      ask([text(`a ${first}`), eye, text(second)]),
      { messages: twice("user") },
    ])
      expect(await post(body)).toMatchObject({ status: 400, error: { code: "content_filter" } });
    expect(model.seen).toEqual([]);
    const harmless = [
      { messages: [...twice("assistant"), { role: "user", content: "hi" }] },
      ask([text("a blo"), eye, text("wing b")]),
    ];
    for (const body of harmless) expect((await post(body)).status).toBe(200);
  });

  it("is decoded as whoever parses it will: escapes in a tool's result or a tool call hide nothing", async () => {
    await start({ guards: { words } });
    const escaped = `{"a":"\\u0062${forbiddenWord.slice(1)}"}`; // b
    expect((await post(ask(escaped))).status).toBe(400);
    model.pieces = ["<tool_call>", `{"name":"f","arguments":${escaped}`, "}</tool_call>"];
    const answer = await post(ask("hi"));
    expect(answer.choices[0]!.finish_reason).toBe("content_filter");
    expect(JSON.stringify(answer.choices)).not.toContain(forbiddenWord.slice(1));
  });
});

describe("a policy", () => {
  it("decides by key, route and category; the last rule that matches, its threshold included", async () => {
    const [alice, bob] = ["alice", "bob"].map((name) => createKey(name));
    const keysFile = join(temporaryFolder(), "keys.json");
    writeFileSync(keysFile, keyFileText([alice!.key, bob!.key]));
    const rules = [
      { category: "words", action: "block" },
      { key: "alice", action: "flag" },
      { key: "alice", route: "/v1/completions", action: "redact", replacement: "[…]" },
      { category: "words", threshold: 0.99, action: "block" },
    ];
    await start({ guards: { words }, rules }, await KeyRing.open(keysFile));
    const as = ({ secret }: { secret: string }) => ({ authorization: `Bearer ${secret}` });
    expect((await post(ask(forbiddenWord), as(bob!))).status).toBe(400);
    const flagged = await post(ask(forbiddenWord), as(alice!));
    expect(flagged.status).toBe(200);
    expect(flagged.ocellus.guards[0]).toMatchObject({
      name: "words",
      stage: "input",
      verdict: "flag",
      category: "words",
    });
    await server.post("/v1/completions", { prompt: `a ${forbiddenWord}!` }, as(alice!));
    expect(model.seen.at(-1)).toBe('"a […]!"');
  });

  it.each([
    ['{\n "guards": {\n  "a": {"type": "word"}\n }\n}', { line: 3, field: "guards.a.type" }],
    [
      '{\n "guards": {},\n "rules": [\n  {"action": "flag"},\n  {"action": "stop"}]}',
      { line: 5, field: "rules.1.action" },
    ],
    ['{\n "guards": {},\n "rulez": []}', { line: 3, field: "rulez" }],
    ['{\n "guards": {},\n "rules": [{"guard": "x", "action": "flag"}]}', { line: 3, field: "rules.0.guard" }],
    ['{\n "guards": {}\n "rules": []}', { line: 3, expected: "JSON" }],
    [
      '{"guards": {\n "a": {"type": "words", "lists": [],\n "foldings": {"leet": false,\n "homophone": false}}}}',
      { line: 4, field: "guards.a.foldings.homophone" },
    ],
    [
      '{\n "guards": {\n  "a": {"type": "words", "lists": [], "timeoutMs":\n   0}}}',
      { line: 4, field: "guards.a.timeoutMs" },
    ],
  ])("with a mistake is refused with its line: %s", (text, place) => {
    expect(() => parsePolicy(text, "p.json")).toThrow(ocellusError("invalid_config", { path: "p.json", ...place }));
  });

  it("is read again when it or a list changes, whole or not at all", async () => {
    await start({ guards: { words } });
    const version = guards.policy.version;
    writeFileSync(join(folder, "words.txt"), "quux\n");
    await until(async () => expect((await post(ask("quux"))).status).toBe(400));
    expect((await post(ask(forbiddenWord))).status).toBe(200);
    writeFileSync(join(folder, "policy.json"), '{"guards": {}, "rules": [{"action": "no"}]}');
    await until(async () => {
      await post(ask());
      expect(guards.state().problem).toContain("policy.json:1: rules.0.action");
    });
    expect(guards.policy.version).toBe(version);
    const told = await (await fetch(`${server.url}/v1/ocellus/guards`)).json();
    expect(told).toMatchObject({ policy: version, problem: expect.any(String) });
    expect(JSON.stringify(told), "no path of this machine").not.toContain(folder);
    expect((await post(ask("quux"))).status, "the one before stays in force").toBe(400);
    writePolicy(folder, { guards: { words }, rules: [{ action: "flag" }] });
    await until(async () => {
      await post(ask());
      expect(guards.state().problem).toBeUndefined();
    });
    expect((await post(ask(forbiddenWord))).ocellus.guards[0]).toMatchObject({ verdict: "flag" });
  });
});

describe("an answer", () => {
  const said = async (rules: object[], pieces: string[], extra = {}) => {
    await start({ guards: { words }, rules });
    model.pieces = pieces;
    return post(ask("hi", extra));
  };

  it("is masked, or replaced, and its tokens do not spell what was cut out", async () => {
    const answer = await said([{ stage: "output", action: "redact" }], ["oh ", "blo", "rb", " oh"], { logprobs: true });
    expect(answer.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "oh ***** oh" } });
    expect(answer.choices[0]!.logprobs.content).toHaveLength(2);
    expect(answer.ocellus.guards).toMatchObject([{ stage: "input" }, { stage: "output", verdict: "redact" }]);
  });

  it("tells every guard that looked, in its version, streamed or not, and in a header", async () => {
    await start({ guards: { words } });
    const response = await server.post(path, ask("hi", { stream: true }));
    const version = guards.state().guards[0]!.version;
    expect(response.headers.get("x-ocellus-guards")).toContain(`words@${version};input=allow`);
    const streamed = (await response.text()).match(/"guards":(\[.*?\])/)![1]!;
    const whole = (await post(ask())).ocellus.guards;
    for (const reports of [JSON.parse(streamed) as typeof whole, whole])
      expect(reports).toMatchObject([
        { name: "words", version, stage: "input", verdict: "allow", ms: expect.any(Number) },
        { name: "words", version, stage: "output", verdict: "allow", ms: expect.any(Number) },
      ]);
    expect(version).toMatch(/^[0-9a-f]{12}$/);
  });

  it("is guarded in every choice of one request, though the choices have other seeds", async () => {
    await start(await strictPolicy());
    model.pieces = ["a bl", "orb"];
    const response = await server.post(path, ask("hi", { n: 3, seed: 1, temperature: 1 }));
    const { choices } = (await response.json()) as Answer;
    expect(choices.map(({ finish_reason }) => finish_reason)).toEqual(new Array(3).fill("content_filter"));
    expect(model.seen.filter((asked) => asked.includes('"hi"'))).toHaveLength(1); // read once
  });

  it("frees its sequence as soon as it is blocked", async () => {
    await start({ guards: { words } });
    let wasLeft = false;
    model.generate = async function* () {
      try {
        for (;;) {
          await new Promise((turn) => setImmediate(turn));
          yield { type: "text", text: ` ${forbiddenWord} `, tokens: [{ tokenId: 1 }] };
        }
      } finally {
        wasLeft = true;
      }
    };
    expect((await post(ask())).choices[0]!.finish_reason).toBe("content_filter");
    expect(wasLeft).toBe(true);
  });
});

describe("a picture", () => {
  it("is refused by its pixels, whatever file they come in; redacting one is refusing it", async () => {
    const strict = await strictPolicy();
    await start({ ...strict, rules: [{ guard: "known", action: "redact" }] });
    expect((await post(show(forbiddenImage))).error?.code).toBe("content_filter");
    expect((await post(show(image(67)))).status).toBe(200);
    expect(await digestOf(forbiddenImage)).toMatch(/^[0-9a-f]{64}$/);
  });
});

/** A service for the guard `webhook`, which answers as the test says. */
async function service(
  answer: (body: string, attempt: number) => object | number | "hang",
): Promise<Server & { asked: string[] }> {
  const asked: string[] = [];
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { "x-ocellus-timestamp": time, "x-ocellus-signature": signature } = request.headers;
    const expected = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
    expect(signature).toBe(`v1=${expected}`);
    asked.push(body);
    const given = answer(body, asked.length);
    if (given === "hang") return;
    response.statusCode = typeof given === "number" ? given : 200;
    response.end(typeof given === "number" ? "" : JSON.stringify(given));
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  return Object.assign(http, { asked });
}
const secret = "a secret of some length";
const urlOf = (http: Server) => `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
const hook = (url: string, extra = {}) => ({
  type: "webhook",
  url,
  secretVariable: "HOOK_SECRET",
  stage: ["input"],
  retries: 0,
  ...extra,
});

describe("a guard that cannot look", () => {
  it("lets nothing pass, and the response says which; a policy may say otherwise", async () => {
    vi.stubEnv("HOOK_SECRET", secret);
    const http = await service(() => "hang");
    await start({ guards: { hook: hook(urlOf(http), { timeoutMs: 50 }) } });
    const refused = await post(ask());
    expect(refused).toMatchObject({
      status: 503,
      error: { code: "unavailable", message: /the guard hook could not check/ },
    });
    expect(refused.ocellus.guards).toMatchObject([
      { name: "hook", verdict: "block", failed: "no verdict within 50 ms" },
    ]);
    expect(model.seen).toEqual([]);
    await stop();
    await start({ guards: { hook: hook(urlOf(http), { timeoutMs: 50, onFailure: "allow" }) } });
    const passed = await post(ask());
    expect(passed.status).toBe(200);
    expect(passed.ocellus.guards).toMatchObject([
      { name: "hook", verdict: "allow", failed: "no verdict within 50 ms" },
    ]);
    http.closeAllConnections();
    http.close();
  });

  it("lets nothing pass when its process is killed in the midst of a request", async () => {
    vi.stubEnv("HOOK_SECRET", secret);
    const script = `const http = require("node:http").createServer((request) => { request.resume(); console.log("asked"); });
      http.listen(0, "127.0.0.1", () => console.log(http.address().port));`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [port] = (await once(child.stdout, "data")) as [Buffer];
    const exited = once(child, "exit");
    await start({ guards: { hook: hook(`http://127.0.0.1:${String(port).trim()}/`, { timeoutMs: 60_000 }) } });
    const answer = post(ask("is anybody there?"));
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    expect(await answer).toMatchObject({ status: 503, ocellus: { guards: [{ name: "hook", verdict: "block" }] } });
    expect(model.seen).toEqual([]);
    await exited;
    expect(await post(ask()), "and not when it is gone").toMatchObject({ status: 503 });
  });

  it("ends an answer that it must see and cannot: no word of it leaves", async () => {
    vi.stubEnv("HOOK_SECRET", secret);
    const http = await service(() => 500);
    await start({ guards: { hook: hook(urlOf(http), { stage: ["output"] }) } });
    for (const stream of [false, true]) {
      const text = await (await server.post(path, ask("hi", { stream }))).text();
      expect(text).not.toContain("quiet");
      expect(text).toContain("content_filter");
      expect(text).toContain('"failed":"the service answered 500"');
    }
    http.close();
  });
});

describe("somebody else's service", () => {
  it("sees a picture whole, and exactly as the model is shown it", async () => {
    vi.stubEnv("HOOK_SECRET", secret);
    const http = await service(() => ({ findings: [] }));
    await start({ guards: { hook: hook(urlOf(http), { reads: ["image"] }) } });
    model.modelView = () => ({ width: 1, height: 1, data: new Uint8Array(3) });
    await post(show(image(9)));
    const asked = http.asked.map((body) => JSON.parse(body) as { view: string; sha256: string; png: string });
    expect(asked.map(({ view }) => view)).toEqual(["whole", "seen"]);
    expect(new Set(asked.map(({ sha256 }) => sha256))).toEqual(new Set([await digestOf(image(9))]));
    const views = await Promise.all(asked.map(({ png }) => decodeImage(`data:image/png;base64,${png}`)));
    expect(views.map(({ width }) => width)).toEqual([8, 1]);
    http.close();
  });

  it("is asked with a signature, asked again when it stumbles, and believed", async () => {
    vi.stubEnv("HOOK_SECRET", secret);
    const http = await service((body, attempt) => {
      if (attempt === 1) return 503;
      const { kind, text = "" } = JSON.parse(body) as { kind: string; text?: string };
      const at = text.indexOf("secret");
      return {
        findings:
          kind === "text" && at >= 0 ? [{ category: "custom", score: 1, span: { start: at, end: at + 6 } }] : [],
      };
    });
    await start({ guards: { hook: hook(urlOf(http), { retries: 2 }) }, rules: [{ action: "redact" }] });
    expect((await post(ask("a secret plan"))).status).toBe(200);
    expect(model.seen[0]).toContain("a ****** plan");
    expect((await post(show(image(1)))).status).toBe(200);
    expect(http.asked.some((body) => body.includes('"png":"iVBOR'))).toBe(true);
    http.close();
  });

  it.each([
    [{ findings: [{ category: "custom", score: 1, span: { start: 1, end: 99 } }] }, "from 1 to 99 of 2"],
    [{ findings: [{ category: "custom", score: 7 }] }, "score"],
    [{}, "findings"],
  ])("is not believed when it answers %j", async (answer, problem) => {
    vi.stubEnv("HOOK_SECRET", secret);
    const http = await service(() => answer);
    await start({ guards: { hook: hook(urlOf(http)) } });
    expect(JSON.stringify((await post(ask())).ocellus.guards)).toContain(problem);
    http.close();
  });

  it("is refused at the start without a secret", async () => {
    await start({ guards: {} });
    await expect(
      openGuards(temporaryFolder(), { guards: { hook: hook("http://127.0.0.1:1/") } }),
    ).rejects.toMatchObject({
      code: "invalid_config",
      message: expect.stringContaining("HOOK_SECRET"),
    });
  });
});

describe("the audit log", () => {
  it("has a line for each door, digests and no words, and is a chain", async () => {
    await start({ ...(await strictPolicy()), audit: { file: "audit.jsonl" } });
    await post(ask("a harmless question"));
    await post(ask(forbiddenWord));
    await post(show(forbiddenImage));
    await stop();
    const file = join(folder, "audit.jsonl");
    const text = readFileSync(file, "utf8");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(
      lines.map(({ stage, checks }) => [stage, ...checks.map((check: { verdict: string }) => check.verdict)]),
    ).toEqual([
      ["input", "allow"],
      ["output", "allow"],
      ["input", "block"],
      ["input", "block"],
    ]);
    expect(lines[1].answer).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), finish: "stop" });
    expect(lines[3].checks[0]).toMatchObject({
      guard: "known",
      kind: "image",
      sha256: await digestOf(forbiddenImage),
    });
    expect(text).not.toMatch(/harmless|blorb|quiet|base64/);
    expect(await verifyLog(file)).toMatchObject({ lines: 4, torn: undefined });
  });

  it("has the texts when the policy wants them", async () => {
    await start({ guards: { words }, audit: { file: "audit.jsonl", texts: true } });
    await post(ask("a harmless question"));
    expect(readFileSync(join(folder, "audit.jsonl"), "utf8")).toMatch(/harmless[\s\S]*quiet/);
  });
});

describe("the routes of the guards", () => {
  it("moderate texts and pictures in OpenAI's shape, and say what fired, where and why", async () => {
    await start(await strictPolicy());
    const { results } = await server.client.moderations.create({ input: ["fine", `a ${forbiddenWord}`] });
    expect(results.map(({ flagged }) => flagged)).toEqual([false, true]);
    expect(results[1]).toMatchObject({
      category_scores: { words: 0.6, violence: 0 },
      ocellus: { findings: [{ guard: "words", reason: forbiddenWord, span: { start: 2, end: 7 }, action: "block" }] },
    });
    const { results: parts } = await server.client.moderations.create({
      input: [
        { type: "text", text: "fine" },
        { type: "image_url", image_url: { url: dataUrl(forbiddenImage) } },
      ],
    });
    expect(parts).toMatchObject([
      { flagged: true, categories: { violence: true }, category_applied_input_types: { violence: ["image"] } },
    ]);
    expect(model.seen).toEqual([]);
  });

  it("show the policy in force and one's own verdicts, and take proposals", async () => {
    await start(await strictPolicy());
    await post(ask(forbiddenWord));
    const state = (await (await fetch(`${server.url}/v1/ocellus/guards`)).json()) as { recent: unknown[] };
    expect(state).toMatchObject({
      policy: guards.policy.version,
      guards: [{ name: "words", type: "words" }, { name: "known" }],
    });
    expect(state.recent[0]).toMatchObject({ guard: "words", verdict: "block", category: "words" });
    const proposal = { guard: "words", text: "the town of Blorbham" };
    expect((await server.post("/v1/ocellus/guards/proposals", proposal)).status).toBe(200);
    const proposals = join(folder, "policy.json.proposals.jsonl");
    expect(readFileSync(proposals, "utf8")).toContain("Blorbham");
    appendFileSync(proposals, '{"time":"2026'); // of a full disk
    for (let i = 0; i < 2; i++) await server.post("/v1/ocellus/guards/proposals", proposal);
    const written = readFileSync(proposals, "utf8").trimEnd().split("\n");
    expect(written.map((line) => line.endsWith("}"))).toEqual([true, false, true, true]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain(
      'ocellus_guardrail_checks_total{guard="words",stage="input",category="words",verdict="block"} 1',
    );
  });
});
