/**
 * A process that publishes, deploys, tries, analyses and rolls back is killed at random moments: what was acknowledged is there,
 * every version that is there is whole, no alias points at nothing, and every answer that an analysis was told of counts once.
 * OCELLUS_KILLS=200 is the long run.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { compiledUrl } from "../core/base/compiled.testkit.js";
import { seeded } from "./analysis/seeded.testkit.js";
import { modelFolder, openRegistry, temporaryFolder } from "./registry.testkit.js";
import { replay, tagsInUse } from "./state.js";

const numKills = Number(process.env.OCELLUS_KILLS ?? 6);

const worker = (folder: string, model: string, run: number) => `
import { writeFileSync } from "node:fs";
import * as r from ${JSON.stringify(compiledUrl("index.ts", import.meta.url))};
const registry = await r.Registry.open({ folder: ${JSON.stringify(folder)} });
const about = { family: "x", quantization: "y", createdBy: "worker" };
if (registry.state.aliases.get("prod")?.canary) await registry.run("worker", r.rollBack("prod"));
console.log("open");
for (let i = 0; ; i++) {
  const tag = "v${run}-" + i;
  writeFileSync(${JSON.stringify(join(model, "weights.bin"))}, Buffer.alloc(400_000, tag));
  await registry.publish(${JSON.stringify(model)}, { ...about, tag });
  console.log("published " + tag);
  if (!registry.state.aliases.has("prod")) await registry.run("worker", r.deploy("prod", tag));
  else {
    await registry.run("worker", r.startCanary("prod", tag, { steps: [0.5], analysis: false }));
    const step = { alias: "prod", stepSeq: registry.state.seq };
    for (let n = 1; n <= 3; n++) {
      await registry.evidence.add(step, crypto.randomUUID(), n, { error: [["stable", 0, n]] });
      console.log("seen " + n + " of " + step.stepSeq);
      await registry.evidence.analysis(step, { share: 0.5 });
    }
    await registry.run("worker", i % 2 ? r.promote("prod") : r.rollBack("prod"));
  }
  console.log("used " + registry.state.seq);
}`;

it(`survives kill -9 at ${numKills} random moments`, { timeout: 120_000 + numKills * 15_000 }, async () => {
  const folder = await temporaryFolder();
  const random = seeded(Date.now());
  let acknowledged = { versions: 0, seq: 0 };
  for (let kill = 0; kill < numKills; kill++) {
    const model = await modelFolder({ "config.json": "{}" });
    const script = worker(folder, model, kill);
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const numLines = 1 + Math.floor(random() * 8); // by what it has done, not by the clock: machines are slow and fast
    while (said.split("\n").length <= numLines && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, random() * 50));
    expect(child.exitCode, "the worker ended by itself").toBeNull();
    child.kill("SIGKILL");
    await ended;

    const registry = await openRegistry({ folder });
    const { state } = registry;
    expect(replay(await registry.history())).toEqual(state);
    const published = said.match(/published \S+(?=\n)/g) ?? [];
    for (const line of published) expect([...state.versions.keys()]).toContain(line.slice("published ".length));
    expect(state.versions.size).toBeGreaterThanOrEqual(acknowledged.versions + published.length);
    const lastSeq = Number(/used (\d+)\n(?!.*used)/s.exec(said)?.[1] ?? 0);
    expect(state.seq).toBeGreaterThanOrEqual(Math.max(acknowledged.seq, lastSeq));
    const [, numSeen, stepSeq] = /seen (\d) of (\d+)\n(?!.*seen)/s.exec(said) ?? [];
    if (stepSeq !== undefined) {
      const analysis = await registry.evidence.analysis({ alias: "prod", stepSeq: Number(stepSeq) }, { share: 0.5 });
      const { numStable } = analysis!.verdict().figures.error!;
      expect([0, 1]).toContain(numStable - Number(numSeen)); // one more may have been on its way
    }
    for (const tag of tagsInUse(state).keys()) expect(await registry.verify(tag)).toEqual([]);
    for (const tag of state.versions.keys()) expect(await registry.verify(tag)).toEqual([]);
    acknowledged = { versions: state.versions.size, seq: state.seq };
    await registry.collectGarbage(0);
    const stored = existsSync(registry.blobs.folder) ? readdirSync(registry.blobs.folder) : []; // killed before the first
    expect(stored.filter((name) => name.startsWith("."))).toEqual([]);
    await registry.close();
  }
  expect(acknowledged.versions).toBeGreaterThan(1); // it was at work when it was killed
});
