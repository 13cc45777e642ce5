/** What a server does around a model when much is asked of it: queue, turns, deadlines, hang-ups, stopping. The model is scripted. */

import { readFileSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import type { ServerConfig } from "../src/server/index.js";
import { createKey, KeyRing, keyFileText } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import { type ScriptedModel, scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";

const folder = temporaryFolder();
const path = "/v1/chat/completions";
const ask = (content: string, extra: object = {}) => ({ messages: [{ role: "user", content }], ...extra });

let model: ScriptedModel;
let server: TestServer;
async function start(config: Partial<ServerConfig> = {}, maxSequences = 2, keys?: KeyRing): Promise<void> {
  model = scriptedModel(maxSequences);
  server = await startServer({ scripted: model }, config, { keys });
}
afterEach(() => server.close());

const post = (content: string, extra?: object, headers?: Record<string, string>) =>
  server.post(path, ask(content, extra), headers);
const gate = () => server.gate(undefined).stats;

/** A request whose response is not read. */
function unread(content: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const request = httpRequest(`${server.url}${path}`, { method: "POST", headers, agent: false }, resolve);
    request.once("error", reject).end(JSON.stringify(ask(content, { stream: true })));
  });
}

describe("a full server", () => {
  it("refuses with 429 and Retry-After when the queue is full, and serves those who waited in turn", async () => {
    await start({ maxQueue: 2 }, 2); // three places at the gate
    const held = ["a", "b", "c", "d", "e"].map((name) => post(name));
    await until(() => expect(gate()).toEqual({ running: 3, waiting: 2 }));
    const refused = await post("f");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ error: { type: "rate_limit_error", code: "overloaded" } });
    for (let i = 0; i < 5; i++) await model.say();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it("gives the next place to the key that has least, not to the longest queue", async () => {
    const secrets = await startWithKeys({}, ["crowd", "guest"]);
    const asCrowd = Array.from({ length: 8 }, (_, i) => post(`crowd ${i}`, {}, secrets.crowd));
    await until(() => expect(gate()).toEqual({ running: 3, waiting: 5 }));
    const asGuest = post("guest", {}, secrets.guest);
    await until(() => expect(gate().waiting).toBe(6));
    await model.say();
    await until(() => expect(model.running).toContain("guest"));
    for (let i = 0; i < 8; i++) await model.say();
    await Promise.all([...asCrowd, asGuest]);
  });

  it("holds a key to its requests a minute and its answers at once", async () => {
    const secrets = await startWithKeys({ requestsPerMinute: 3, maxConcurrent: 1 }, ["alice", "bob"]);
    const first = [post("1", {}, secrets.alice), post("2", {}, secrets.alice), post("3", {}, secrets.alice)];
    await until(() => expect(gate()).toEqual({ running: 1, waiting: 2 }));
    const refused = await post("4", {}, secrets.alice);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    const bob = post("bob", {}, secrets.bob);
    await until(() => expect(model.running).toContain("bob"));
    for (let i = 0; i < 4; i++) await model.say();
    expect((await Promise.all([...first, bob])).every(({ status }) => status === 200)).toBe(true);
    expect((await post("5", {}, { authorization: "Bearer nobody" })).status).toBe(401);
  });
});

/** Headers by the name of the key. */
async function startWithKeys(config: Partial<ServerConfig>, names: readonly string[]) {
  const made = names.map((name) => createKey(name));
  const file = join(folder, `${names.join("-")}.json`);
  writeFileSync(file, keyFileText(made.map(({ key }) => key)));
  for (const { secret } of made) expect(readFileSync(file, "utf8")).not.toContain(secret);
  await start(config, 2, await KeyRing.open(file));
  return Object.fromEntries(names.map((name, i) => [name, { authorization: `Bearer ${made[i]!.secret}` }]));
}

describe("a deadline", () => {
  it("ends a waiting and a running request with 504, which clients are told not to repeat", async () => {
    await start({ deadlineMs: 300 }, 1); // two places
    const all = await Promise.all([post("a"), post("b"), post("c")]);
    for (const response of all) {
      expect(response.status).toBe(504);
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(await response.json()).toMatchObject({ error: { code: "timeout" } });
    }
    expect(gate()).toEqual({ running: 0, waiting: 0 });
    expect(model.running).toEqual([]);
  });

  it("is the last event of a stream that has begun", async () => {
    await start({ deadlineMs: 3000 });
    const response = post("a", { stream: true });
    await until(() => expect(model.running).toEqual(["a"]));
    await model.say("so far");
    const text = await (await response).text();
    expect(text).toContain("so far");
    expect(text.trimEnd().split("\n").at(-1)).toContain('"code":"timeout"');
  });

  it("frees the place of a client that takes its connection and stops reading", async () => {
    await start({ deadlineMs: 3000 });
    model.floods = 100_000;
    const stalled = await unread("stalled");
    await until(() => expect(model.running).toEqual(["stalled"]));
    await until(() => expect(gate()).toEqual({ running: 0, waiting: 0 }));
    await until(() => expect(model.running).toEqual([]));
    stalled.destroy();
  });
});

