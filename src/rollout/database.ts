/**
 * The SQL behind the journal: an SQLite file, or PostgreSQL by its URL, with the same queries (Kysely writes both dialects).
 * `libsql` is SQLite whose native half comes from npm itself; it is synchronous, and every query here is short.
 */
import { dirname } from "node:path";
import { type CreateTableBuilder, Kysely, type Migration, Migrator, PostgresDialect, SqliteDialect, sql } from "kysely";
import Database from "libsql";
import pg from "pg";
import { ioError, OcellusError } from "../core/base/index.js";
import { whyNotWritten } from "../core/fs/index.js";

export interface Tables {
  journal: { seq: number; at: number; actor: string; event: string };
  answers: { request_id: string; at: number; model: string; tag: string; role: string; reason: string };
  reports: { server: string; alias: string; seq: number; state: ReportState; detail: string; at: number };
  evidence: { id: string; alias: string; step_seq: number; at: number; observations: string };
  trials: { alias: string; step_seq: number; revision: number; judge: string; fed: string };
  claims: { alias: string; step_seq: number; item: string };
  deliveries: { receiver: string; seq: number; holder: string; until: number };
}

/** How a server stands to what an alias is to serve. */
export type ReportState = "loading" | "serving" | "failed";

export type Dialect = "sqlite" | "postgres";

/** What we use of a pool of PostgreSQL's connections; pg's own types would be asked of all who import ours. */
export interface ConnectionPool {
  query(sql: string): Promise<unknown>;
  connect(): Promise<Connection>;
}

export interface Connection {
  query(sql: string): Promise<unknown>;
  on(event: "notification" | "error", listener: () => void): unknown;
  release(isBroken: boolean): void;
}

export interface OpenDatabase {
  readonly dialect: Dialect;
  readonly db: Kysely<Tables>;
  /** PostgreSQL only: for LISTEN. */
  readonly pool?: ConnectionPool;
  close(): Promise<void>;
}

/** How long a writer waits for another process's write to the same file. */
const busyTimeoutMs = 10_000;

/**
 * @param url `postgres://…`, or the path of an SQLite file (made if missing; its folder must be there)
 * @throws `io` when it cannot be opened, `unavailable` when the server does not answer
 */
export async function openDatabase(url: string): Promise<OpenDatabase> {
  const opened = /^postgres(ql)?:\/\//.test(url) ? openPostgres(url) : openSqlite(url);
  try {
    await migrate(opened.db);
  } catch (cause) {
    await opened.close();
    throw new OcellusError("unavailable", `cannot prepare the database ${withoutPassword(url)}: ${reasonOf(cause)}`, {
      cause,
    });
  }
  return opened;
}

function openSqlite(path: string): OpenDatabase {
  let database: Database.Database;
  try {
    database = new Database(path);
    database.pragma(`busy_timeout = ${busyTimeoutMs}`);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL"); // a journal entry that was acknowledged survives a power cut
  } catch (cause) {
    throw ioError("open the database", path, whyNotWritten(dirname(path)) ?? cause); // also readers write beside it
  }
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  return { dialect: "sqlite", db, close: () => db.destroy() };
}

function openPostgres(connectionString: string): OpenDatabase {
  const pool = new pg.Pool({ connectionString, max: 4, connectionTimeoutMillis: 10_000, types: numbersNotTexts });
  pool.on("error", () => {}); // an idle connection that broke: the next query opens another, or says why it cannot
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { dialect: "postgres", db, pool, close: () => db.destroy() };
}

/** bigint comes as text by default; our sequence numbers and times are far below 2^53. */
const numbersNotTexts: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text") =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

const migrations: Record<string, Migration> = {
  "0001_journal": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("journal")
        .addColumn("seq", "bigint", (column) => column.primaryKey())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("actor", "text", (column) => column.notNull())
        .addColumn("event", "text", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("answers")
        .addColumn("request_id", "text", (column) => column.primaryKey())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addColumn("model", "text", (column) => column.notNull())
        .addColumn("tag", "text", (column) => column.notNull())
        .addColumn("role", "text", (column) => column.notNull())
        .addColumn("reason", "text", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("answers_at").on("answers").column("at").execute();
    },
  },
  "0002_several_servers": {
    async up(db: Kysely<unknown>) {
      const step = { alias: "text", step_seq: "bigint" } as const;
      await createTable(db, "evidence", ["id"], { id: "text", ...step, at: "bigint", observations: "text" });
      await createTable(db, "trials", ["alias", "step_seq"], {
        ...step,
        revision: "bigint",
        judge: "text",
        fed: "text",
      });
      await createTable(db, "claims", ["alias", "step_seq", "item"], { ...step, item: "text" });
      const held = { seq: "bigint", holder: "text", until: "bigint" } as const;
      await createTable(db, "deliveries", ["receiver"], { receiver: "text", ...held });
    },
  },
  "0003_reports": {
    async up(db: Kysely<unknown>) {
      const said = { seq: "bigint", state: "text", detail: "text", at: "bigint" } as const;
      await createTable(db, "reports", ["server", "alias"], { server: "text", alias: "text", ...said });
    },
  },
  /** Evidence from before users were counted says nothing of users: the step that is on trial begins again. */
  "0004_users_counted": {
    async up(db: Kysely<unknown>) {
      for (const table of ["evidence", "trials"]) await sql`delete from ${sql.table(table)}`.execute(db);
    },
  },
};

async function createTable(
  db: Kysely<unknown>,
  name: string,
  key: readonly string[],
  columns: Readonly<Record<string, "text" | "bigint">>,
): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const [column, type] of Object.entries(columns))
    table = table.addColumn(column, type, (built) => built.notNull());
  await table.addPrimaryKeyConstraint(`${name}_key`, [...key]).execute();
}

/** Several processes may start at once: Kysely locks in PostgreSQL; in SQLite the loser finds the tables there. */
async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  for (let attempt = 1; ; attempt++) {
    const { error } = await migrator.migrateToLatest();
    if (error === undefined) break;
    if (attempt === 5) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
  }
  await sql`select 1 from journal limit 1`.execute(db);
}

/** A broken unique index: somebody else wrote this sequence number first. */
export function isTaken(cause: unknown): boolean {
  const { code, message = "" } = cause as { code?: string; message?: string };
  return code === "23505" || /UNIQUE constraint failed/i.test(message);
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

function withoutPassword(url: string): string {
  return url.replace(/^([^:/]*:\/\/[^:@/]*):[^@]*@/, "$1:…@");
}
