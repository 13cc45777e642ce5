/** What is looked at before somebody decides about a version: figures over time, differences, metrics by version. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { writeCheckpoint } from "../src/inspect/unknown-family.testkit.js";
import { startCanary, startShadow } from "../src/rollout/index.js";
import { temporaryFolder } from "./support/folders.js";
import { noPromtool, promtoolSays } from "./support/promtool.js";
import { type Behaviour, startVersionedServer, type VersionedServer } from "./support/versioned-server.js";

const open: VersionedServer[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function setUp(behaviours: Record<string, Behaviour>): Promise<VersionedServer> {
  const setup = await startVersionedServer(behaviours);
  open.push(setup);
  return setup;
}

async function get({ server }: VersionedServer, path: string): Promise<any> {
  return (await fetch(`${server.url}/admin/v1/${path}`)).json();
}

describe("figures over time", () => {
  it("are of every version that an alias asks, a failing canary's beside the stable one's, and of its testers' shadow", async () => {
    const setup = await setUp({ v1: {}, v2: { fails: () => true }, v3: {} });
    await setup.registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: false }));
    await setup.registry.run("test", startShadow("prod", "v3"));
    await setup.deployments.settle();
    for (let user = 0; user < 20; user++) await setup.ask({}, { user: `user ${user}` });
    await setup.ask({ "x-ocellus-version": "v3" });
    await setup.ask({}, { temperature: "hot" }); // the client's fault, and no one's figure
    const { series, alias, step_s } = await get(setup, "aliases/prod/figures");
    expect([alias, step_s]).toEqual(["prod", 20]);
    expect(series.map(({ version, role }: any) => [version, role])).toEqual([
      ...[["v1", "stable"] as const, ["v2", "canary"] as const, ["v3", "shadow"] as const],
    ]);
    const [stable, canary, shadow] = series;
    expect(stable.total.error.count + canary.total.error.count).toBe(20);
    expect([stable.total.error.value, canary.total.error.value, shadow.total.error.count]).toEqual([0, 1, 1]);
    expect(canary.total.error.low).toBeGreaterThan(0.3);
    expect(canary.total).not.toHaveProperty("malformed");
    expect(stable.total.tokens_per_second_p50.value / 100).toBeCloseTo(1, 1);
    expect(stable.points.at(-1).first_token_ms_p95.value).toBeGreaterThan(0);
  });

  it("are asked for by an alias there is and a time that is kept", async () => {
    const setup = await setUp({ v1: {} });
    expect((await get(setup, "aliases/prod/figures?minutes=1440")).step_s).toBe(2400);
    expect((await get(setup, "aliases/prot/figures")).error).toMatchObject({ code: "not_found" });
    expect((await get(setup, "aliases/prod/figures?minutes=2000")).error).toMatchObject({ param: "minutes" });
  });
});

const shapes = {
  "visual.blocks.0.attn.qkv.weight": [8, 8],
  "model.layers.0.mlp.up_proj.weight": [8, 8],
  "model.layers.1.mlp.up_proj.weight": [8, 8],
};

/** A checkpoint of some tensors; those of `moved` are other numbers. */
function checkpoint(moved: string, config: object, of: Record<string, number[]> = shapes): Promise<string> {
  const value = (name: string, i: number) => Math.sin(i + 1) + (name === moved ? 0.1 : 0);
  return writeCheckpoint(join(temporaryFolder(), "checkpoint"), of, config, value);
}

