/** The queue of batches in a real PostgreSQL: one result for each request, whatever happens to workers. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BatchQueue, type ParkedLine } from "../src/batch-queue/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { until } from "../src/core/base/until.testkit.js";
import { noPostgres, startPostgres, type TestPostgres } from "../src/rollout/postgres.testkit.js";

let postgres: TestPostgres;
beforeAll(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const batch = "b";
const requests = (count: number) => Array.from({ length: count }, (_, i) => ({ customId: `${i}`, line: `line ${i}` }));
const answer = (line: string) => ({ isAnswer: true, line });
const parked: ParkedLine = (customId, reported, attempts) => `${customId}: ${reported ?? `lost ${attempts} times`}`;

async function open(url: string, options: { leaseSeconds?: number; maxAttempts?: number } = {}): Promise<BatchQueue> {
  const queue = await BatchQueue.open(url, options);
  opened.add(queue);
  return queue;
}
const opened = new Set<BatchQueue>();
/** A process that is killed: it renews nothing and gives nothing back. */
function killed(queue: BatchQueue): Promise<void> {
  opened.delete(queue);
  return queue.close();
}
afterEach(async () => {
  for (const queue of opened) await killed(queue);
});

/** A queue of a few requests, as seen by two processes. */
async function two(
  count: number,
  options: Parameters<typeof open>[1] = {},
): Promise<[BatchQueue, BatchQueue, url: string]> {
  const url = await postgres.freshDatabase();
  const a = await open(url, options);
  await a.begin({ name: batch, total: count, digest: "1" });
  await a.add(batch, requests(count));
  await a.end(batch);
  return [a, await open(url), url];
}
async function linesOf(queue: BatchQueue, isAnswer = true): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of queue.results(batch, isAnswer)) lines.push(line);
  return lines.sort();
}
/** As `take`, once there is something: attempts that failed wait a little longer each time. */
const taken = (queue: BatchQueue, count: number) =>
  until(async () => {
    const all = await queue.take(count);
    expect(all.length).toBeGreaterThan(0);
    return all;
  });
