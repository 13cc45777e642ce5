/**
 * The SQL behind the journal: an SQLite file, or PostgreSQL by its URL, with the same queries (Kysely writes both dialects).
 * `libsql` is SQLite whose native half comes from npm itself; it is synchronous, and every query here is short.
 */
import { dirname } from "node:path";
import { type CreateTableBuilder, Kysely, type Migration, Migrator, PostgresDialect, SqliteDialect, sql } from "kysely";
import type pg from "pg";
import { ioError, OcellusError, optionalPackage, withoutPassword } from "../core/base/index.js";
import { whyNotWritten } from "../core/fs/index.js";
import { type OpenDatabase, reasonOf, type Tables } from "./database.js";

/** How long a writer waits for another process's write to the same file. */
const busyTimeoutMs = 10_000;

/**
 * @param url `postgres://…`, or the path of an SQLite file (made if missing; its folder must be there)
 * @throws `io` when it cannot be opened, `unavailable` when the server does not answer
 */
export async function openDatabase(url: string): Promise<OpenDatabase> {
  const opened = await (/^postgres(ql)?:\/\//.test(url) ? openPostgres(url) : openSqlite(url));
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

async function openSqlite(path: string): Promise<OpenDatabase> {
  const { default: Database } = await optionalPackage("libsql", "a registry in a folder", () => import("libsql"));
  let database: InstanceType<typeof Database>;
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

async function openPostgres(connectionString: string): Promise<OpenDatabase> {
  const { default: pg } = await optionalPackage("pg", "a registry in PostgreSQL", () => import("pg"));
  const types = numbersNotTexts(pg.types);
  const pool = new pg.Pool({ connectionString, max: 4, connectionTimeoutMillis: 10_000, types });
  pool.on("error", () => {}); // an idle connection that broke: the next query opens another, or says why it cannot
  pool.on("connect", (client) => client.on("error", () => {})); // one that breaks within a transaction: its next query throws
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { dialect: "postgres", db, pool, close: () => db.destroy() };
}

/** bigint comes as text by default; our sequence numbers and times are far below 2^53. */
function numbersNotTexts({ builtins, getTypeParser }: typeof pg.types): pg.CustomTypesConfig {
  const parserOf = (oid: number, format?: "text") => (oid === builtins.INT8 ? Number : getTypeParser(oid, format));
  return { getTypeParser: parserOf as typeof getTypeParser };
}

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
        analysis: "text",
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
