/** Versions that do not fit into memory beside each other: one takes the other's place while requests wait, or is refused with reasons. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { deploy, rollBack, startCanary, startShadow } from "../src/rollout/index.js";
import {
  type Behaviour,
  startVersionedServer,
  type VersionedOptions,
  type VersionedServer,
} from "./support/versioned-server.js";

const open: VersionedServer[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0)) await one.close();
});

/** 100 bytes for all versions. */
async function setUp(behaviours: Record<string, Behaviour>, options: VersionedOptions = {}): Promise<VersionedServer> {
  const setup = await startVersionedServer(behaviours, { memoryBytes: 100, ...options });
  open.push(setup);
  return setup;
}

async function last({ registry }: VersionedServer) {
  await registry.refresh();
  const { actor, event } = (await registry.history()).at(-1)!;
  return { actor, ...event };
}

async function run({ registry, deployments }: VersionedServer, ...commands: Parameters<typeof registry.run>[1][]) {
  for (const command of commands) await registry.run("test", command);
  await deployments.settle();
}

const half = { steps: [0.5], analysis: false };
const large = { bytes: 60 };

describe("a swap", () => {
  it("fails no request: they wait, and are answered by the new version", async () => {
    const setup = await setUp({ v1: { ...large, answerMs: 20 }, v2: { ...large, answerMs: 20, loadMs: 300 } });
    let isOver = false;
    const answers: { status: number; said: string }[] = [];
    const client = async (user: number) => {
      while (!isOver) answers.push(await setup.ask({}, { user: `user ${user}` }));
    };
    const clients = Promise.all(Array.from({ length: 12 }, (_, user) => client(user)));
    await until(() => expect(answers.length).toBeGreaterThan(50));
    await run(setup, deploy("prod", "v2"));
    const numBefore = answers.length;
    await until(() => expect(answers.length).toBeGreaterThan(numBefore + 50));
    isOver = true;
    await clients;
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers.map(({ said }) => said).join()).toMatch(/^(v1,)+(v2,?)+$/);
    expect(setup.closed).toEqual(["v1"]);
    expect(setup.loads).toEqual(["v1", "v2"]);
    expect(await last(setup)).toMatchObject({ kind: "deployed", tag: "v2" });
  });

  it("whose new version cannot be loaded is undone: the old one answers who waited, and the journal says why", async () => {
    const setup = await setUp({ v1: large, v2: { ...large, loadMs: 200, loadFails: true } });
    const swapping = run(setup, deploy("prod", "v2"));
    await until(() => expect(setup.loads).toEqual(["v1", "v2"]));
    const waiting = [setup.ask(), setup.ask({}, { model: "v1" })];
    await swapping;
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ status: 200, said: "v1" });
    expect(setup.loads).toEqual(["v1", "v2", "v1"]);
    expect(await last(setup)).toEqual({
      ...{ actor: "server", kind: "rolled_back", alias: "prod", from: "v2", to: "v1", reason: "broken weights" },
    });
    await setup.deployments.settle();
    expect(setup.loads).toHaveLength(3); // it is not tried again
  });

  it("is given up when the running answers do not end in time; they continue", async () => {
    const setup = await setUp({ v1: { ...large, answerMs: 1500 }, v2: large }, { drainMs: 100 });
    const running = setup.ask();
    await until(() => expect(setup.server.gate("v1").stats.running).toBe(1));
    await run(setup, deploy("prod", "v2"));
    expect(await last(setup)).toMatchObject({
      from: "v2",
      to: "v1",
      reason: expect.stringMatching(/still being written/),
    });
    expect(await running).toMatchObject({ status: 200, said: "v1" });
    expect(setup.closed).toEqual([]);
  });

  it("keeps the limits of the queue and the deadlines of those who wait", async () => {
    const config = { deadlineMs: 2000 };
    const setup = await setUp({ v1: large, v2: { ...large, loadMs: 6000 } }, { maxQueue: 2, config });
    const swapping = run(setup, deploy("prod", "v2"));
    await until(() => expect(setup.loads).toEqual(["v1", "v2"]));
    const statuses = await Promise.all([setup.ask(), setup.ask(), setup.ask(), setup.ask()]);
    expect(statuses.map(({ status }) => status).sort()).toEqual([429, 429, 504, 504]);
    await swapping;
    expect(await setup.ask()).toMatchObject({ status: 200, said: "v2" });
  });

  it("is not begun where it would make no room, and says in what format it would fit", async () => {
    const setup = await setUp({ v1: large, v2: { bytes: 200 } });
    await run(setup, deploy("prod", "v2"));
    expect(await last(setup)).toMatchObject({
      ...{ actor: "server", kind: "rolled_back", to: "v1" },
      reason: "v2 takes 200 B of memory; 100 B of --memory-bytes 100 B are free; packed as int4 it would fit",
    });
    expect(setup.loads).toEqual(["v1"]);
    expect(await setup.ask()).toMatchObject({ said: "v1" });
  });

  it("is not begun for one alias with what another one serves", async () => {
    const setup = await setUp({ v1: large, v2: large });
    await run(setup, deploy("test", "v1"), deploy("prod", "v2"));
    expect(await last(setup)).toMatchObject({ reason: expect.stringMatching(/40 B of .* are free beside v1/) });
    expect(await setup.ask()).toMatchObject({ said: "v1" });
  });

  it("also brings back a version that is not warm any more", async () => {
    const setup = await setUp({ v1: large, v2: large });
    await run(setup, deploy("prod", "v2"), rollBack("prod"));
    expect(await setup.ask()).toMatchObject({ said: "v1" });
    await run(setup, deploy("prod", "v2"));
    await run(setup, rollBack("prod"));
    expect(await setup.ask()).toMatchObject({ said: "v1" });
    expect(setup.loads).toEqual(["v1", "v2", "v1"]);
  });
});

