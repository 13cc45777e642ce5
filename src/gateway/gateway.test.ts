import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Registry } from "prom-client";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import type { LanguageModel } from "../core/runtime/index.js";
import type { RoutedRequest } from "./engine.js";
import { FakeEngines, failing, hanging } from "./fake-backends.testkit.js";
import { Gateway, type GatewayOptions } from "./gateway.js";
import { GatewayMetrics } from "./gateway-metrics.js";

let path: string;
let engines: FakeEngines;
beforeEach(() => {
  path = join(temporaryFolder(), "backends.json");
  engines = new FakeEngines();
});

function write(models: Readonly<Record<string, readonly string[]>>, more: object = {}, fields: object = {}): void {
  const listed = Object.entries(models).map(([model, names]) => [
    model,
    { backends: names.map((name) => ({ name, url: `http://${name}:1`, model, ...fields })) },
  ]);
  writeFileSync(path, JSON.stringify({ models: Object.fromEntries(listed), ...more }));
}

type Options = GatewayOptions<RoutedRequest, string, string>;
type AnyGateway = Awaited<ReturnType<typeof open>>;

/** As little of a model as these tests ask for: its info says what it was made of. */
const model: Options["model"] = (name, engine, abouts) => {
  const generate = (prepared: { readonly content: string }) =>
    engine.chat({ messages: [{ role: "user", content: prepared.content }] });
  const info = { path: `${name} of ${abouts.join(", ")}`, maxSequences: 1 };
  return { info, stats: {}, prepare: async () => ({ content: "hello" }), generate } as unknown as LanguageModel;
};

async function open(options: Partial<Options> = {}) {
  const listener = { onEnd() {}, onRetry() {}, onHedge() {} };
  const gateway = await Gateway.open(path, { open: engines.open, model, listener, refreshMs: 3_600_000, ...options });
  onTestFinished(() => gateway.close());
  return gateway;
}

async function answer(gateway: AnyGateway, name: string): Promise<string> {
  const { model } = (await gateway.resolve(name))!;
  let said = "";
  for await (const word of model.generate(await model.prepare([]))) said += word;
  return said;
}

const names = (gateway: AnyGateway) =>
  gateway.states.map(({ model, backends }) => [model, backends.map(({ name }) => name)]);

it("serves the models of its file, and is a provider of them", async () => {
  write({ qwen: ["a", "b"], llava: ["c"] });
  const gateway = await open();
  expect(gateway.list().map(({ id }) => id)).toEqual(["qwen", "llava"]);
  expect(await answer(gateway, "llava")).toBe("c");
  const { info } = (await gateway.resolve("qwen"))!.model;
  expect(info).toMatchObject({ path: "qwen of qwen, qwen", maxSequences: 128 });
  expect(await gateway.resolve("other")).toBeUndefined();
});

it("takes over a changed file, and keeps what has not changed in it", async () => {
  write({ qwen: ["a", "b"], llava: ["c"] });
  const gateway = await open();
  const { model } = (await gateway.resolve("qwen"))!;
  write({ qwen: ["b", "d"], new: ["e"] });
  await gateway.refresh();
  expect(names(gateway)).toEqual([
    ["qwen", ["b", "d"]],
    ["new", ["e"]],
  ]);
  expect((await gateway.resolve("qwen"))!.model).toBe(model);
  expect(engines.opened).toEqual(["a", "b", "c", "d", "e"]);
  expect(engines.closed.sort()).toEqual(["a", "c"]);
  write({ qwen: ["b", "d"], new: ["e"] }, { routing: { by: "load" } });
  await gateway.refresh();
  expect(engines.opened).toHaveLength(5);
});

it("never has more at an engine than it may, whatever is changed while it answers", async () => {
  const queue = { maxWaitMs: 20 };
  write({ qwen: ["a"] }, { queue }, { maxConcurrent: 1 });
  const gateway = await open();
  const { behaviour, go } = hanging();
  engines.behaviours.set("a", behaviour);
  const running = answer(gateway, "qwen");
  while (engines.numRunning === 0) await new Promise((turn) => setTimeout(turn, 1));
  const changes = [
    { file: { circuit: { failures: 9 }, outliers: { minRequests: 9 }, health: { failures: 9 } }, weight: 2, opened: 1 },
    { file: { timeouts: { connectMs: 9 } }, weight: 2, opened: 2 },
    { file: { timeouts: { connectMs: 8 } }, weight: 2, opened: 3 },
  ];
  for (const { file, weight, opened } of changes) {
    write({ qwen: ["a"] }, { queue, ...file }, { maxConcurrent: 1, weight });
    await gateway.refresh();
    await expect(answer(gateway, "qwen")).rejects.toMatchObject({ code: "overloaded" });
    const [state] = gateway.states[0]!.backends;
    expect([engines.opened.length, engines.numRunning, state!.weight]).toEqual([opened, 1, weight]);
  }
  go();
  expect([await running, await answer(gateway, "qwen")]).toEqual(["late", "late"]);
});

