/**
 * Requests of batches in a database, for workers on any machines. Each request has one result in the end: what a worker was
 * answered is stored in the transaction that ends its job, under a key that takes no second one. A worker holds a request on a
 * lease that it renews; of one that was killed the lease ends, and another takes the request. What cannot be answered after
 * several attempts is parked: it gets a result too, with the reason.
 */
import { createHash } from "node:crypto";
import { OcellusError } from "../core/base/index.js";
import { openQueueDatabase, type QueueDatabase, type QueueOptions, queues, schema } from "./queue-database.js";

export interface BatchInfo {
  readonly name: string;
  readonly total: number;
  /** Of the whole input: another input under the same name is refused. */
  readonly digest: string;
}

export interface QueuedRequest {
  readonly customId: string;
  /** The line of the input. */
  readonly line: string;
}

/** A request that this process holds on a lease. */
export interface TakenRequest extends QueuedRequest {
  readonly jobId: string;
  readonly batch: string;
  readonly batchId: string;
}

export interface BatchResult {
  readonly isAnswer: boolean;
  /** Of the output. */
  readonly line: string;
}

export interface BatchProgress {
  readonly name: string;
  readonly total: number;
  /** False while it is being added, or where that was interrupted. */
  readonly isWhole: boolean;
  readonly answered: number;
  readonly failed: number;
  /** Held by workers now. */
  readonly running: number;
  /** Results of the last minute. */
  readonly perMinute: number;
}

/** Why a request was given up: the last failure that a worker reported, or none where its workers were lost. */
export type ParkedLine = (customId: string, reported: string | undefined, attempts: number) => string;

interface JobData {
  readonly batch: string;
  /** Which making of the batch: one that is removed and added again may be of other requests. */
  readonly batchId: string;
  readonly customId: string;
  readonly line: string;
}

/** Rows that are read or parked at once: lines can be large. */
const pageRows = 50;

export class BatchQueue {
  readonly #database: QueueDatabase;
  /** Jobs that this process holds, and how long their leases are. */
  readonly #held = new Map<string, number>();
  #renewing: NodeJS.Timeout | undefined;

  private constructor(database: QueueDatabase) {
    this.#database = database;
  }

  /** @throws as `openQueueDatabase`. */
  static async open(url: string, options: QueueOptions = {}): Promise<BatchQueue> {
    return new BatchQueue(await openQueueDatabase(url, options));
  }

  /** A batch, which may be there already. @throws `invalid_request` when it is of another input. */
  async begin({ name, total, digest }: BatchInfo): Promise<void> {
    const { query } = this.#database;
    await query(`insert into ${schema}.batches (name, total, digest) values ($1, $2, $3) on conflict do nothing`, [
      name,
      total,
      digest,
    ]);
    const [known] = await query<{ digest: string }>(`select digest from ${schema}.batches where name = $1`, [name]);
    if (known?.digest !== digest)
      throw new OcellusError("invalid_request", `the batch ${name} was made of another input; choose another --name`, {
        details: { param: "name", batch: name },
      });
  }

