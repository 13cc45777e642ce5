/**
 * PostgreSQL as the queue of a batch: `pg-boss` hands jobs out, tables of ours beside its own keep batches and results, all in
 * one schema and over one pool, so that a result and the end of its job are one transaction.
 *   batches  name, id of this making of it, total, digest of the input, is_whole: all of the input is there
 *   results  one row for each request that has ended: (batch, custom_id) is the key, so there cannot be two
 * Two indexes more on pg-boss's jobs, which would otherwise sort all that wait for each job that it hands out.
 */
import type pg from "pg";
import type PgBoss from "pg-boss";
import { OcellusError, optionalPackage, withoutPassword } from "../core/base/index.js";

export const schema = "ocellus_batches";
/** Queues of pg-boss: requests, and those that were tried as often as they may be. */
export const queues = { requests: "requests", parked: "parked" } as const;

/** pg-boss deletes jobs after a time; these wait for as long as their batch does: 50 years, as more has no room in its seconds. */
const keptMinutes = 50 * 365 * 24 * 60;
/** Requests hold images: no longer in the database than until the next maintenance. pg-boss takes no shorter time. */
const completedSeconds = 60;

const tables = `
  select pg_advisory_xact_lock(hashtext('${schema}'));
  create table if not exists ${schema}.batches (
    name text primary key, id uuid not null default gen_random_uuid(), total bigint not null, digest text not null, is_whole boolean not null default false,
    created_at timestamptz not null default now());
  create table if not exists ${schema}.results (
    batch text not null references ${schema}.batches on delete cascade, custom_id text not null,
    seq bigserial not null unique, is_answer boolean not null, line text not null, at timestamptz not null default now(),
    primary key (batch, custom_id));
  create index if not exists next_jobs on ${schema}.job (name, created_on, id) where state < 'active';
  create index if not exists active_jobs on ${schema}.job (started_on) where state = 'active';`;

export interface QueueDatabase {
  readonly boss: PgBoss;
  /** One statement. */
  query<Row = unknown>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** All of `body`'s statements or none. */
  transaction<T>(body: (db: PgBoss.Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface QueueOptions {
  /** Whether this process also clears away what has ended. */
  readonly isWorker?: boolean;
  /** A worker that has not been heard of for so long has gone. */
  readonly leaseSeconds?: number;
  /** How often a request is handed out that has no answer in the end. This and the lease are the queue's from its making. */
  readonly maxAttempts?: number;
}

/** @throws `invalid_request` for another URL, `unavailable` without the packages or when the server does not answer. */
export async function openQueueDatabase(url: string, options: QueueOptions): Promise<QueueDatabase> {
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new OcellusError("invalid_request", "--queue: expected the address of a database, postgres://…", {
      details: { param: "queue", expected: "postgres://…" },
    });
  const feature = "a queue of requests";
  // Its versions from 11 on need Node 22.
  const remedy = { install: "npm install pg-boss@10" };
  const { default: Boss } = await optionalPackage("pg-boss", feature, () => import("pg-boss"), remedy);
  const { default: postgres } = await optionalPackage("pg", feature, () => import("pg"));
  const pool = new postgres.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 10_000 });
  pool.on("error", () => {}); // an idle connection that broke: the next statement opens another, or says why it cannot
  pool.on("connect", (client) => client.on("error", () => {})); // one that breaks between two statements: the second throws
  try {
    return await prepare(new Boss(bossOptions(pool, options)), pool, options);
  } catch (cause) {
    await pool.end();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OcellusError("unavailable", `cannot open the queue ${withoutPassword(url)}: ${reason}`, { cause });
  }
}

function bossOptions(pool: pg.Pool, { isWorker = false }: QueueOptions): PgBoss.ConstructorOptions {
  return {
    ...{ db: statementsOf(pool), schema, schedule: false, supervise: isWorker, maintenanceIntervalSeconds: 60 },
    ...{ archiveCompletedAfterSeconds: completedSeconds, deleteAfterSeconds: completedSeconds },
  };
}

async function prepare(
  boss: PgBoss,
  pool: pg.Pool,
  { leaseSeconds = 60, maxAttempts = 5 }: QueueOptions,
): Promise<QueueDatabase> {
  boss.on("error", () => {}); // of its maintenance, which tries again; what we ask for ourselves throws
  await boss.start();
  const kept = { retentionMinutes: keptMinutes };
  await boss.createQueue(queues.parked, { name: queues.parked, ...kept });
  const tries = { retryLimit: maxAttempts - 1, retryDelay: 1, retryBackoff: true, expireInSeconds: leaseSeconds };
  await boss.createQueue(queues.requests, { name: queues.requests, ...kept, ...tries, deadLetter: queues.parked });
  await pool.query(tables);
  return {
    boss,
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    transaction: (body) => inTransaction(pool, body),
    async close() {
      await boss.stop({ graceful: false, close: false });
      await pool.end();
    },
  };
}

async function inTransaction<T>(pool: pg.Pool, body: (db: PgBoss.Db) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: unknown;
  try {
    await client.query("begin");
    const result = await body(statementsOf(client));
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {}); // of a connection that is gone, which has rolled back
    broken = error;
    throw error;
  } finally {
    client.release(broken !== undefined);
  }
}

function statementsOf(connection: pg.Pool | pg.PoolClient): PgBoss.Db {
  return { executeSql: (text, values) => connection.query(text, values) };
}