async function numWaitingForLocks(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query(
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  await client.end();
  return rows.length;
}

describe.skipIf(noPostgres)("a queue of requests", () => {
  it("hands each request to one process, and has its result once", async () => {
    const [a, b] = await two(60);
    const answerAll = async (queue: BatchQueue, name: string) => {
      for (let some = await queue.take(7); some.length > 0; some = await queue.take(7))
        for (const request of some) await queue.keep(request, answer(`${request.line} by ${name}`));
    };
    await Promise.all([answerAll(a, "a"), answerAll(b, "b")]);
    const lines = await linesOf(a);
    expect(lines.map((line) => line.split(" by ")[0])).toEqual(
      requests(60)
        .map(({ line }) => line)
        .sort(),
    );
    expect(await b.hasWork()).toBe(false);
    expect(await b.progress()).toMatchObject([{ name: batch, total: 60, answered: 60, failed: 0, running: 0 }]);
  });

  it("takes what is added twice once, and refuses another input under the same name", async () => {
    const [a, b] = await two(3);
    const [first] = await a.take(1);
    await a.keep(first!, answer("done"));
    await b.begin({ name: batch, total: 3, digest: "1" });
    await b.add(batch, requests(3));
    expect(await b.take(9)).toHaveLength(2);
    await expect(b.begin({ name: batch, total: 3, digest: "2" })).rejects.toThrow(
      ocellusError("invalid_request", { batch }),
    );
  });

  it("gives the requests of a process that is gone to another; what the first says later is not kept", async () => {
    const [a, b] = await two(1, { leaseSeconds: 1 });
    const [first] = await a.take(1);
    await killed(a);
    const [again] = await taken(b, 1);
    expect(again).toEqual(first);
    expect(await b.keep(again!, answer("b"))).toBe(true);
    expect(await b.keep(first!, answer("a"))).toBe(false);
    expect(await linesOf(b)).toEqual(["b"]);
  });

  it("leaves a request to the process that works on it for longer than a lease", async () => {
    const [a, b] = await two(1, { leaseSeconds: 2 });
    const [held] = await a.take(1);
    const until = performance.now() + 4500;
    while (performance.now() < until) {
      expect(await b.take(1)).toEqual([]);
      await new Promise((done) => setTimeout(done, 100));
    }
    expect(await a.keep(held!, answer("a"))).toBe(true);
  });

  it("gives back what a process that ends has not answered, for others at once", async () => {
    const [a, b] = await two(3);
    await a.take(3);
    await a.giveBack();
    expect(await b.take(9)).toHaveLength(3);
  });

  it("parks what fails in every attempt with the last reason, and what has cost its worker each time", async () => {
    const [a, , url] = await two(2, { leaseSeconds: 1, maxAttempts: 2 });
    let attempts = 0;
    await until(async () => {
      const worker = await open(url);
      for (const request of await worker.take(2)) {
        attempts++;
        if (request.customId === "0") await worker.postpone(request, "the model refused");
      }
      await killed(worker); // with request 1
      await a.park(parked);
      expect(await linesOf(a, false)).toEqual(["0: the model refused", "1: lost 2 times"]);
    });
    expect(attempts).toBe(4);
    expect(await a.hasWork()).toBe(false);
    await a.add(batch, requests(2), true);
    expect(await a.take(9)).toHaveLength(2); // once more, and their failures are forgotten
    expect(await linesOf(a, false)).toEqual([]);
  });

  it("forgets a removed batch, and what is said of it later", async () => {
    const [a, b] = await two(3);
    const [held] = await a.take(1);
    expect(await b.remove(batch)).toBe(true);
    expect(await a.keep(held!, answer("late"))).toBe(false);
    expect([await b.take(9), await b.progress()]).toEqual([[], []]);
    expect(await b.remove(batch)).toBe(false);
  });

  it("keeps no answer to a request of a removed batch in one that was added under its name", async () => {
    const [a, b] = await two(1);
    const [held] = await a.take(1);
    await b.remove(batch);
    await b.begin({ name: batch, total: 1, digest: "2" });
    await b.add(batch, [{ customId: "0", line: "another question" }]);
    expect(await a.keep(held!, answer("to the first question"))).toBe(false);
    expect(await linesOf(b)).toEqual([]);
    expect(await b.take(1)).toMatchObject([{ line: "another question" }]);
  });

  it("answers of workers wait for a batch that is being removed, and come to nothing", async () => {
    const [a, b, url] = await two(1);
    const [held] = await a.take(1);
    const removing = new pg.Client({ connectionString: url });
    await removing.connect();
    await removing.query("begin");
    await removing.query("delete from ocellus_batches.batches");
    const kept = a.keep(held!, answer("late"));
    await until(async () => expect(await numWaitingForLocks(url)).toBe(1));
    await removing.query("commit");
    await removing.end();
    expect(await kept).toBe(false);
    await expect(b.add(batch, requests(1))).rejects.toThrow(ocellusError("not_found", { batch }));
  });

  it("is whole after connections have broken in the middle of everything", async () => {
    const [a, b, url] = await two(20, { leaseSeconds: 1, maxAttempts: 50 });
    let isDone = false;
    const deadline = performance.now() + 60_000;
    const breaking = (async () => {
      while (!isDone) {
        await postgres.breakConnections(url);
        await new Promise((done) => setTimeout(done, 100));
      }
    })();
    const persistently = async <T>(ask: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await ask();
        } catch {
          if (performance.now() > deadline) throw new Error("it did not end within a minute");
        }
      }
    };
    try {
      while (performance.now() < deadline && (await persistently(() => a.hasWork())))
        for (const request of await persistently(() => a.take(4)))
          await persistently(() => a.keep(request, answer(request.line)));
    } finally {
      isDone = true;
      await breaking;
    }
    expect(await linesOf(b)).toEqual(
      requests(20)
        .map(({ line }) => line)
        .sort(),
    );
  });
});

it("needs the address of a database", async () => {
  await expect(BatchQueue.open("redis://127.0.0.1")).rejects.toThrow(
    ocellusError("invalid_request", { param: "queue" }),
  );
});
