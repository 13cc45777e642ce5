/**
 * A process that publishes, deploys, tries and rolls back is killed at random moments: what was acknowledged is there, every
 * version that is there is whole, and no alias points at nothing. OCELLUS_KILLS=200 is the long run.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { seeded } from "./judge/seeded.testkit.js";
import { modelFolder, openRegistry, temporaryFolder } from "./registry.testkit.js";
import { replay, tagsInUse } from "./state.js";

const numKills = Number(process.env.OCELLUS_KILLS ?? 6);

const worker = (folder: string, model: string, run: number) => `
import { writeFileSync } from "node:fs";
import * as r from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
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
    await registry.run("worker", r.startCanary("prod", tag, { steps: [0.5], judged: false }));
    await registry.run("worker", i % 2 ? r.promote("prod") : r.rollBack("prod"));
  }
  console.log("used " + registry.state.seq);
}`;

it(`survives kill -9 at ${numKills} random moments`, { timeout: 30_000 + numKills * 5_000 }, async () => {
  const folder = await temporaryFolder();
  const random = seeded(Date.now());
  let acknowledged = { versions: 0, seq: 0 };
  for (let kill = 0; kill < numKills; kill++) {
    const model = await modelFolder({ "config.json": "{}" });
    const script = worker(folder, model, kill);
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const numLines = 1 + Math.floor(random() * 5); // by what it has done, not by the clock: machines are slow and fast
    while (said.split("\n").length <= numLines) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, random() * 50));
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
    for (const tag of tagsInUse(state).keys()) expect(await registry.verify(tag)).toEqual([]);
    for (const tag of state.versions.keys()) expect(await registry.verify(tag)).toEqual([]);
    acknowledged = { versions: state.versions.size, seq: state.seq };
    await registry.collectGarbage(0);
    expect(readdirSync(registry.blobs.folder).filter((name) => name.startsWith("."))).toEqual([]);
    await registry.close();
  }
  expect(acknowledged.versions).toBeGreaterThan(1); // it was at work when it was killed
});
