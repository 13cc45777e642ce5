/** Versions behind an alias: who gets which, what a change does to those who are asking, and an analysis that decides by itself. */
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { deploy, promote, rollBack, startCanary, startShadow } from "../src/rollout/index.js";
import { GoldenRunner } from "../src/server/index.js";
import { type Behaviour, startVersionedServer, type VersionedServer } from "./support/versioned-server.js";

const open: VersionedServer[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function setUp(behaviours: Record<string, Behaviour>, keepWarmMs?: number): Promise<VersionedServer> {
  const setup = await startVersionedServer(behaviours, keepWarmMs === undefined ? {} : { keepWarmMs });
  open.push(setup);
  return setup;
}

const half = { steps: [0.5], analysis: false };
const asUser = (user: number) => ({ user: `user ${user}` });

describe("an alias", () => {
  it("answers with its version, by alias, by tag and without a name, and says which it was", async () => {
    const { ask, server } = await setUp({ v1: {} });
    expect(await ask()).toEqual({ status: 200, said: "v1", version: "v1" });
    expect(await ask({}, { model: "v1" })).toMatchObject({ said: "v1" });
    expect(await ask({}, { model: undefined })).toMatchObject({ said: "v1" });
    expect((await ask({}, { model: "prot" })).said).toMatch(/no model "prot".*prod/);
    const ids = ((await (await fetch(`${server.url}/v1/models`)).json()) as any).data.map((model: any) => model.id);
    expect(ids).toEqual(["prod", "v1"]);
  });

  it("splits users stickily, and a tester's header goes past the split", async () => {
    const { ask, registry, deployments } = await setUp({ v1: {}, v2: {} });
    await registry.run("test", startCanary("prod", "v2", half));
    await deployments.settle();
    const users = Array.from({ length: 60 }, (_, user) => user);
    const first = await Promise.all(users.map((user) => ask({}, asUser(user))));
    const second = await Promise.all(users.map((user) => ask({}, asUser(user))));
    expect(second.map(({ said }) => said)).toEqual(first.map(({ said }) => said));
    expect(new Set(first.map(({ said }) => said))).toEqual(new Set(["v1", "v2"]));
    for (const user of users.slice(0, 10))
      expect((await ask({ "x-ocellus-version": "v2" }, asUser(user))).said).toBe("v2");
    expect((await ask({ "x-ocellus-version": "v9" })).status).toBe(503);
  });

  it("keeps a conversation with the version it began with, over a promotion, but not over a rollback", async () => {
    const { ask, registry, deployments } = await setUp({ v1: {}, v2: {} });
    await registry.run("test", startCanary("prod", "v2", half));
    await deployments.settle();
    const talks = Array.from({ length: 30 }, (_, i) => ({ "x-ocellus-conversation": `talk-${i}` }));
    const before = await Promise.all(talks.map((talk) => ask(talk)));
    await registry.run("test", promote("prod"));
    await deployments.settle();
    const after = await Promise.all(talks.map((talk) => ask(talk)));
    expect(after.map(({ said }) => said)).toEqual(before.map(({ said }) => said));
    expect((await ask({ "x-ocellus-conversation": "new" })).said).toBe("v2");
    await registry.run("test", rollBack("prod"));
    await deployments.settle();
    for (const talk of talks) expect((await ask(talk)).said).toBe("v1");
  });

  it("moves a conversation away from a canary that is turned back, also where that had served before", async () => {
    const { ask, registry, deployments } = await setUp({ v1: {}, v2: {} });
    for (const command of [deploy("prod", "v2"), startCanary("prod", "v1", { steps: [1], analysis: false })])
      await registry.run("test", command);
    await deployments.settle();
    const talk = { "x-ocellus-conversation": "talk" };
    expect((await ask(talk)).said).toBe("v1");
    await registry.run("test", rollBack("prod"));
    expect((await ask(talk)).said).toBe("v2");
  });

  it("is served while its canary loads, and when that cannot be loaded", async () => {
    const { ask, registry, deployments } = await setUp({ v1: {}, v2: { loadFails: true }, v3: { loadMs: 200 } });
    await registry.run("test", deploy("other", "v3"));
    await registry.run("test", startCanary("other", "v2", half)); // before v3 is there
    await deployments.settle();
    expect(deployments.failures.get("v2")).toBe("broken weights");
    expect(await ask({}, { model: "other" })).toMatchObject({ status: 200, said: "v3" });
  });

  it("continues with the version before while the next one loads, and when it cannot be loaded", async () => {
    const { ask, registry, deployments } = await setUp({ v1: {}, v2: { loadMs: 300 } });
    await registry.run("test", deploy("prod", "v2"));
    const settling = deployments.settle();
    expect((await ask()).said).toBe("v1");
    await settling;
    expect((await ask()).said).toBe("v2");
  });
});

describe("changes under load", () => {
  it("fail no request and close no version under one: deploy, canary, promote, roll back, with short warmth", async () => {
    const { ask, registry, deployments, closed } = await setUp({ v1: {}, v2: {}, v3: { loadMs: 50 } }, 0);
    let isOver = false;
    const statuses: number[] = [];
    const client = async (user: number) => {
      while (!isOver) statuses.push((await ask({}, asUser(user))).status);
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, user) => client(user)));
    for (const command of [
      deploy("prod", "v2"),
      startCanary("prod", "v3", half),
      promote("prod"),
      rollBack("prod"),
      startShadow("prod", "v1"),
      deploy("prod", "v3"),
    ]) {
      await registry.run("test", command);
      await deployments.settle();
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await until(() => expect(closed).toContain("v2"));
    await until(() => expect(statuses.length).toBeGreaterThan(100));
    isOver = true;
    await clients;
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  it("close no version under a golden question", async () => {
    const { registry, deployments, closed, rollouts, server } = await setUp({ v1: {}, v2: { answerMs: 2500 } }, 0);
    await registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: true }));
    await deployments.settle();
    const said: string[] = [];
    const isGood = (text: string) => said.push(text) > 0;
    const cases = [{ kind: "exact", messages: [{ role: "user" as const, content: "?" }], isGood }];
    const { models, log } = server.services;
    const golden = new GoldenRunner({ cases, deployments, rollouts, models, log });
    await until(() => expect(server.gate("v2").stats.running).toBe(1));
    await registry.run("test", rollBack("prod"));
    await until(() => expect(closed).toEqual(["v2"]));
    expect(said).toEqual(["v1", "v2"]);
    golden.close();
  });

  it("reach another process's server, and a rollback needs no load", async () => {
    const { ask, registry } = await setUp({ v1: {}, v2: { loadMs: 200 } });
    await registry.run("test", deploy("prod", "v2"));
    await until(async () => expect((await ask()).said).toBe("v2"));
    await registry.run("test", rollBack("prod"));
    expect((await ask()).said).toBe("v1"); // the same process heard it at once
  });
});

