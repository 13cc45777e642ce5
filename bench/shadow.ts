/**
 * What a shadow costs those who ask, and what it says: the model in the box in int4, asked about pictures by users who ask again
 * as soon as they have their answer, without a shadow and with several. `npm run bench -- shadow [USERS] [SECONDS]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WireAdminState } from "../src/protocol/index.js";
import { deploy, endShadow, Registry, startShadow } from "../src/registry/index.js";
import { serveProcess } from "../test/support/serve-process.js";
import { askProd, ocellus, publishBox } from "./support/box-versions.js";
import { questionAt } from "./support/questions.js";

/** Of the disturbed matrix, as in `rollout-demo`. */
const noise = 3;

export async function main([users = "2", seconds = "20"]: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-shadow-"));
  try {
    const registryFolder = publishBox(folder, noise);
    ocellus("publish", join(folder, "packed-int4"), "--tag", "again", "--registry", registryFolder);
    const registry = await Registry.open({ folder: registryFolder });
    await registry.run("bench", deploy("prod", "int4"));
    const server = await serveProcess(["--registry", registryFolder]);
    try {
      console.log("shadow     answers  ms: median    95 %    pairs  dropped  failed   alike   the same");
      await load(server.url, Number(users), 5); // warm
      for (const shadow of [undefined, "again", undefined, "fp32", "damaged", undefined]) {
        await registry.run("bench", shadow === undefined ? endShadow("prod") : startShadow("prod", shadow));
        while ((await aliasOf(server.url)).shadow !== shadow) await new Promise((turn) => setTimeout(turn, 100));
        const times = await load(server.url, Number(users), Number(seconds));
        report(shadow, times, (await aliasOf(server.url)).comparison);
      }
    } finally {
      await server.stop();
      await registry.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
      await askProd(url, `user ${name}`, question.url, question.text);
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
