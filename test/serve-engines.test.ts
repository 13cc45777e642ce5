/**
 * An engine elsewhere as a version: published from the command line, deployed behind an alias, tried as a canary beside a model of
 * this process, judged by the golden set, rolled back; and what a server does with its answers.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { until } from "../src/core/base/until.testkit.js";
import { decodeAndDigest } from "../src/core/image/node/index.js";
import { openRemote, probeEngine } from "../src/engines/index.js";
import { type StandIn, startStandIn } from "../src/engines/stand-in.testkit.js";
import { Registry, startCanary } from "../src/rollout/index.js";
import { GoldenRunner } from "../src/server/index.js";
import { dataUrl, image, openGuards, strictPolicy } from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";
import { startVersionedServer } from "./support/versioned-server.js";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "ocellus-engines-"));
}

/** Runs in this process. */
async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  const code = await main(argv);
  vi.restoreAllMocks();
  return { code, ...written };
}

/** The version's folder, as a server would load it. */
async function published(engine: StandIn, registry = join(newFolder(), "registry")): Promise<string> {
  const where = ["--remote", engine.url, "--model", "stand-in", "--tag", "v2", "--registry", registry];
  expect((await run("rollout", "publish", ...where, "--json")).code).toBe(0);
  const opened = await Registry.open({ folder: registry, ifMissing: "refuse", onPendingRollback: () => {} });
  closing.push(() => opened.close());
  return opened.folderOf("v2");
}

const open = (folder: string) => openRemote(folder, { decode: decodeAndDigest, limits: {} });

describe("a remote version", () => {
  it("is published with what it reports and can do, tried beside a local one, judged and rolled back", async () => {
    const engine = await startStandIn({ kind: "vllm" });
    const folder = await published(engine);
    engine.options.answer = () => ({ text: "v2" });
    const setup = await startVersionedServer({ v1: {}, v2: { folder, open: () => open(folder) } });
    closing.push(() => setup.close());
    const { ask, registry, deployments, rollouts, server } = setup;
    const cases = Array.from({ length: 200 }, () => ({
      kind: "exact",
      messages: [{ role: "user" as const, content: "?" }],
      isGood: (text: string) => text === "v1",
    }));
    const { models } = server.services;
    const runner = new GoldenRunner({ cases, deployments, rollouts, models, log: pino({ level: "silent" }) });
    closing.push(() => runner.close());
    await registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: true }));
    await deployments.settle();
    expect(await ask({ "x-ocellus-version": "v2" })).toEqual({ status: 200, said: "v2", version: "v2" });
    const last = async () => (await registry.history()).at(-1)!;
    await until(async () => expect((await last()).event.kind).toBe("rolled_back"));
    expect((await last()).actor).toBe("canary-analysis");
    const after = await Promise.all(Array.from({ length: 10 }, (_, i) => ask({}, { user: `user ${i}` })));
    expect(new Set(after.map(({ said }) => said))).toEqual(new Set(["v1"]));
  });

  it("answers a golden set before any user does", async () => {
    const engine = await startStandIn({ kind: "vllm" });
    const [registry, set] = [join(newFolder(), "registry"), newFolder()];
    await published(engine, registry);
    const questions = ["I see 1 images.", "a red dress"].map((accepted, i) => {
      return { image: dataUrl(image(10 + i)), questions: [{ question: "What?", accept: [accepted] }] };
    });
    writeFileSync(join(set, "set.jsonl"), questions.map((each) => JSON.stringify(each)).join("\n"));
    const files = ["--out", join(set, "v2.golden"), "--registry", registry];
    const { code, stdout } = await run("golden", "run", set, "--model", "v2", ...files, "--json");
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { score: { questions: 2, correct: 1 } }]);
  });

  it("is refused by the command line where it is not there, or the flags do not fit", async () => {
    const engine = await startStandIn({ kind: "vllm", lacks: ["tools"] });
    const to = ["--registry", join(newFolder(), "registry"), "--tag", "v2", "--json"];
    const publish = async (...flags: string[]) => {
      const { code, stderr } = await run("rollout", "publish", ...flags, ...to);
      return [code, code === 0 ? undefined : JSON.parse(stderr).error.code];
    };
    const remote = ["--remote", engine.url];
    expect(await publish(...remote)).toEqual([2, "invalid_request"]);
    expect(await publish("--model", "x")).toEqual([2, "invalid_request"]);
    expect(await publish("some-folder", ...remote, "--model", "stand-in")).toEqual([2, "invalid_request"]);
    expect(await publish(...remote, "--model", "stand-out")).toEqual([3, "not_found"]);
    expect(await publish("--remote", "http://127.0.0.1:1", "--model", "x")).toEqual([7, "unavailable"]);
    vi.stubEnv("AWS_SECRET", "secret");
    expect(await publish(...remote, "--model", "stand-in", "--api-key-env", "AWS_SECRET")).toEqual([
      2,
      "invalid_request",
    ]);
    expect(engine.seen.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });
});

