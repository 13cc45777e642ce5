/**
 * A real server under a steady load of whole and streamed questions, with pictures and without, while its versions change: deploy,
 * canary, promotion, rollback and a swap. Counted: what failed, what was dropped, which conversation changed its version. Measured:
 * how long a rollback to a warm version takes, from the command to the last question that the version left behind was given.
 * `npm run bench -- rollout-load [--clients 8] [--rollbacks 10] [--between 100]`; it exits with 1 when anything failed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deploy, promote, type Registry, type RegistryCommand, rollBack, startCanary } from "../src/rollout/index.js";
import { publishVersions } from "../test/support/published.js";
import { type Asked, SteadyLoad } from "../test/support/steady-load.js";

const options = {
  clients: { type: "string", default: "8" },
  rollbacks: { type: "string", default: "10" },
  between: { type: "string", default: "100" },
} as const;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const [clients, rollbacks, between] = [values.clients, values.rollbacks, values.between].map(Number) as [
    number,
    number,
    number,
  ];
  const folder = mkdtempSync(join(tmpdir(), "ocellus-rollout-load-"));
  try {
    const { registry, serve } = await publishVersions(folder);
    const server = await serve(3);
    const load = new SteadyLoad(server.url, clients);
    const step = new Steps(registry, load, between);
    try {
      await load.more(between);
      await step.take("deploy v2, loaded beside v1", deploy("prod", "v2"));
      await step.take("canary v3 with 50 %, beside both", startCanary("prod", "v3", { steps: [0.5], analysis: false }));
      await step.take("promote v3", promote("prod"));
      reportConversations(load);
      const [byOthers, byServer] = await measureRollbacks(registry, server.url, load, rollbacks, between);
      await registry.run("bench", deploy("first", "v1"));
      await step.settled("first");
      await registry.run("bench", deploy("second", "v2"));
      await step.settled("second");
      await step.take("deploy v4 in place of v3, with no room beside", deploy("prod", "v4"));
      await load.stop();
      report(load.asked);
      reportRollbacks("another process", byOthers);
      reportRollbacks("POST /admin/v1/aliases/prod/rollback", byServer);
      if (load.problems.length > 0) process.exitCode = 1;
    } finally {
      await load.stop();
      await server.stop();
      await registry.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Changes of `prod`, one after the other, with requests between them. */
class Steps {
  readonly #registry: Registry;
  readonly #load: SteadyLoad;
  readonly #between: number;

  constructor(registry: Registry, load: SteadyLoad, between: number) {
    [this.#registry, this.#load, this.#between] = [registry, load, between];
    console.log(`${"step".padEnd(48)} requests   failed   longest ms   what the server says`);
  }

  async take(name: string, command: RegistryCommand): Promise<void> {
    const first = this.#load.asked.length;
    await this.#registry.run("bench", command);
    const words = await this.settled("prod");
    await this.#load.more(this.#between);
    const asked = this.#load.asked.slice(first);
    const longest = Math.max(...asked.map(({ ms }) => ms));
    const failed = asked.filter(({ problem }) => problem !== undefined);
    const numbers = `${String(asked.length).padStart(8)} ${String(failed.length).padStart(8)} ${longest.toFixed(0).padStart(12)}`;
    console.log(`${name.padEnd(48)} ${numbers}   ${words}`);
    for (const { kind, problem } of failed.slice(0, 5)) console.log(`  ${kind}: ${problem}`);
  }

  /** What the server says when it serves the alias as it now is. @throws when it does not */
  async settled(alias: string): Promise<string> {
    const { seq } = this.#registry.state;
    for (;;) {
      const said = (await this.#registry.reports.read()).find((each) => each.alias === alias && each.seq >= seq);
      if (said?.state === "failed") throw new Error(said.detail);
      if (said?.state === "serving") return said.detail;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** From the command to the last question that was sent and still answered by the version that was left. */
async function measureRollbacks(registry: Registry, url: string, load: SteadyLoad, count: number, between: number) {
  const ways = [
    () => registry.run("bench", rollBack("prod")),
    () => fetch(`${url}/admin/v1/aliases/prod/rollback`, { method: "POST", headers, body: "{}" }).then((r) => r.text()),
  ];
  const times: number[][] = [];
  for (const rollBackNow of ways) {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const commanded = performance.now();
      await rollBackNow();
      await load.more(between);
      const late = load.asked.filter(({ started, version }) => version === "v3" && started > commanded);
      found.push(Math.max(0, ...late.map(({ started }) => started - commanded)));
      await registry.run("bench", deploy("prod", "v3")); // it is warm, too
      await load.more(between);
    }
    times.push(found);
  }
  return times as [number[], number[]];
}

const headers = { "content-type": "application/json" };

function reportConversations(load: SteadyLoad): void {
  const all = [...load.conversations().values()];
  const moved = all.filter((versions) => versions.length > 1).length;
  console.log(`\nconversations so far: ${all.length}, of which changed their version: ${moved}\n`);
  if (moved > 0) process.exitCode = 1;
}

function report(asked: readonly Asked[]): void {
  console.log("\nkind                answered   failed");
  for (const kind of new Set(asked.map((each) => each.kind))) {
    const all = asked.filter((each) => each.kind === kind);
    const failed = all.filter(({ problem }) => problem !== undefined).length;
    console.log(`${kind.padEnd(18)} ${String(all.length - failed).padStart(9)} ${String(failed).padStart(8)}`);
  }
}

function reportRollbacks(how: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const most = sorted.at(-1)!;
  console.log(`rollback by ${how}: ${times.length} times, median ${median.toFixed(0)} ms, most ${most.toFixed(0)} ms`);
}
