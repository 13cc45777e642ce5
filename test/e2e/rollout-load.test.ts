/** Versions change in a real server under a steady load: nothing fails, nothing is dropped, and no conversation changes its version. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../../src/core/base/until.testkit.js";
import { deploy, promote, type RegistryCommand, rollBack, startCanary } from "../../src/rollout/index.js";
import { temporaryFolder } from "../support/folders.js";
import { type Published, publishVersions } from "../support/published.js";
import type { ServeProcess } from "../support/serve-process.js";
import { SteadyLoad } from "../support/steady-load.js";

let published: Published;
let server: ServeProcess;
beforeAll(async () => {
  published = await publishVersions(temporaryFolder());
  server = await published.serve(3, "--threads", "1");
}, 240_000);
afterAll(async () => {
  await server?.stop();
  await published?.registry.close();
});

/** Resolves when the server has said what it made of it. */
async function given(command: RegistryCommand, words: RegExp): Promise<void> {
  const { registry } = published;
  const { seq } = await registry.run("test", command);
  await until(async () => {
    const found = (await registry.reports.read()).find((report) => report.alias !== "" && report.seq >= seq);
    expect(found).toMatchObject({ state: "serving", detail: expect.stringMatching(words) });
  });
}

it("fails and drops no request over deploy, canary, promotion, rollback and swap", { timeout: 240_000 }, async () => {
  const load = new SteadyLoad(server.url, 6);
  try {
    await load.more(12);
    await given(deploy("prod", "v2"), /^v2 was loaded beside v1 in/);
    await load.more(12);
    await given(startCanary("prod", "v3", { steps: [0.5], analysis: false }), /^v3 was loaded beside v1, v2 in/);
    await load.more(30);
    await given(promote("prod"), /^was loaded already$/);
    await load.more(12);
    for (const versions of load.conversations().values()) expect(versions).toHaveLength(1);
    await given(rollBack("prod"), /^was loaded already$/);
    const rolledBack = performance.now();
    await load.more(12);
    await given(deploy("first", "v1"), /loaded already/);
    await given(deploy("third", "v3"), /loaded already/); // now all that is loaded is wanted
    await given(deploy("prod", "v4"), /^v4 took the place of v2 in .* requests waited$/);
    const swapped = performance.now();
    await load.more(12);
    await load.stop();
    expect(load.problems).toEqual([]);
    const versionsFrom = (time: number, until: number) =>
      new Set(load.asked.filter(({ started }) => started > time && started < until).map(({ version }) => version));
    expect([...versionsFrom(0, Number.POSITIVE_INFINITY)].sort()).toEqual(["v1", "v2", "v3", "v4"]);
    expect([...versionsFrom(rolledBack, swapped)]).not.toContain("v3");
    expect([...versionsFrom(swapped, Number.POSITIVE_INFINITY)]).toContain("v4");
  } finally {
    await load.stop();
  }
});
