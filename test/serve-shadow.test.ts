/** Mirrored questions: asked of a second version when their client has its answer, compared, never served. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import type { ChatOptions } from "../src/core/runtime/index.js";
import { deploy, endShadow, startCanary, startShadow } from "../src/rollout/index.js";
import { disturb } from "./support/disturbed.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { forbiddenWord, openGuards, strictPolicy } from "./support/guards.js";
import { type ScriptedModel, scriptedModel } from "./support/scripted-model.js";
import { loadTiny } from "./support/server.js";
import {
  type Behaviour,
  startVersionedServer,
  type VersionedOptions,
  type VersionedServer,
} from "./support/versioned-server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const open: VersionedServer[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** `prod` serves v1, and v2 is its shadow. */
async function shadowed(behaviours: Record<string, Behaviour>, options: VersionedOptions = {}, share = 1) {
  const setup = await startVersionedServer(behaviours, options);
  open.push(setup);
  await setup.registry.run("test", startShadow("prod", "v2", share));
  await setup.deployments.settle();
  return setup;
}

const figures = ({ shadows, deployments }: VersionedServer) =>
  shadows.comparisonOf(deployments.aliases[0]!, { role: "shadow", tag: "v2" });
const scripted = (model: ScriptedModel): Behaviour => ({ open: async () => model });

