/**
 * `ocellus batch --queue` with the real database and workers as processes: one is killed with -9, the database crashes, and every
 * request has one result in the end.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchQueue } from "../../src/batch-queue/index.js";
import { until } from "../../src/core/base/until.testkit.js";
import { noPostgres, startPostgres, type TestPostgres } from "../../src/rollout/postgres.testkit.js";
import { ocellusCommand } from "../support/command.js";
import { repository, temporaryFolder } from "../support/folders.js";

const folder = temporaryFolder();
const numGood = 16;
const image = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const request = (custom_id: string, url: string, text = "What colour is the product?") => {
  const content = [
    { type: "image_url", image_url: { url } },
    { type: "text", text },
  ];
  const body = { messages: [{ role: "user", content }], max_tokens: 4 };
  return { custom_id, method: "POST", url: "/v1/chat/completions", body };
};

/** A folder of files, as a bucket is mounted: requests, of which one has no image and one is refused. */
function writeInput(): string {
  const input = join(folder, "catalogue");
  mkdirSync(input);
  writeFileSync(join(input, "dress.jpg"), image);
  const lines = Array.from({ length: numGood }, (_, i) => request(`good-${i}`, "dress.jpg", `Question ${i}?`));
  const wrong = { ...request("wrong", "dress.jpg"), body: { messages: [], temprature: 1 } };
  const parts = [lines.slice(0, 10), [...lines.slice(10), request("no-image", "missing.jpg"), wrong]];
  for (const [i, part] of parts.entries())
    writeFileSync(join(input, `part-${i}.jsonl`), part.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return input;
}

const read = (path: string): any[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe.skipIf(noPostgres)("ocellus batch --queue", () => {
  let postgres: TestPostgres;
  let env: NodeJS.ProcessEnv;
  let queue: BatchQueue;
  beforeAll(async () => {
    postgres = await startPostgres();
    const url = await postgres.freshDatabase();
    env = { ...process.env, OCELLUS_CACHE: join(folder, "cache"), OCELLUS_QUEUE: url, NO_COLOR: "1" };
    queue = await BatchQueue.open(url, { leaseSeconds: 2 }); // shorter than a user's, who has time
  });
  afterAll(async () => {
    await queue?.close();
    await postgres?.stop();
  });

  const ocellus = (...args: string[]) => {
    const run = spawnSync(...ocellusCommand("batch", ...args, "--json"), { cwd: folder, env, encoding: "utf8" });
    expect(run.status, run.stderr).toBe(0);
    return JSON.parse(run.stdout);
  };
  const worker = () => {
    const args = ["batch", "worker", "--until-empty", "--json", "--threads", "1", "--concurrency", "2"];
    const child = spawn(...ocellusCommand(...args), { cwd: folder, env });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
      child.on("close", (code) => done({ code, stdout, stderr })),
    );
    return { child, ended };
  };
  const untilAnswered = (count: number) =>
    until(async () => {
      const [batch] = await queue.progress();
      expect(batch!.answered).toBeGreaterThanOrEqual(count);
    });

  it("has each request's result once, after a worker was killed and the database has crashed", async () => {
    const input = writeInput();
    expect(ocellus(input)).toEqual({ batch: "catalogue", requests: numGood + 2 });
    const ignored = spawnSync(...ocellusCommand("batch", input, "--model", "x", "--json"), {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    expect(JSON.parse(ignored.stderr)).toMatchObject({
      error: { code: "invalid_request", details: { option: "--model" } },
    });
    const doomed = worker();
    await untilAnswered(2);
    doomed.child.kill("SIGKILL");
    const other = worker();
    await untilAnswered(5);
    await postgres.crash();
    const { code, stdout, stderr } = await other.ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).answered).toBeGreaterThan(0);

    const [status] = ocellus("status");
    expect(status).toMatchObject({ name: "catalogue", answered: numGood, failed: 2, running: 0, isWhole: true });
    const out = join(folder, "out.jsonl");
    expect(ocellus("collect", "catalogue", "--out", out)).toMatchObject({ answered: numGood, failed: 2, missing: 0 });
    const ids = read(out).map(({ custom_id }) => custom_id);
    expect(ids.sort()).toEqual(Array.from({ length: numGood }, (_, i) => `good-${i}`).sort());
    const failures = Object.fromEntries(
      read(join(folder, "out.errors.jsonl")).map(({ custom_id, response }) => [custom_id, response.body.error.code]),
    );
    expect(failures).toEqual({ "no-image": "not_found", wrong: "invalid_request" });
    expect(ocellus("remove", "catalogue")).toEqual({ removed: "catalogue" });
    expect(await queue.progress()).toEqual([]);
  }, 180_000);
});
