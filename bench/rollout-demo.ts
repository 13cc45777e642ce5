/**
 * The analysis at work on the bundled demo model, in a server of its own under the load of eight users: a good change (fp32 → int4)
 * and one that looks good from outside (one matrix of one layer disturbed: same speed, same lengths, no errors).
 * `npm run bench -- rollout-demo [NOISE]`; NOISE is the disturbance relative to the matrix's own spread.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { deploy, Registry, startCanary } from "../src/rollout/index.js";
import { serveProcess } from "../test/support/serve-process.js";
import { askProd, publishBundled } from "./support/bundled-versions.js";
import { questionAt } from "./support/questions.js";

const evaluation = ["one-1", "crowded-1", "dialog-1"].map((name) =>
  resolve(import.meta.dirname, `../eval/${name}.jsonl`),
);
const steps = [0.25, 0.5];
const numUsers = 8;

export async function main([noise = "3"]: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-rollout-"));
  try {
    const registryFolder = publishBundled(folder, Number(noise));
    const registry = await Registry.open({ folder: registryFolder });
    await registry.run("bench", deploy("prod", "fp32"));
    const server = await serveProcess(["--registry", registryFolder, "--golden", evaluation.join(",")]);
    try {
      console.log("canary    outcome      requests   golden questions   seconds   reason");
      await rollout(registry, server.url, "int4");
      await rollout(registry, server.url, "damaged");
    } finally {
      await server.stop();
      await registry.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function rollout(registry: Registry, url: string, tag: string): Promise<void> {
  const started = performance.now();
  const { seq } = await registry.run("bench", startCanary("prod", tag, { steps, analysis: true }));
  let isOver = false;
  let numRequests = 0;
  const user = async (name: number) => {
    for (let i = 0; !isOver; i++) {
      const question = await questionAt(name * 1000 + i);
      await askProd(url, `user ${name} ${i}`, question.url, question.text);
      numRequests++;
    }
  };
  const users = Promise.all(Array.from({ length: numUsers }, (_, name) => user(name)));
  while ((await registry.refresh()).aliases.get("prod")!.canary) await new Promise((turn) => setTimeout(turn, 100));
  isOver = true;
  await users;
  const decisions = (await registry.history()).filter((entry) => entry.seq > seq);
  const { event } = decisions.at(-1)!;
  const { figures, reason } = event as { figures?: { golden?: { numCanary: number } }; reason?: string };
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `${tag.padEnd(9)} ${event.kind.padEnd(12)} ${String(numRequests).padStart(8)} ${String(figures?.golden?.numCanary ?? 0).padStart(18)} ${seconds.padStart(9)}   ${reason}`,
  );
}
