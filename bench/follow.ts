/**
 * How soon three servers on one database serve what was decided: from the end of the command until the slowest of them has a
 * change in force, and until each of them answers a question with the version that was rolled back to. SQLite is looked at four
 * times a second; PostgreSQL tells. `npm run bench -- follow [ROUNDS]`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deploy, type RegistryCommand, rollBack } from "../src/rollout/index.js";
import { noPostgres, startPostgres } from "../src/rollout/postgres.testkit.js";
import type { ServeProcess } from "../test/support/serve-process.js";
import { adminState, type SharedRegistry, sharedRegistry, versionFor } from "../test/support/several-servers.js";

const numServers = 3;
/** No one waits longer than this for one change; far above what was ever seen. */
const patienceMs = 60_000;

export async function main([text = "20"]: string[]): Promise<void> {
  console.log("database     change                       median    slowest   (ms, the slowest of three servers)");
  await measure("SQLite", Number(text));
  if (noPostgres) return;
  const postgres = await startPostgres();
  try {
    await measure("PostgreSQL", Number(text), await postgres.freshDatabase());
  } finally {
    await postgres.stop();
  }
}

async function measure(name: string, numRounds: number, databaseUrl?: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-follow-"));
  const servers: ServeProcess[] = [];
  let shared: SharedRegistry | undefined;
  try {
    shared = await sharedRegistry(folder, databaseUrl);
    for (let i = 0; i < numServers; i++) servers.push(await shared.serve());
    await time(shared, deploy("prod", "v2"), servers, isInForce); // loads it everywhere
    await time(shared, rollBack("prod"), servers, isInForce);
    const [deployed, rolledBack]: [number[], number[]] = [[], []];
    for (let round = 0; round < numRounds; round++) {
      deployed.push(await time(shared, deploy("prod", "v2"), servers, isInForce));
      rolledBack.push(
        await time(shared, rollBack("prod"), servers, async (server) => (await versionFor(server, "x")) === "v1"),
      );
    }
    report(name, "deployed, in force", deployed);
    report(name, "rolled back, answering", rolledBack);
  } finally {
    for (const server of servers) await server.stop("SIGKILL");
    await shared?.registry.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Follows = (server: ServeProcess, seq: number) => Promise<boolean>;

const isInForce: Follows = async (server, seq) => {
  const state = await adminState(server);
  return state.seq >= seq && state.aliases[0]?.is_in_force === true;
};

/** Milliseconds until the slowest follows. */
async function time(
  { registry }: SharedRegistry,
  command: RegistryCommand,
  servers: readonly ServeProcess[],
  follows: Follows,
): Promise<number> {
  const { seq } = await registry.run("bench", command);
  const started = performance.now();
  const untilFollows = async (server: ServeProcess) => {
    while (!(await follows(server, seq))) {
      if (performance.now() - started > patienceMs) throw new Error(`a server did not follow within ${patienceMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await Promise.all(servers.map(untilFollows));
  return performance.now() - started;
}

function report(name: string, change: string, times: number[]): void {
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)]!.toFixed(0);
  console.log(
    `${name.padEnd(12)} ${change.padEnd(24)} ${median.padStart(10)} ${times.at(-1)!.toFixed(0).padStart(10)}`,
  );
}
