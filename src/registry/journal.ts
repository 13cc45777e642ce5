/**
 * The append-only journal in SQL. An entry's number is the one after the newest its writer has seen; the primary key refuses
 * it when somebody was faster, who then looks again: that is all the locking there is, within a process and between many.
 */
import { OcellusError } from "../base/index.js";
import { isTaken, type OpenDatabase } from "./database.js";
import { eventSchema, type JournalEntry, type RegistryEvent } from "./events.js";

const channel = "ocellus_journal";
/** SQLite tells nobody: others look this often. */
const pollMs = 250;

export class Journal {
  readonly #database: OpenDatabase;

  constructor(database: OpenDatabase) {
    this.#database = database;
  }

  /** The entries after `seq`, in order. @throws `invalid_file` for one that cannot be understood. */
  async read(seq = 0): Promise<JournalEntry[]> {
    const rows = await this.#database.db
      .selectFrom("journal")
      .selectAll()
      .where("seq", ">", seq)
      .orderBy("seq")
      .execute();
    return rows.map(({ seq, at, actor, event }) => ({ seq, at, actor, event: parseEvent(event, seq) }));
  }

  /** All or none, numbered from `seq` + 1. @returns false when others have written meanwhile. */
  async append(seq: number, at: number, actor: string, events: readonly RegistryEvent[]): Promise<boolean> {
    const rows = events.map((event, i) => ({ seq: seq + 1 + i, at, actor, event: JSON.stringify(event) }));
    try {
      await this.#database.db.insertInto("journal").values(rows).execute();
    } catch (cause) {
      if (isTaken(cause)) return false;
      throw new OcellusError("io", `cannot write the journal: ${(cause as Error).message}`, { cause });
    }
    if (this.#database.pool) await this.#database.pool.query(`notify ${channel}`);
    return true;
  }

  /** Calls `look` whenever others may have written; errors of the connection are told and it is opened again. */
  async follow(look: () => void): Promise<() => Promise<void>> {
    const { pool } = this.#database;
    const timer = setInterval(look, pollMs);
    timer.unref();
    const client = await pool?.connect();
    client?.on("notification", look);
    client?.on("error", () => {}); // the timer goes on
    await client?.query(`listen ${channel}`);
    return async () => {
      clearInterval(timer);
      client?.release(true);
    };
  }
}

function parseEvent(text: string, seq: number): RegistryEvent {
  const parsed = eventSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new OcellusError(
    "invalid_file",
    `journal entry ${seq} is not one this version knows; was it written by a newer Ocellus?`,
    { cause: parsed.error },
  );
}