describe("a shadow", () => {
  it("is asked what the alias was asked, once the client has its whole answer, and what it says is served to no one", async () => {
    const [live, shadow] = [scriptedModel(), scriptedModel()];
    const setup = await shadowed({ v1: scripted(live), v2: scripted(shadow) });
    const answering = setup.server.post("/v1/chat/completions", {
      ...{ model: "prod", stream: true },
      messages: [{ role: "user", content: "which?" }],
    });
    await live.say("a red ");
    const reader = (await answering).body!.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    expect(value).toContain("a red ");
    expect(shadow.running).toEqual([]);
    await live.say("dress");
    await live.say();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
    expect(rest).toContain("[DONE]");
    await until(() => expect(shadow.running).toEqual(["which?"]));
    await shadow.say("a blue dress");
    await shadow.say();
    await until(() =>
      expect(figures(setup)).toMatchObject({ served: "v1", numPairs: 1, numExact: 0, similarity: 2 / 3 }),
    );
    expect(value + rest).not.toContain("blue");
  });

  it("agrees with a version that says the same; its figures are in the API, the meters and the history, no words do", async () => {
    const setup = await shadowed({ v1: { says: "a red dress" }, v2: { says: "A red dress." } });
    const { ask, server, registry, shadows } = setup;
    for (let i = 0; i < 60; i++) await ask({ "x-request-id": `question-${i}` });
    await until(() =>
      expect(figures(setup)).toMatchObject({ numPairs: 60, numExact: 0, similarity: 0.75, sameUntil: 0.75 }),
    );
    const read = async (path: string) => (await fetch(`${server.url}${path}`)).json() as any;
    const state = await read("/admin/v1/state");
    expect(state.aliases[0]).toMatchObject({ shadow: "v2", shadow_share: 1, comparison: { num_pairs: 60 } });
    await until(async () => {
      const [entry] = (await read("/admin/v1/history")).data;
      expect(entry).toMatchObject({
        actor: "shadow",
        kind: "compared",
        version: "v2",
        comparison: { similarity: 0.75 },
      });
    });
    expect(await read("/admin/v1/requests/question-7")).toMatchObject({
      version: "v1",
      mirrored: [{ version: "v2", role: "shadow", reason: "asked too and not served: 75.0 % alike" }],
    });
    const meters = await (await fetch(`${server.url}/metrics`)).text();
    expect(meters).toContain('ocellus_shadow_pairs_total{model="v2",outcome="other"} 60');
    await shadows.close();
    const history = await registry.history();
    const summaries = history.flatMap(({ event }) => (event.kind === "compared" ? [event.comparison.numPairs] : []));
    expect(summaries).toEqual([50, 60]); // and the next would be at a hundred: few of very many
    expect(JSON.stringify(history)).not.toContain("dress");
  });

  it("is asked with the seed of the live answer, also where the client gave none, and without its probabilities", async () => {
    const asked: Record<string, ChatOptions[]> = { v1: [], v2: [] };
    const note = (tag: string): Behaviour => ({ says: "x", onAsk: (options) => asked[tag]!.push(options) });
    const { ask } = await shadowed({ v1: note("v1"), v2: note("v2") });
    await ask({}, { temperature: 1, logprobs: true, max_tokens: 7 });
    await until(() => expect(asked.v2).toHaveLength(1));
    await ask({}, { temperature: 1, seed: 5 });
    await until(() => expect(asked.v2).toHaveLength(2));
    const [[first, second], [drawn, given]] = [asked.v1!, asked.v2!];
    expect(drawn).toMatchObject({ maxTokens: 7, sampling: { temperature: 1, seed: first!.sampling!.seed } });
    expect(drawn!.sampling).not.toHaveProperty("logprobs");
    expect(first!.sampling!.seed).not.toBe(5);
    expect([second!.sampling!.seed, given!.sampling!.seed]).toEqual([5, 5]);
  });

  it("is asked about the stable version's answers only: none of a tester, none that failed", async () => {
    const setup = await shadowed({ v1: { fails: (n) => n === 0 }, v2: {} });
    expect((await setup.ask()).status).toBe(500);
    await setup.ask({ "x-ocellus-version": "v2" });
    await setup.ask({}, { model: "v1" });
    await setup.ask();
    await until(() => expect(figures(setup)).toMatchObject({ numPairs: 1, numDropped: 0 }));
  });

  it("fails unheard: clients have their answers, and the failures are counted", async () => {
    const setup = await shadowed({ v1: {}, v2: { fails: (n) => n % 2 === 0 } });
    for (let i = 0; i < 4; i++) expect(await setup.ask()).toMatchObject({ status: 200, said: "v1" });
    await until(() => expect(figures(setup)).toMatchObject({ numPairs: 4, numFailed: 2, numExact: 0 }));
  });

  it("is behind the guards: nothing forbidden reaches it, and of its answer nothing leaves", async () => {
    const folder = temporaryFolder();
    const policy = { ...(await strictPolicy()), audit: { file: "audit.jsonl" } };
    const guards = await openGuards(folder, policy);
    const asked: ChatOptions[] = [];
    const v2: Behaviour = { says: `a ${forbiddenWord}`, onAsk: (options) => asked.push(options) };
    const setup = await shadowed({ v1: { says: "a dress" }, v2 }, { guards });
    const forbidden = { messages: [{ role: "user", content: forbiddenWord }] };
    expect((await setup.ask({}, forbidden)).status).toBe(400);
    expect((await setup.ask({ "x-request-id": "mine" })).said).toBe("a dress");
    await until(() => expect(figures(setup)).toMatchObject({ numPairs: 1, similarity: 0.5 })); // "a", as it would be delivered
    expect(asked).toHaveLength(1);
    const log = readFileSync(join(folder, "audit.jsonl"), "utf8");
    expect(log).toMatch(/"request":"mine\.[\w-]{12} shadow"/);
    await guards.close();
  });
});

