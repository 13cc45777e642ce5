/**
 * The append-only journal in SQL. An entry's number is the one after the newest its writer has seen; the primary key refuses
 * it when somebody was faster, who then looks again: that is all the locking there is, within a process and between many.
 */
import { OcellusError } from "../core/base/index.js";
import { type Connection, type ConnectionPool, isTaken, type OpenDatabase, reasonOf } from "./database.js";
import { eventSchema, type JournalEntry, type RegistryEvent } from "./events.js";

const channel = "ocellus_journal";
/** SQLite tells no one: others look this often. */
const pollMs = 250;
/** Before a broken connection is opened again. */
const pauseMs = 1000;

const meanwhile =
  ". Servers that run answer on, and POST /admin/v1/aliases/NAME/rollback takes one of them back meanwhile";

export class Journal {
  readonly #database: OpenDatabase;

  constructor(database: OpenDatabase) {
    this.#database = database;
  }

  /** The entries after `seq`, in order. @throws `invalid_file` for one that cannot be understood, `io`. */
  async read(seq = 0): Promise<JournalEntry[]> {
    const rows = await this.#database.db
      .selectFrom("journal")
      .selectAll()
      .where("seq", ">", seq)
      .orderBy("seq")
      .execute()
      .catch((cause: unknown) => {
        throw failure("read", cause);
      });
    return rows.map(({ seq, at, actor, event }) => ({ seq, at, actor, event: parseEvent(event, seq) }));
  }

  /** All or none, numbered from `seq` + 1. @returns false when others have written meanwhile. @throws `io` */
  async append(seq: number, entries: readonly Omit<JournalEntry, "seq">[]): Promise<boolean> {
    const rows = entries.map(({ event, ...rest }, i) => ({ ...rest, seq: seq + 1 + i, event: JSON.stringify(event) }));
    try {
      await this.#database.db.insertInto("journal").values(rows).execute();
    } catch (cause) {
      if (isTaken(cause)) return false;
      throw failure("write", cause);
    }
    await this.#database.pool?.query(`notify ${channel}`).catch(() => {}); // it is written, and all look by themselves too
    return true;
  }

  /** Calls `look` whenever others may have written, at the latest after a quarter of a second. */
  async follow(look: () => void): Promise<() => Promise<void>> {
    const timer = setInterval(look, pollMs).unref();
    const { pool } = this.#database;
    const listener = pool && new Listener(pool, look);
    await listener?.listen();
    return async () => {
      clearInterval(timer);
      listener?.close();
    };
  }
}

/** Hears of entries at once. A connection that broke is opened again; until then all that is lost is the quarter second. */
class Listener {
  readonly #pool: ConnectionPool;
  readonly #look: () => void;
  #client: Connection | undefined;
  #isClosed = false;

  constructor(pool: ConnectionPool, look: () => void) {
    this.#pool = pool;
    this.#look = look;
  }

  async listen(): Promise<void> {
    let client: Connection | undefined;
    try {
      client = await this.#pool.connect();
      if (this.#isClosed) return client.release(true);
      this.#client = client;
      client.on("notification", this.#look);
      client.on("error", () => this.#listenAgain(client));
      await client.query(`listen ${channel}`);
    } catch {
      this.#listenAgain(client);
    }
  }

  /** A connection that breaks may say so more than once. */
  #listenAgain(broken: Connection | undefined): void {
    if (this.#client !== broken) return;
    broken?.release(true);
    this.#client = undefined;
    if (!this.#isClosed) setTimeout(() => void this.listen(), pauseMs).unref();
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.release(true);
    this.#client = undefined;
  }
}

function failure(verb: "read" | "write", cause: unknown): OcellusError {
  const reason = reasonOf(cause);
  return new OcellusError("io", `cannot ${verb} the journal: ${reason}; nothing has changed${meanwhile}`, { cause });
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