  /**
   * Requests that are not there yet and have no result. Interrupted and repeated, each is there once.
   * @param again also those whose result is a failure, which is forgotten
   * @throws `not_found` where the batch was removed meanwhile
   */
  async add(batch: string, requests: readonly QueuedRequest[], again = false): Promise<void> {
    const ids = requests.map(({ customId }) => customId);
    await this.#database.transaction(async (db) => {
      const batchId = await this.#idOf(db, batch);
      if (again) await this.#forgetFailures(db, { batch, batchId }, ids);
      const ended = await db.executeSql(
        `select custom_id from ${schema}.results where batch = $1 and custom_id = any($2)`,
        [batch, ids],
      );
      const done = new Set(ended.rows.map((row) => row.custom_id));
      const jobs = requests
        .filter(({ customId }) => !done.has(customId))
        .map((request) => ({
          ...{ id: jobIdOf(batchId, request.customId), name: queues.requests, singletonKey: batch },
          data: { batch, batchId, ...request } satisfies JobData,
        }));
      if (jobs.length > 0) await this.#database.boss.insert(jobs, { db });
    });
  }

  /** Held until the transaction ends. */
  async #idOf(db: Db, batch: string): Promise<string> {
    const { rows } = await db.executeSql(`select id from ${schema}.batches where name = $1 for key share`, [batch]);
    if (rows.length > 0) return rows[0].id;
    throw new OcellusError("not_found", `the batch ${batch} was removed while requests were added to it`, {
      details: { batch },
    });
  }

  async #forgetFailures(
    db: Db,
    { batch, batchId }: Pick<JobData, "batch" | "batchId">,
    ids: readonly string[],
  ): Promise<void> {
    const { rows } = await db.executeSql(
      `delete from ${schema}.results where batch = $1 and custom_id = any($2) and not is_answer returning custom_id`,
      [batch, ids],
    );
    const jobIds: string[] = rows.map((row) => jobIdOf(batchId, row.custom_id));
    if (jobIds.length > 0) await this.#database.boss.deleteJob(queues.requests, jobIds, { db });
  }

  /** The result of a request that is not worth an attempt. */
  async refuse(batch: string, customId: string, line: string): Promise<void> {
    await this.#database.query(
      `insert into ${schema}.results (batch, custom_id, is_answer, line) values ($1, $2, false, $3) on conflict do nothing`,
      [batch, customId, line],
    );
  }

  /** All of a batch's input is there. */
  async end(batch: string): Promise<void> {
    await this.#database.query(`update ${schema}.batches set is_whole = true where name = $1`, [batch]);
  }

  /** Up to `count` requests, each of which no one else gets while this process lives. */
  async take(count: number): Promise<readonly TakenRequest[]> {
    const { boss } = this.#database;
    const jobs = await boss.fetch<JobData>(queues.requests, { batchSize: count, priority: false });
    if (jobs.length < count) await boss.expire(); // for the next call: those whose worker has gone
    const done = await this.#withResult(jobs.map(({ data }) => data));
    const ended = jobs.filter((job) => done.has(keyOf(job.data)));
    if (ended.length > 0)
      await boss.complete(
        queues.requests,
        ended.map(({ id }) => id),
      );
    const open = jobs.filter((job) => !done.has(keyOf(job.data)));
    for (const { id, expireInSeconds } of open) this.#held.set(id, Number(expireInSeconds));
    this.#keepLeases();
    return open.map(({ id, data }) => ({ jobId: id, ...data }));
  }

  /** Keys of those that have a result: their job was handed out twice, or added again after its end. */
  async #withResult(requests: readonly JobData[]): Promise<ReadonlySet<string>> {
    if (requests.length === 0) return new Set();
    const rows = await this.#database.query<{ batch: string; custom_id: string }>(
      `select batch, custom_id from ${schema}.results
       where (batch, custom_id) in (select * from unnest($1::text[], $2::text[]))`,
      [requests.map(({ batch }) => batch), requests.map(({ customId }) => customId)],
    );
    return new Set(rows.map(({ batch, custom_id: customId }) => keyOf({ batch, customId })));
  }

  /** The result of a request, and its end. @returns false where there is a result already, or the batch was removed */
  async keep(request: TakenRequest, result: BatchResult): Promise<boolean> {
    const { jobId } = request;
    const isFirst = await this.#store(queues.requests, jobId, request, result);
    this.#held.delete(jobId);
    return isFirst;
  }

  async #store(
    queue: string,
    jobId: string,
    { batch, batchId, customId }: Pick<JobData, "batch" | "batchId" | "customId">,
    { isAnswer, line }: BatchResult,
  ): Promise<boolean> {
    return this.#database.transaction(async (db) => {
      const stored = await db.executeSql(
        `insert into ${schema}.results (batch, custom_id, is_answer, line)
         select name, $3, $4, $5 from ${schema}.batches where name = $1 and id = $2 for key share
         on conflict do nothing returning seq`,
        [batch, batchId, customId, isAnswer, line],
      );
      await this.#database.boss.complete(queue, jobId, {}, { db });
      return stored.rows.length > 0;
    });
  }

  /** It could not be answered now: handed out again later, or parked after the last attempt. */
  async postpone({ jobId }: TakenRequest, reportedLine: string): Promise<void> {
    await this.#database.boss.fail(queues.requests, jobId, { line: reportedLine });
    this.#held.delete(jobId);
  }

  /** All that this process holds, for others to take at once: it is ending. Not started, so that it counts as no attempt. */
  async giveBack(): Promise<void> {
    const ids = [...this.#held.keys()];
    this.#held.clear();
    await this.#database.query(
      `update ${schema}.job set state = 'created', started_on = null
       where name = $1 and id = any($2::uuid[]) and state = 'active'`,
      [queues.requests, ids],
    );
  }

  /** Gives results to the requests that pg-boss has given up. */
  async park(lineOf: ParkedLine): Promise<void> {
    for (;;) {
      const options = { batchSize: pageRows, includeMetadata: true } as const;
      const jobs = await this.#database.boss.fetch<JobData>(queues.parked, options);
      for (const { id, data, output, retryLimit } of jobs) {
        const { line } = (output ?? {}) as { readonly line?: string };
        const result = { isAnswer: false, line: lineOf(data.customId, line, retryLimit + 1) };
        await this.#store(queues.parked, id, data, result);
      }
      if (jobs.length < pageRows) return;
    }
  }

  /** Whether requests wait, or are held by anyone. */
  async hasWork(): Promise<boolean> {
    const rows = await this.#database.query(`select from ${schema}.job where state <= 'active' limit 1`);
    return rows.length > 0;
  }

  /** Of all batches, the newest first. */
  async progress(): Promise<readonly BatchProgress[]> {
    const rows = await this.#database.query<Record<keyof BatchProgress, unknown>>(
      `select name, total, is_whole as "isWhole", coalesce(answered, 0) as answered, coalesce(failed, 0) as failed,
         coalesce(running, 0) as running, coalesce(recent, 0) as "perMinute"
       from ${schema}.batches
       left join (select batch, count(*) filter (where is_answer) as answered, count(*) filter (where not is_answer) as failed,
         count(*) filter (where at > now() - interval '1 minute') as recent from ${schema}.results group by batch) r
         on r.batch = name
       left join (select singleton_key, count(*) as running from ${schema}.job
         where name = $1 and state = 'active' group by singleton_key) j on j.singleton_key = batches.name
       order by created_at desc`,
      [queues.requests],
    );
    return rows.map((row) => ({
      ...{ name: String(row.name), isWhole: row.isWhole === true, total: Number(row.total) },
      ...{ answered: Number(row.answered), failed: Number(row.failed) },
      ...{ running: Number(row.running), perMinute: Number(row.perMinute) },
    }));
  }

  /** Lines of the output, in the order they were stored. */
  async *results(batch: string, isAnswer: boolean): AsyncGenerator<string> {
    for (let after = "0"; ; ) {
      const rows = await this.#database.query<{ seq: string; line: string }>(
        `select seq, line from ${schema}.results where batch = $1 and is_answer = $2 and seq > $3 order by seq limit ${pageRows}`,
        [batch, isAnswer, after],
      );
      for (const { line } of rows) yield line;
      if (rows.length < pageRows) return;
      after = rows.at(-1)!.seq;
    }
  }

  /** A batch with its requests and results; what workers hold of it comes to nothing. @returns whether it was there */
  async remove(batch: string): Promise<boolean> {
    return this.#database.transaction(async (db) => {
      await db.executeSql(`delete from ${schema}.job where name = $1 and singleton_key = $2`, [queues.requests, batch]);
      const removed = await db.executeSql(`delete from ${schema}.batches where name = $1 returning name`, [batch]);
      return removed.rows.length > 0;
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#renewing);
    await this.#database.close();
  }

  /** Three times within each lease. pg-boss 10, the last for Node 20, has no call for it: a lease runs from `started_on`. */
  #keepLeases(): void {
    if (this.#renewing !== undefined || this.#held.size === 0) return;
    const renewMs = (1000 * Math.min(...this.#held.values())) / 3;
    this.#renewing = setInterval(() => void this.#renew().catch(() => {}), renewMs).unref(); // again at the next turn
  }

  async #renew(): Promise<void> {
    await this.#database.query(
      `update ${schema}.job set started_on = now() where name = $1 and id = any($2::uuid[]) and state = 'active'`,
      [queues.requests, [...this.#held.keys()]],
    );
  }
}

type Db = Parameters<Parameters<QueueDatabase["transaction"]>[0]>[0];

function keyOf({ batch, customId }: Pick<JobData, "batch" | "customId">): string {
  return `${batch}\n${customId}`;
}

/** The same request of a batch always has the same job. */
function jobIdOf(batchId: string, customId: string): string {
  const hex = createHash("sha256").update(`${batchId}\n${customId}`).digest("hex").slice(0, 32);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