describe("the canary analysis", () => {
  const analysis = { steps: [0.5, 1], analysis: true };

  async function askUntil(setup: VersionedServer, isOver: () => boolean): Promise<number> {
    let count = 0;
    for (; !isOver() && count < 8000; count += 20)
      await Promise.all(Array.from({ length: 20 }, (_, i) => setup.ask({}, asUser(count + i))));
    return count;
  }

  it("turns back a canary whose answers fail, and says why in the journal", async () => {
    const setup = await setUp({ v1: {}, v2: { fails: (n) => n % 4 === 0 } });
    const { registry } = setup;
    await registry.run("test", startCanary("prod", "v2", analysis));
    const count = await askUntil(setup, () => registry.state.aliases.get("prod")!.canary === undefined);
    expect(registry.state.aliases.get("prod")!.tag).toBe("v1");
    expect(count).toBeLessThan(4000); // the analysis looks twice a second
    const last = (await registry.history()).at(-1)!;
    expect(last).toMatchObject({ actor: "canary-analysis", event: { kind: "rolled_back", from: "v2", to: "v1" } });
    expect((last.event as any).reason).toMatch(/answers that failed: \d+/);
  }, 180_000);

  it("lets on a canary that is no worse, step by step, until it is what everybody gets", async () => {
    const setup = await setUp({ v1: {}, v2: {} });
    const { registry } = setup;
    await registry.run("test", startCanary("prod", "v2", { steps: [0.5, 0.6], analysis: true }));
    await askUntil(setup, () => registry.state.aliases.get("prod")!.tag === "v2");
    const kinds = (await registry.history()).map(({ event }) => event.kind);
    expect(kinds.slice(-3)).toEqual(["canary_started", "share_changed", "promoted"]);
  }, 180_000);

  it("promotes in place of a step that is everybody: no one would be left to compare with", async () => {
    const setup = await setUp({ v1: {}, v2: {} });
    const { registry } = setup;
    await registry.run("test", startCanary("prod", "v2", analysis)); // 50 and 100 %
    await askUntil(setup, () => registry.state.aliases.get("prod")!.tag === "v2");
    const kinds = (await registry.history()).map(({ event }) => event.kind);
    expect(kinds.slice(-2)).toEqual(["canary_started", "promoted"]);
  }, 180_000);

  it("says which version answered which request", async () => {
    const { ask, registry } = await setUp({ v1: {} });
    await ask({ "x-request-id": "question-1" });
    expect(await registry.answers.find("question-1")).toMatchObject({ model: "prod", tag: "v1", role: "stable" });
    await ask({ "x-request-id": "question-1" }); // an id that others know: the first record stays, and none is guessed
    const { requestIds } = await registry.answers.find("question-1").catch(({ details }) => details);
    expect(new Set(requestIds).size).toBe(2);
    expect(await registry.answers.find(requestIds[1])).toMatchObject({ requestId: requestIds[1], tag: "v1" });
    await ask({ "x-request-id": "question_2" });
    expect(await registry.answers.find("questionX2")).toBeUndefined();
    expect(await registry.answers.find("question%")).toBeUndefined();
  });
});