describe("live requests come first", () => {
  it("a full queue drops what does not fit, and counts it", async () => {
    const shadow = scriptedModel();
    const setup = await shadowed({ v1: {}, v2: scripted(shadow) }, { config: { shadowQueue: 2 } });
    for (let i = 0; i < 5; i++) await setup.ask();
    await until(() => expect(figures(setup)).toMatchObject({ numDropped: 3 }));
    await until(() => expect(shadow.running).toHaveLength(1)); // one at a time
    for (let i = 0; i < 2; i++) await shadow.say();
    await until(() => expect(figures(setup)).toMatchObject({ numPairs: 2, numDropped: 3 }));
  });

  it("questions are held within a budget of bytes", async () => {
    const setup = await shadowed({ v1: {}, v2: {} }, { config: { shadowBytes: 100 } });
    await setup.ask({}, { messages: [{ role: "user", content: "x".repeat(101) }] });
    expect(figures(setup)).toMatchObject({ numDropped: 1, numPairs: 0 });
    for (let i = 0; i < 3; i++) await setup.ask();
    await until(() => expect(figures(setup)!.numPairs + figures(setup)!.numDropped).toBe(4));
    const meters = await (await fetch(`${setup.server.url}/metrics`)).text();
    expect(meters).toContain("ocellus_shadow_bytes 0");
  });

  it("a mirrored answer makes room while somebody waits, and is begun again", async () => {
    const [live, shadow] = [scriptedModel(1), scriptedModel()];
    const setup = await shadowed({ v1: scripted(live), v2: scripted(shadow) });
    const first = setup.ask();
    await live.say();
    await first;
    await until(() => expect(shadow.running).toHaveLength(1));
    const more = [setup.ask(), setup.ask()]; // one slot: the second waits
    await until(() => expect(shadow.running).toEqual([]));
    for (const _ of more) await live.say();
    await Promise.all(more);
    await until(() => expect(shadow.running).toHaveLength(1));
    for (let i = 0; i < 3; i++) await shadow.say();
    await until(() => expect(figures(setup)).toMatchObject({ numPairs: 3, numDropped: 0 }));
  });

  it("beside a live answer a mirrored one is followed by a rest, and by no rest where none is written", async () => {
    const [live, shadow] = [scriptedModel(), scriptedModel()];
    const setup = await shadowed({ v1: scripted(live), v2: scripted(shadow) });
    const done = [setup.ask(), setup.ask()];
    for (const _ of done) await live.say();
    await Promise.all(done);
    await until(() => expect(shadow.running).toHaveLength(1));
    const long = setup.ask();
    await until(() => expect(live.running).toHaveLength(1));
    await new Promise((turn) => setTimeout(turn, 200)); // so that it rests for two seconds
    await shadow.say();
    await until(() => expect(figures(setup)!.numPairs).toBe(1));
    await new Promise((turn) => setTimeout(turn, 100));
    expect(shadow.running).toEqual([]);
    await live.say();
    await long;
    for (let i = 0; i < 2; i++) await shadow.say();
    await until(() => expect(figures(setup)!.numPairs).toBe(3));
  });

  it("a share of the answers is mirrored where that is wished", async () => {
    const setup = await shadowed({ v1: {}, v2: {} }, {}, 0.2);
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 20 }, () => setup.ask()));
    await setup.shadows.close(); // what waits is dropped
    const meters = await setup.server.services.metrics.registry.metrics();
    const counts = [...meters.matchAll(/^ocellus_shadow_(?:pairs|dropped)_total\{.*\} (\d+)$/gm)];
    const seen = counts.reduce((sum, [, count]) => sum + Number(count), 0);
    expect(seen).toBeGreaterThan(10); // 40 in mean
    expect(seen).toBeLessThan(80);
  });
});

describe("a mirrored answer ends", () => {
  async function hanging() {
    const shadow = scriptedModel();
    const setup = await shadowed({ v1: {}, v2: scripted(shadow), v3: {} });
    for (let i = 0; i < 2; i++) await setup.ask();
    await until(() => expect(shadow.running).toHaveLength(1));
    return { setup, shadow };
  }

  it("when the server drains: nothing waits for it", async () => {
    const { setup, shadow } = await hanging();
    await setup.server.services.lifecycle.drain(60_000);
    await until(() => expect(shadow.running).toEqual([]));
    await until(async () => {
      const meters = await setup.server.services.metrics.registry.metrics();
      expect(meters).toContain('ocellus_shadow_dropped_total{model="v2",reason="ended"} 2');
    });
    expect(figures(setup)).toBeUndefined(); // nothing was compared
  });

  it("with a last word in the history, where there was anything to compare", async () => {
    const setup = await shadowed({ v1: {}, v2: {} });
    for (let i = 0; i < 3; i++) await setup.ask();
    await until(() => expect(figures(setup)).toMatchObject({ numPairs: 3 }));
    await setup.registry.run("test", endShadow("prod"));
    await until(async () =>
      expect((await setup.registry.history()).at(-1)).toMatchObject({
        ...{ actor: "shadow", event: { kind: "compared", tag: "v2", comparison: { numPairs: 3 } } },
      }),
    );
    expect(figures(setup)).toBeUndefined();
  });

  it("when the shadow ends, or another version is compared with it", async () => {
    for (const command of [endShadow("prod"), deploy("prod", "v3")]) {
      const { setup, shadow } = await hanging();
      await setup.registry.run("test", command);
      await until(() => expect(shadow.running).toEqual([]));
    }
  });
});