describe("what differs between two versions", () => {
  it("is told from headers at once, and value by value when somebody says so; once for the same pair", async () => {
    const moved = "model.layers.1.mlp.up_proj.weight";
    const more = { ...shapes, "model.layers.1.mlp.gate_proj.weight": [8, 4] };
    const setup = await setUp({
      v1: { folder: await checkpoint("", { rope_theta: 10_000 }) },
      v2: { folder: await checkpoint(moved, { rope_theta: 20_000 }, more) },
    });
    const first = await get(setup, "diff?a=v1&b=v2");
    expect(first).toMatchObject({
      ...{ a: "v1", b: "v2", removed: { count: 0, data: [] }, values: { state: "unread" } },
      configs: { count: 1, data: [{ file: "config.json", path: "rope_theta", a: "10000", b: "20000" }] },
      added: { count: 1, data: [{ name: "model.layers.1.mlp.gate_proj.weight", shape: [8, 4], dtype: "bf16" }] },
    });
    expect(JSON.stringify(first)).not.toContain(setup.registry.blobs.path("sha256:0").slice(0, 12)); // no path is told
    const started = await setup.server.post("/admin/v1/diff", { a: "v1", b: "v2" });
    expect(((await started.json()) as any).values.state).toBe("running");
    const done = await until(async () => {
      const found = await get(setup, "diff?a=v1&b=v2");
      expect(found.values.state).toBe("done");
      return found;
    });
    const [vision, decoder] = done.values.parts;
    expect([vision.num_changed, vision.relative]).toEqual([0, 0]);
    const relatives = decoder.modules.data.map(({ module, relative }: any) => [module, relative > 0]);
    expect(relatives).toEqual([
      ["model.layers.0", false],
      ["model.layers.1", true],
    ]);
    expect(done.values.tensors).toMatchObject({ count: 1, data: [{ name: moved, num_changed: 64 }] });
    expect(done.summary).toMatch(/only the decoder moved/);
    const again = await setup.server.post("/admin/v1/diff", { a: "v1", b: "v2" });
    expect(((await again.json()) as any).values, "nothing is read twice").toEqual(done.values);
  });

  it("is refused where there is nothing to compare, and says what cannot be read", async () => {
    const setup = await setUp({ v1: {}, v2: {} });
    expect((await get(setup, "diff?a=v1")).error).toMatchObject({ param: "b" });
    expect((await get(setup, "diff?a=v1&b=v1")).error).toMatchObject({ code: "invalid_request" });
    expect((await get(setup, "diff?a=v1&b=v9")).error).toMatchObject({ code: "not_found" });
    expect((await get(setup, "diff?a=v1&b=v2")).error.code).toMatch(/invalid_file|not_found/);
  });
});

describe("/metrics by version", () => {
  it.skipIf(noPromtool)("tells requests, tokens and first tokens, and passes promtool's check", async () => {
    const setup = await setUp({ v1: {}, v2: { fails: (n) => n % 2 === 1 } });
    await setup.registry.run("test", startCanary("prod", "v2", { steps: [1], analysis: false }));
    await setup.deployments.settle();
    for (let i = 0; i < 4; i++) await setup.ask();
    await setup.ask({}, { model: "v1" });
    const text = await (await fetch(`${setup.server.url}/metrics`)).text();
    for (const line of [
      'ocellus_version_requests_total{alias="prod",version="v2",outcome="ok"} 2',
      'ocellus_version_requests_total{alias="prod",version="v2",outcome="failed"} 2',
      'ocellus_version_requests_total{alias="",version="v1",outcome="ok"} 1',
      'ocellus_version_completion_tokens_total{alias="prod",version="v2"} 2',
      'ocellus_version_time_to_first_token_seconds_count{alias="prod",version="v2"} 2',
    ])
      expect(text).toContain(`${line}\n`);
    expect(promtoolSays(text)).toBe("");
  });

  it("has numbers of the pairs that were asked last, and of no more", async () => {
    const { server } = await setUp({ v1: {} });
    const { metrics } = server.services;
    for (let i = 0; i < 40; i++) {
      const resolution = { tag: `v${i}`, alias: "prod", role: "stable", reason: "" } as const;
      metrics.versions.note(resolution, undefined, { completionTokens: 1, firstTokenMs: 5 });
    }
    const text = await metrics.registry.metrics();
    const versions = new Set([...text.matchAll(/^ocellus_version_\w+\{.*version="(\w+)"/gm)].map(([, tag]) => tag));
    expect([versions.size, versions.has("v7"), versions.has("v8")]).toEqual([32, false, true]);
  });
});

describe("every value of a version", () => {
  it("is read when somebody says so, once, and given as the inspect page has it", async () => {
    const setup = await setUp({ v1: { folder: await checkpoint("", {}) }, v2: {} });
    expect(await get(setup, "versions/v1/examination")).toMatchObject({ id: "v1", state: "unread" });
    const begin = (version: string) => setup.server.post(`/admin/v1/versions/${version}/examination`, {});
    expect(await (await begin("v1")).json()).toMatchObject({ state: "running" });
    const done = await until(async () => {
      const found = await get(setup, "versions/v1/examination");
      expect(found.state).toBe("done");
      return found;
    });
    expect(done.report.tensors.map(({ name }: any) => name).sort()).toEqual(Object.keys(shapes).sort());
    expect(done.report.tensors[0].values.bins.length).toBe(64);
    expect(done.report).toMatchObject({ healthy: expect.any(Boolean), rooms: expect.any(Array) });
    expect(((await (await begin("v1")).json()) as any).state, "nothing is read twice").toBe("done");
    expect((await get(setup, "versions/v9/examination")).error.code).toBe("not_found");
    await begin("v2"); // its folder is no checkpoint
    await until(async () => expect((await get(setup, "versions/v2/examination")).state).toBe("failed"));
  });
});
