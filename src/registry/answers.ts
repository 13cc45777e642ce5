/** Which version answered which request, for `ocellus who`: written in batches, kept for a month. No content, no user. */
import type { OpenDatabase } from "./database.js";

export interface AnswerRecord {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The name that was asked for. */
  readonly model: string;
  readonly tag: string;
  readonly role: string;
  readonly reason: string;
}

/** Why a version was asked what another one had answered. */
export const mirrorRoles = ["shadow", "comparison"] as const;
export type MirrorRole = (typeof mirrorRoles)[number];

/** A name that no client can give its request: theirs have no spaces. */
export function mirroredId(requestId: string, role: MirrorRole): string {
  return `${requestId} ${role}`;
}

const flushMs = 500;
/** What waits to be written; beyond it a failing database loses records, never answers. */
const maxWaiting = 10_000;
const rowsAtOnce = 500;
const keptMs = 30 * 24 * 3_600_000;
const pruneEveryMs = 3_600_000;

export class AnswerLog {
  readonly #db: OpenDatabase["db"];
  #waiting: AnswerRecord[] = [];
  #flushing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #prunedAt = 0;
  #lost = 0;

  constructor({ db }: OpenDatabase) {
    this.#db = db;
  }

  /** Records that could not be written. */
  get lost(): number {
    return this.#lost;
  }

  add(record: AnswerRecord): void {
    if (this.#waiting.length >= maxWaiting) this.#lost++;
    else this.#waiting.push(record);
    this.#timer ??= setTimeout(() => void this.flush(), flushMs).unref();
  }

  async find(requestId: string): Promise<AnswerRecord | undefined> {
    await this.flush();
    return (await this.#read([requestId]))[0];
  }

  /** Other versions that were asked the same, and whose answers nobody was given. */
  async findMirrored(requestId: string): Promise<AnswerRecord[]> {
    await this.flush();
    return this.#read(mirrorRoles.map((role) => mirroredId(requestId, role)));
  }

  async #read(ids: readonly string[]): Promise<AnswerRecord[]> {
    const rows = await this.#db.selectFrom("answers").selectAll().where("request_id", "in", ids).execute();
    return rows.map(({ request_id: requestId, ...rest }) => ({ requestId, ...rest }));
  }

  /** Resolves when all that was added before is written, or lost. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#flushing;
    this.#flushing = this.#write().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
  }

  async #write(): Promise<void> {
    const records = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < records.length; i += rowsAtOnce) {
      const rows = records
        .slice(i, i + rowsAtOnce)
        .map(({ requestId, ...rest }) => ({ request_id: requestId, ...rest }));
      await this.#db
        .insertInto("answers")
        .values(rows)
        .onConflict((conflict) => conflict.column("request_id").doNothing()) // an id that a client sent twice
        .execute()
        .catch(() => {
          this.#lost += rows.length;
        });
    }
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const now = Date.now();
    if (now - this.#prunedAt < pruneEveryMs) return;
    this.#prunedAt = now;
    await this.#db
      .deleteFrom("answers")
      .where("at", "<", now - keptMs)
      .execute()
      .catch(() => {}); // next time
  }
}