it("judges a backend that stays by the changed thresholds, from what it has counted", async () => {
  write({ qwen: ["a"] }, { circuit: { failures: 2 }, retries: { attempts: 1 } });
  const gateway = await open();
  engines.behaviours.set("a", failing("unavailable"));
  await expect(answer(gateway, "qwen")).rejects.toMatchObject({ code: "unavailable" });
  write({ qwen: ["a"] }, { circuit: { failures: 3 }, retries: { attempts: 1 } });
  await gateway.refresh();
  const states: string[] = [];
  for (let i = 0; i < 2; i++) {
    await expect(answer(gateway, "qwen")).rejects.toMatchObject({ code: "unavailable" });
    states.push(gateway.states[0]!.backends[0]!.state);
  }
  expect(states).toEqual(["up", "open"]);
});

it("ends a model that has left its file once it has answered, or when it is closed itself", async () => {
  write({ qwen: ["a"], llava: ["b"], other: ["c"] });
  const gateway = await open();
  const hung = { a: hanging(), b: hanging() };
  for (const name of ["a", "b"] as const) engines.behaviours.set(name, hung[name].behaviour);
  const ends = ["qwen", "llava"].map((name) => answer(gateway, name).catch(() => {}));
  while (engines.numRunning < 2) await new Promise((turn) => setTimeout(turn, 1));
  write({ other: ["c"] });
  await gateway.refresh();
  expect(engines.closed).toEqual([]);
  hung.a.go();
  await ends[0];
  await new Promise((turn) => setTimeout(turn));
  expect(engines.closed).toEqual(["a"]);
  await gateway.close();
  expect(engines.closed.sort()).toEqual(["a", "b", "c"]);
  hung.b.go();
  await ends[1];
});

it("stays as it is when the changed file has a mistake, and says so once", async () => {
  write({ qwen: ["a"] });
  const problems: string[] = [];
  const gateway = await open({ onProblem: (problem) => problems.push(problem) });
  writeFileSync(path, '{"models": {"qwen": 1}}');
  for (let i = 0; i < 3; i++) await gateway.refresh();
  expect([await answer(gateway, "qwen"), problems.length, gateway.problem]).toEqual(["a", 1, expect.any(String)]);
  rmSync(path);
  await gateway.refresh();
  expect([await answer(gateway, "qwen"), problems.length]).toEqual(["a", 2]);
  write({ qwen: ["b"] });
  await gateway.refresh();
  expect([await answer(gateway, "qwen"), gateway.problem]).toEqual(["b", undefined]);
});

it("refuses to start with a file that is not there or has a mistake", async () => {
  await expect(open()).rejects.toMatchObject({ code: "not_found" });
  writeFileSync(path, "{");
  await expect(open()).rejects.toMatchObject({ code: "invalid_config" });
});

it("starts without its engines, and says that a model was not reached yet", async () => {
  write({ qwen: ["a"] });
  engines.down.add("a");
  const told: string[] = [];
  const gateway = await open({ onState: (_, { name, state }) => told.push(`${name} ${state}`) });
  for (let i = 0; i < 2; i++) await gateway.refresh();
  expect([gateway.list(), told]).toEqual([[], ["a down"]]);
  const details = { retryAfterMs: expect.any(Number) };
  await expect(gateway.resolve("qwen")).rejects.toMatchObject({ code: "unavailable", details });
});

it("counts what is sent to each backend, and forgets one that is gone", async () => {
  write({ qwen: ["a", "b"] });
  const registry = new Registry();
  let gateway: AnyGateway | undefined;
  const metrics = new GatewayMetrics(registry, () => gateway?.states ?? []);
  gateway = await open({ listener: metrics });
  for (const name of ["a", "b"]) engines.behaviours.set(name, failing("unavailable"));
  await expect(answer(gateway, "qwen")).rejects.toMatchObject({ code: "unavailable" });
  const text = await registry.metrics();
  for (const name of ["a", "b"])
    expect(text).toContain(`ocellus_backend_requests_total{model="qwen",backend="${name}",outcome="failure"} 1`);
  write({ qwen: ["a"] });
  await gateway.refresh();
  expect(await registry.metrics()).not.toContain('ocellus_backend_usable{model="qwen",backend="b"}');
});