describe("a client that hangs up", () => {
  it("leaves the queue and ends its answer", async () => {
    await start({}, 1);
    const controller = new AbortController();
    const gone = ["a", "b", "c", "d"].map((name) =>
      fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(ask(name, { stream: name === "a" })),
        signal: controller.signal,
      }).catch(() => undefined),
    );
    await until(() => expect(gate()).toEqual({ running: 2, waiting: 2 }));
    controller.abort();
    await Promise.all(gone);
    await until(() => expect(gate()).toEqual({ running: 0, waiting: 0 }));
    await until(() => expect(model.running).toEqual([]));
    expect(server.services.budget.bytes).toBe(0);
  });
});

describe("a server that is loading", () => {
  it("lives, is not ready, and asks for patience; then it is and answers", async () => {
    model = scriptedModel();
    server = await startServer({ scripted: model }, {}, {}, { open: false });
    const health = async (name: string) => {
      const response = await fetch(`${server.url}/health/${name}`);
      return [response.status, ((await response.json()) as any).status];
    };
    expect([await health("live"), await health("ready")]).toEqual([
      [200, "ok"],
      [503, "loading"],
    ]);
    const early = await post("early");
    expect([early.status, await early.json()]).toMatchObject([503, { error: { code: "unavailable" } }]);
    server.services.models.open();
    expect(await health("ready")).toEqual([200, "ok"]);
    const answered = post("now");
    await model.say();
    expect((await answered).status).toBe(200);
  });
});

describe("stopping", () => {
  it("finishes what runs and waits, refuses what comes, and says so to the balancer", async () => {
    await start({}, 1);
    const ready = () => fetch(`${server.url}/health/ready`);
    expect((await ready()).status).toBe(200);
    const held = ["a", "b", "c"].map((name) => post(name));
    await until(() => expect(gate()).toEqual({ running: 2, waiting: 1 }));
    const drained = server.services.lifecycle.drain(60_000);
    const late = await post("late");
    expect(late.status).toBe(503);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
    const health = await ready();
    expect([health.status, await health.json()]).toEqual([503, { status: "draining" }]);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    for (let i = 0; i < 3; i++) await model.say();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await drained;
  });

  it("ends what takes longer than it is given, with a reason", async () => {
    await start();
    const whole = post("whole");
    const stream = post("stream", { stream: true });
    await until(() => expect(model.running).toHaveLength(2));
    await model.say("begun");
    await model.say("begun");
    await until(() => expect(model.running).toHaveLength(2));
    await server.services.lifecycle.drain(50);
    expect((await whole).status).toBe(503);
    expect(await (await stream).text()).toContain('"code":"unavailable"');
  });
});

describe("every request", () => {
  it("is told its id, its own if it has a good one, also when it is refused", async () => {
    await start();
    const echoed = await fetch(`${server.url}/v1/models`, { headers: { "x-request-id": "mine-1" } });
    expect(echoed.headers.get("x-request-id")).toMatch(/^mine-1\.[\w-]{12}$/);
    const forged = await fetch(`${server.url}/v1/models`, { headers: { "x-request-id": "a b{}" } });
    expect(forged.headers.get("x-request-id")).toMatch(/^req_/);
    const refused = await server.post(path, { messages: [] }, { "x-request-id": "mine-2" });
    expect([refused.status, refused.headers.get("x-request-id")]).toEqual([400, expect.stringMatching(/^mine-2\./)]);
    const missing = await fetch(`${server.url}/v1/nothing`, { headers: { "x-request-id": "mine-3" } });
    expect([missing.status, missing.headers.get("x-request-id")]).toEqual([404, expect.stringMatching(/^mine-3\./)]);
  });

  it("is refused for what would change its answer, and told of what has no effect", async () => {
    await start();
    const refused = await post("a", { top_n_sigma: 2 });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param: "top_n_sigma" } });
    const answered = post("a", { store: true, metadata: {}, seed: null });
    await until(() => expect(model.running).toEqual(["a"]));
    await model.say();
    expect((await answered).headers.get("x-ocellus-ignored")).toBe("store, metadata");
  });

  it("is logged by what it was and what it cost, never by its words or its pictures", async () => {
    const lines: string[] = [];
    model = scriptedModel();
    const log = pino({ level: "debug" }, { write: (line) => void lines.push(line) });
    server = await startServer({ scripted: model }, {}, { log });
    const secret = "a-secret-word";
    const answered = post(secret, {}, { "x-request-id": "told-1" });
    await model.say(secret);
    await model.say();
    expect((await answered).status).toBe(200);
    await post(secret, { [secret]: 1 });
    await server.post(path, { messages: [{ role: secret }] });
    const url = `data:image/png;base64,${secret}`;
    const shown = server.post(path, {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
    });
    await model.say();
    expect((await shown).status).toBe(200);
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries[0]).toMatchObject({
      request: expect.stringMatching(/^told-1\./),
      path,
      status: 200,
      model: "scripted",
      completionTokens: 1,
    });
    expect(entries.map(({ status }) => status)).toEqual([200, 400, 400, 200]);
    expect(lines.join("")).not.toContain(secret);
  });

  it("may not be larger than it may, alone or together with the others", async () => {
    await start({ maxBodyBytes: 2000, maxBodiesBytes: 3000 });
    expect((await post("x".repeat(3000))).status).toBe(413);
    const held = post("a".repeat(1500));
    await until(() => expect(model.running).toHaveLength(1));
    const refused = await post("b".repeat(1900));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    await model.say();
    expect((await held).status).toBe(200);
    expect(server.services.budget.bytes).toBe(0);
  });
});