describe("a server with a remote model", () => {
  let engine: StandIn;
  let server: TestServer;
  const ask = (body: object, headers = {}) =>
    server.post("/v1/chat/completions", { messages: [{ role: "user", content: "?" }], ...body }, headers);
  const asked = () => engine.seen.findLast(({ path }) => path.endsWith("completions"))!.body;

  async function start(guards?: Parameters<typeof startServer>[2]): Promise<void> {
    engine = await startStandIn({ kind: "vllm" });
    const model = await open(await published(engine));
    server = await startServer({ remote: model }, {}, guards);
    closing.push(
      () => model.close(),
      () => server.close(),
    );
  }

  it("answers whole and streamed, with tools, schemas, probabilities, fields, usage and images", async () => {
    await start();
    const picture = { type: "image_url", image_url: { url: dataUrl(image(9)) } };
    const messages = [{ role: "user", content: [picture, { type: "text", text: "?" }] }];
    const whole: any = await (await ask({ messages, n: 2, seed: 4, logprobs: true, top_logprobs: 1 })).json();
    expect(whole.choices.map((choice: any) => choice.message.content)).toEqual(["I see 1 images.", "I see 1 images."]);
    expect(whole.choices[0].logprobs.content[0]).toMatchObject({ token: "I", bytes: [73], top_logprobs: [{}] });
    expect(whole.usage).toMatchObject({ prompt_tokens: 104, completion_tokens: 8 });
    const again: any = await (await ask({ messages })).json();
    expect(again.ocellus.cache).toMatchObject({ vision: "hit", prefix_tokens: 16, images: [{ from: "engine" }] });
    expect(asked().messages[0].content[0].image_url).toBe(null);
    const parameters = { type: "object", properties: { q: { type: "string" } } };
    const tools = [{ type: "function", function: { name: "find", parameters } }];
    const called: any = await (await ask({ tools, tool_choice: "required" })).json();
    expect(called.choices[0]).toMatchObject({
      message: { content: null, tool_calls: [{ function: { name: "find", arguments: '{"q":"text"}' } }] },
      finish_reason: "tool_calls",
    });
    const json_schema = { name: "colour", schema: parameters };
    const fielded: any = await (
      await ask({ response_format: { type: "json_schema", json_schema }, ocellus: { fields: true } })
    ).json();
    expect(fielded.ocellus.fields["/q"].probability).toBeGreaterThan(0.5);
    const stream = await (await ask({ stream: true, stream_options: { include_usage: true } })).text();
    expect(stream).toContain('"content":" see"');
    expect(stream).toContain('"prompt_tokens":40');
  });

  it("says what is not to be had, is measured, and is gone when another model is there", async () => {
    await start();
    expect((await ask({ min_pixels: 100 })).status).toBe(400);
    expect((await server.post("/v1/completions", { prompt: "once" })).status).toBe(400);
    const listed: any = await (await fetch(`${server.url}/v1/models`)).json();
    expect(listed.data[0].ocellus).toMatchObject({
      weights: "remote",
      device: "remote",
      model_type: "vllm",
      tools: true,
    });
    expect((await fetch(`${server.url}/v1/ocellus/models/remote/description`)).status).toBe(400);
    await ask({});
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('ocellus_engine_images_sent{model="remote"} 0');
    expect(metrics).toContain('ocellus_num_slots{model="remote"} 64');
    expect(metrics).not.toContain('ocellus_kv_cache_bytes{model="remote"}');
    engine.options.version = "0.40.0";
    engine.closeConnections();
    expect((await ask({})).status).toBe(503);
    await engine.close();
    expect((await ask({})).status).toBe(503);
  });

  it("is behind the guardrails: what they forbid neither goes in nor comes out", async () => {
    const guards = await openGuards(newFolder(), await strictPolicy());
    await start({ guards });
    closing.push(() => guards.close());
    const before = engine.seen.length;
    expect((await ask({ messages: [{ role: "user", content: "a blorb" }] })).status).toBe(400);
    expect(engine.seen.length).toBe(before);
    engine.options.answer = () => ({ text: "the blorb is here" });
    const blocked: any = await (await ask({})).json();
    expect(blocked.choices[0].finish_reason).toBe("content_filter");
    expect(JSON.stringify(blocked.choices)).not.toContain("blorb");
    engine.options.answer = () => ({ toolCalls: [{ name: "find", arguments: '{"q": "blorb"}' }] });
    const tools = [{ type: "function", function: { name: "find", parameters: {} } }];
    expect(JSON.stringify(((await (await ask({ tools })).json()) as any).choices)).not.toContain("blorb");
  });
});

it("a probe leaves no connection behind", async () => {
  const engine = await startStandIn({ kind: "vllm" });
  await probeEngine({ url: engine.url, model: "stand-in" });
  await until(async () => expect(await engine.numConnections()).toBe(0));
});
