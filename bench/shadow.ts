/**
 * What a shadow costs those who ask, and what it says: the bundled demo model in int4, asked about pictures by users who ask again
 * as soon as they have their answer, without a shadow and with several: `npm run bench -- shadow load [USERS] [SECONDS]`. And the
 * canary analysis that has nothing but agreement to tell a version with a disturbed matrix from the same one again: `… shadow analysis [USERS]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WireAdminState } from "../src/protocol/index.js";
import { deploy, endShadow, Registry, startCanary, startShadow } from "../src/rollout/index.js";
import { serveProcess } from "../test/support/serve-process.js";
import { askProd, ocellus, publishBundled } from "./support/bundled-versions.js";
import { questionAt } from "./support/questions.js";

/** Of the disturbed matrix, as in `rollout-demo`. */
const noise = 3;

/** Between what equal weights agree on and what the disturbed ones do. */
const floor = 0.97;

export async function main([what = "load", users = "2", seconds = "20"]: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-shadow-"));
  try {
    const registryFolder = publishBundled(folder, noise);
    ocellus("rollout", "publish", join(folder, "packed-int4"), "--tag", "again", "--registry", registryFolder);
    const registry = await Registry.open({ folder: registryFolder });
    await registry.run("bench", deploy("prod", "int4"));
    const server = await serveProcess(["--registry", registryFolder, "--insecure-local-admin"]);
    try {
      await load(server.url, Number(users), 5); // warm
      if (what === "analysis") await analysis(registry, server.url, Number(users));
      else await compare(registry, server.url, Number(users), Number(seconds));
    } finally {
      await server.stop();
      await registry.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(registry: Registry, url: string, numUsers: number, seconds: number): Promise<void> {
  console.log("shadow     answers  ms: median    95 %    pairs  dropped  failed   alike   the same");
  for (const shadow of [undefined, "fp32", undefined, "damaged", undefined, "again", undefined]) {
    await registry.run("bench", shadow === undefined ? endShadow("prod") : startShadow("prod", shadow));
    while ((await aliasOf(url)).shadow !== shadow) await new Promise((turn) => setTimeout(turn, 100));
    const times = await load(url, numUsers, seconds);
    report(shadow, times, (await aliasOf(url)).comparison);
  }
}

async function analysis(registry: Registry, url: string, numUsers: number): Promise<void> {
  console.log("canary    outcome      requests   pairs of the last step   seconds   reason");
  for (const tag of ["again", "damaged"]) {
    const plan = { steps: [0.25, 0.5], analysis: true, agreement: { floor, share: 1 } };
    await registry.run("bench", startCanary("prod", tag, plan));
    const started = performance.now();
    let numRequests = 0;
    while ((await registry.refresh()).aliases.get("prod")!.canary) numRequests += (await load(url, numUsers, 1)).length;
    const { event } = (await registry.history()).at(-1)!;
    const { reason, figures } = event as { reason?: string; figures?: Record<string, { numCanary: number }> };
    const numPairs = String(figures?.disagreement?.numCanary ?? 0);
    const passed = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `${tag.padEnd(9)} ${event.kind.padEnd(12)} ${String(numRequests).padStart(8)} ${numPairs.padStart(24)} ${passed.padStart(9)}   ${reason}`,
    );
  }
}

async function aliasOf(url: string): Promise<WireAdminState["aliases"][number]> {
  const state = (await (await fetch(`${url}/admin/v1/state`)).json()) as WireAdminState;
  const alias = state.aliases[0]!;
  return alias.is_in_force ? alias : aliasOf(url);
}

let asked = 0;

/** @returns the milliseconds of each answer, ascending */
async function load(url: string, numUsers: number, seconds: number): Promise<number[]> {
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  const user = async (name: number) => {
    while (performance.now() < end) {
      const question = await questionAt(asked++);
      const started = performance.now();
      await askProd(url, `user ${name} ${asked}`, question.url, question.text);
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: numUsers }, (_, name) => user(name)));
  return times.sort((a, b) => a - b);
}

function report(
  shadow: string | undefined,
  times: readonly number[],
  found: WireAdminState["aliases"][number]["comparison"],
): void {
  const at = (part: number) => times[Math.floor(part * (times.length - 1))]!.toFixed(0).padStart(8);
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`.padStart(9);
  const said = found
    ? `${String(found.num_pairs).padStart(7)} ${String(found.num_dropped).padStart(8)} ${String(found.num_failed).padStart(7)}` +
      `${percent(found.similarity)} ${percent(found.num_exact / found.num_pairs)}`
    : "";
  console.log(`${(shadow ?? "none").padEnd(9)} ${String(times.length).padStart(8)} ${at(0.5)} ${at(0.95)} ${said}`);
}
