/**
 * How far the journal was told to a receiver outside, and which process tells it now: one at a time, for a time that it must
 * renew. If it dies, another takes over when that time is out and begins with the entry that was not settled: the receiver
 * hears of each at least once. The times are the processes' own: where their clocks disagree it may hear of one twice.
 */
import type { OpenDatabase } from "./database.js";

export class DeliveryLog {
  readonly #db: OpenDatabase["db"];

  constructor({ db }: OpenDatabase) {
    this.#db = db;
  }

  /** A receiver that is new hears of what comes after `seq`; one that is known is left as it is. */
  async begin(receiver: string, seq: number): Promise<void> {
    await this.#db
      .insertInto("deliveries")
      .values({ receiver, seq, holder: "", until: 0 })
      .onConflict((conflict) => conflict.column("receiver").doNothing())
      .execute();
  }

  /** The last entry that was told, or given up. */
  async position(receiver: string): Promise<number> {
    const { seq } = await this.#db
      .selectFrom("deliveries")
      .select("seq")
      .where("receiver", "=", receiver)
      .executeTakeFirstOrThrow();
    return seq;
  }

  /** Takes the telling over, or keeps it. @returns whether `holder` has it until then */
  async hold(receiver: string, holder: string, now: number, until: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("deliveries")
      .set({ holder, until })
      .where("receiver", "=", receiver)
      .where((row) => row.or([row("holder", "=", holder), row("until", "<", now)]))
      .executeTakeFirstOrThrow();
    return numUpdatedRows !== 0n;
  }

  /** Told, or given up; nothing happens where another process has taken over. */
  async settle(receiver: string, holder: string, seq: number): Promise<void> {
    await this.#db
      .updateTable("deliveries")
      .set({ seq })
      .where("receiver", "=", receiver)
      .where("holder", "=", holder)
      .execute();
  }

  /** Another may continue at once. */
  async release(receiver: string, holder: string): Promise<void> {
    await this.#db
      .updateTable("deliveries")
      .set({ until: 0 })
      .where("receiver", "=", receiver)
      .where("holder", "=", holder)
      .execute();
  }
}
