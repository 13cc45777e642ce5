/** What `ocellus rollout deploy` and its like say of the servers that follow the registry. */

import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import { outcomeOf } from "../src/cli/commands/rollout/deploy-outcome.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { deploy, rollBack, startCanary } from "../src/rollout/index.js";
import { type Behaviour, openVersions } from "./support/versioned-server.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setUp(behaviours: Record<string, Behaviour>) {
  const { versions, close } = await openVersions(behaviours, { memoryBytes: 100 });
  closing.push(close);
  const { registry } = versions;
  const say = async (signal = new AbortController().signal) =>
    (await outcomeOf(registry, "prod", signal)).map(({ detail }) => detail);
  return { ...versions, say };
}

const large = { bytes: 60 };

describe("a command", () => {
  it("waits until the servers serve it, and says how they came to it", async () => {
    const { registry, say } = await setUp({ v1: large, v2: { bytes: 30, loadMs: 500 }, v3: large });
    await registry.run("test", deploy("prod", "v2"));
    expect(await say()).toEqual([expect.stringMatching(/^v2 was loaded beside v1 in \d\.\d s$/)]);
    await registry.run("test", rollBack("prod"));
    expect(await say()).toEqual(["was loaded already"]);
    await registry.run("test", deploy("prod", "v3"));
    expect(await say()).toEqual([expect.stringMatching(/^v3 took the place of v1, v2 in/)]);
  });

  it("fails when a server takes it back, with the reason", async () => {
    const { registry, say } = await setUp({ v1: large, v2: large, v3: { ...large, loadFails: true } });
    await registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: false }));
    await expect(say()).rejects.toThrow(
      ocellusError("unavailable", { reason: expect.stringMatching(/v2 .*60 B.*40 B/) }),
    );
    await registry.run("test", deploy("prod", "v3"));
    await expect(say()).rejects.toThrow(
      ocellusError("unavailable", { reason: expect.stringContaining("broken weights") }),
    );
  });

  it("fails when a server cannot load the version", async () => {
    const { registry, say } = await setUp({ v1: {}, v2: { loadFails: true } });
    await registry.run("test", deploy("prod", "v2"));
    await expect(say()).rejects.toThrow(
      ocellusError("unavailable", { server: expect.any(String), reason: expect.stringContaining("v2: broken") }),
    );
  });

  it("does not wait where no server follows, nor forever for one that was killed", async () => {
    const { registry, deployments, say } = await setUp({ v1: {}, v2: {} });
    const killed = `${hostname()}:${spawnSync("true").pid}`;
    await registry.reports.put({ server: killed, alias: "test", seq: 1, state: "loading", detail: "for ever" });
    await registry.reports.forgetKilled();
    expect((await registry.reports.read()).map(({ server }) => server)).not.toContain(killed);
    await registry.reports.put({ server: "gone:1", alias: "prod", seq: 1, state: "loading", detail: "for ever" });
    await registry.run("test", deploy("prod", "v2"));
    expect(await say()).toEqual([expect.stringMatching(/^v2 was loaded/)]);
    await deployments.close();
    await registry.reports.forget("gone:1");
    expect(await say()).toEqual([]);
  });
});
