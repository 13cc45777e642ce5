/** A real Redis or Valkey for a test file, from the system's package, on a free port of this machine; absent where it is not installed. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMissing } from "../../src/core/base/prerequisite.testkit.js";

const program = ["/usr/bin/valkey-server", "/usr/bin/redis-server"].find((path) => existsSync(path));
export const noRedis = isMissing("Redis", program, "apt install redis-server");

export interface TestRedis {
  readonly url: string;
  /** It stops answering, but its connections stay open. */
  freeze(): void;
  thaw(): void;
  /** Without warning, and with all that it holds. */
  kill(): Promise<void>;
  /** After `kill`, on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-redis-"));
  const port = await freePort();
  let server: ChildProcess;
  const start = async () => {
    const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    server = spawn(program!, [...settings, "--dir", folder], { stdio: "ignore" });
    for (let attempt = 0; !(await answers(port)); attempt++) {
      if (attempt === 100) throw new Error("Redis does not answer");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const kill = async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => void server.kill("SIGSTOP"),
    thaw: () => void server.kill("SIGCONT"),
    kill,
    start,
    async stop() {
      if (server.exitCode === null && server.signalCode === null) await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(() => resolve(true)));
    socket.once("error", () => resolve(false));
  });
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
