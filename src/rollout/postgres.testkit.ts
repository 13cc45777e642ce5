/** A real PostgreSQL for a test file, from the system's package, on a free port of this machine; absent where it is not installed. */
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { isMissing } from "../core/base/prerequisite.testkit.js";

const versionsFolder = "/usr/lib/postgresql";
const programs = existsSync(versionsFolder)
  ? readdirSync(versionsFolder)
      .sort()
      .map((version) => join(versionsFolder, version, "bin"))
      .filter((bin) => existsSync(join(bin, "initdb")))
      .at(-1)
  : undefined;

export const noPostgres = isMissing("PostgreSQL", programs, "apt install postgresql");

export interface TestPostgres {
  /** The URL of a database that no one has used. */
  freshDatabase(): Promise<string>;
  /** As a restart, or a network that fails, does. */
  breakConnections(url: string): Promise<void>;
  /** It ends in the middle of everything, and is there again when this resolves. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-postgres-"));
  // PostgreSQL refuses to run as root: the user nobody does it.
  const nobody = { uid: 65_534, gid: 65_534 };
  const asUser = process.getuid?.() === 0 ? nobody : {};
  if (asUser === nobody) chownSync(folder, nobody.uid, nobody.gid);
  const data = join(folder, "data");
  const made = spawnSync(join(programs!, "initdb"), ["-D", data, "-U", "ocellus", "-A", "trust", "--no-sync"], asUser);
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = await freePort();
  const settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", folder];
  const url = (database: string) => `postgres://ocellus@127.0.0.1:${port}/${database}`;
  const start = async () => {
    const args = ["-D", data, "-p", String(port), ...settings];
    const child = spawn(join(programs!, "postgres"), args, { ...asUser, stdio: "ignore" });
    await untilItAnswers(url("postgres"));
    return child;
  };
  const end = async (signal: NodeJS.Signals) => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await ended;
  };
  let server = await start();
  let count = 0;
  return {
    async freshDatabase() {
      const name = `test_${++count}`;
      await query(url("postgres"), `create database ${name}`);
      return url(name);
    },
    breakConnections: (url) =>
      query(
        url,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      ),
    async crash() {
      await end("SIGQUIT"); // PostgreSQL's immediate shutdown: the next start recovers from its log
      server = await start();
    },
    async stop() {
      await end("SIGINT"); // PostgreSQL's fast shutdown
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilItAnswers(url: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await query(url, "select 1");
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
