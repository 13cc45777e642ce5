/** Which version answered which request, for `ocellus requests show`: written in batches, kept for a month. No content, no user. */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { OcellusError } from "../core/base/index.js";
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

/** The id that a client chose, with an end that no one else can choose: two requests never share a record. */
export function uniqueId(clientId: string): string {
  return `${clientId}.${randomBytes(9).toString("base64url")}`;
}
const endLength = 12;

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

  /** By the id of the answer, or by the one that its client chose. @throws `invalid_request` when several chose it. */
  async find(id: string): Promise<AnswerRecord | undefined> {
    await this.flush();
    const [exact] = await this.#read([id]);
    if (exact) return exact;
    const chosen = await this.#chosen(id);
    if (chosen.length < 2) return (await this.#read(chosen))[0];
    throw new OcellusError("invalid_request", `several requests were called ${id}: name one, ${chosen.join(" or ")}`, {
      details: { requestIds: chosen },
    });
  }

  async #chosen(clientId: string): Promise<string[]> {
    const beginning = `${clientId}.`;
    const rows = await this.#db
      .selectFrom("answers")
      .select("request_id")
      .where(sql`substr(request_id, 1, ${beginning.length})`, "=", beginning) // no pattern: ids may hold _ and %
      .where(sql`length(request_id)`, "=", beginning.length + endLength)
      .limit(10)
      .execute();
    return rows.map(({ request_id }) => request_id);
  }

  /** Other versions that were asked the same, and whose answers no one was given. */
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
        .onConflict((conflict) => conflict.column("request_id").doNothing()) // written twice: the first one stays
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