describe("where there is room", () => {
  it("what is only kept warm makes it, and no one waits", async () => {
    const setup = await setUp({ v1: { bytes: 30 }, v2: { bytes: 30 }, v3: { bytes: 60 } });
    await run(setup, deploy("prod", "v2"));
    expect(setup.closed).toEqual([]);
    await run(setup, deploy("prod", "v3"));
    expect(setup.closed).toEqual(["v1"]);
    expect(await setup.ask()).toMatchObject({ said: "v3" });
    expect(setup.deployments.loaded("v2")).toBeDefined();
  });

  it("what an alias has left stays loaded for as long as was said, and then goes", async () => {
    const setup = await setUp({ v1: large, v2: { bytes: 30 } }, { keepWarmMs: 60_000 });
    const clock = vi.spyOn(performance, "now");
    const [at, sweeps] = [performance.now(), () => new Promise((resolve) => setTimeout(resolve, 1500))];
    clock.mockImplementation(() => at);
    await run(setup, deploy("prod", "v2"));
    await sweeps();
    clock.mockImplementation(() => at + 59_000);
    await sweeps();
    expect(setup.closed).toEqual([]);
    clock.mockImplementation(() => at + 61_000);
    await until(() => expect(setup.closed).toEqual(["v1"]));
    expect(setup.deployments.loaded("v2")).toBeDefined();
  });
});

describe("a trial without room", () => {
  it("is turned back by the server, with what would fit; users notice nothing", async () => {
    const setup = await setUp({ v1: large, v2: large });
    await run(setup, startCanary("prod", "v2", half));
    expect(await last(setup)).toMatchObject({
      ...{ actor: "server", kind: "rolled_back", from: "v2", to: "v1" },
      reason:
        "v2 takes 60 B of memory; 40 B of --memory-bytes 100 B are free beside v1; packed as int4 it would fit; " +
        "`ocellus rollout deploy prod v2` would put it in the place of v1",
    });
    await until(() => expect(setup.deployments.aliases[0]).not.toHaveProperty("canary.tag"));
    expect(setup.closed).toEqual([]);
  });

  it("is refused by the admin API before anything is written", async () => {
    const setup = await setUp({ v1: large, v2: large });
    const { seq } = setup.registry.state;
    for (const name of ["canary", "shadow"]) {
      const response = await setup.server.post(`/admin/v1/aliases/prod/${name}`, { version: "v2" });
      expect([response.status, ((await response.json()) as any).error.message]).toEqual([
        413,
        expect.stringMatching(/v2 takes 60 B of memory; 40 B/),
      ]);
    }
    expect((await setup.registry.refresh()).seq).toBe(seq);
  });

  it("as a shadow is ended", async () => {
    const setup = await setUp({ v1: large, v2: large });
    await run(setup, startShadow("prod", "v2"));
    expect(await last(setup)).toMatchObject({ actor: "server", kind: "shadow_ended" });
  });

  it("is told to whoever has asked for it, by the server's own words", async () => {
    const setup = await setUp({ v1: large, v2: large, v3: { bytes: 10 } });
    const said = async () =>
      (await setup.registry.reports.read()).filter(({ alias }) => alias === "prod").map((row) => row.detail);
    await run(setup, deploy("prod", "v3"));
    await until(async () => expect(await said()).toEqual([expect.stringMatching(/^v3 was loaded beside v1 in/)]));
    await run(setup, rollBack("prod"));
    await until(async () => expect(await said()).toEqual(["was loaded already"]));
    await run(setup, deploy("prod", "v2"));
    const way = /^v2 took the place of v1, v3 in \d+\.\d s; 0 requests waited$/;
    await until(async () => expect(await said()).toEqual([expect.stringMatching(way)]));
  });
});