describe("the analysis of agreement", () => {
  const canary = (floor: number) =>
    startCanary("prod", "v2", { steps: [0.5], analysis: true, agreement: { floor, share: 1 } });

  async function rollout(behaviours: Record<string, Behaviour>, floor = 0.8) {
    const setup = await startVersionedServer(behaviours);
    open.push(setup);
    await setup.registry.run("test", canary(floor));
    await setup.deployments.settle();
    const isOver = () => setup.registry.state.aliases.get("prod")!.canary === undefined;
    for (let user = 0; !isOver() && user < 8000; user += 8)
      await Promise.all(Array.from({ length: 8 }, (_, i) => setup.ask({}, { user: `user ${user + i}` })));
    return (await setup.registry.history()).at(-1)!;
  }

  it("turns back a canary that says something else, as fast and as long", async () => {
    const { actor, event } = await rollout({ v1: { says: "a red dress" }, v2: { says: "an old shoe" } });
    expect({ actor, ...event }).toMatchObject({ actor: "canary-analysis", kind: "rolled_back", from: "v2" });
    expect((event as any).reason).toMatch(/disagreement with the stable version's answers: 100.0 % over \d+ questions/);
  }, 180_000);

  it("lets on a canary only when it has been compared, and agrees", async () => {
    const { event } = await rollout({ v1: { says: "a red dress" }, v2: { says: "a red dress" } });
    expect(event).toMatchObject({ kind: "promoted", figures: { disagreement: { canary: 0 } } });
    expect((event as any).figures.disagreement.numCanary).toBeGreaterThanOrEqual(50);
  }, 180_000);
});

describe("the bundled demo model", () => {
  const lines = readFileSync(join(repository, "eval/one-1.jsonl"), "utf8").trimEnd().split("\n").slice(0, 12);
  const questions = lines.map((line) => {
    const { image, questions: asked } = JSON.parse(line);
    return [
      { type: "image_url", image_url: { url: image } },
      { type: "text", text: asked[0].question },
    ];
  });

  async function compare(v2: Behaviour) {
    const setup = await shadowed({ v1: { open: () => loadTiny() }, v2 });
    for (const content of questions) {
      const { status } = await setup.ask({}, { messages: [{ role: "user", content }], temperature: 0.7 });
      expect(status).toBe(200);
    }
    await until(() => expect(figures(setup)!.numPairs).toBe(questions.length));
    return figures(setup)!;
  }

  it("agrees with itself, word by word, on pictures and with drawn tokens", async () => {
    const found = await compare({ open: () => loadTiny() });
    expect(found).toMatchObject({ numExact: questions.length, similarity: 1, numFailed: 0 });
    expect(found.firstTokenMs.mirrored).toBeGreaterThan(0);
  });

  it("disagrees with itself when a matrix of its eye is disturbed", async () => {
    const damaged = temporaryFolder();
    disturb(join(repository, "checkpoints/ocellus-tiny"), damaged, 6);
    const found = await compare({ open: () => loadTiny({}, damaged) });
    expect(found.numFailed).toBe(0);
    expect(found.similarity).toBeLessThan(0.8);
  });
});
