/**
 * What the answers of the versions on trial were like, interval by interval, for charts and people: each process has one row
 * a version and interval, and writes it again as it grows. No judge reads it: what it decides by is in `evidence`.
 */
import { z } from "zod";
import type { OpenDatabase } from "./database.js";
import type { Measure } from "./judge/judge.js";

/** A process's answers of one version within one interval. */
const countsSchema = z.object({
  /** How many were looked at in this way, and how bad they were in all. */
  measures: z.record(z.string(), z.tuple([z.number(), z.number()])),
  /** How many first tokens came within `bucketRatio` ** key milliseconds, and not within one power less. */
  firstTokens: z.record(z.string(), z.number()),
});
type Counts = z.infer<typeof countsSchema>;

/** Of one version of an alias in one interval, all processes together. */
export interface IntervalFigures {
  readonly alias: string;
  readonly tag: string;
  /** Its beginning, in milliseconds since 1970. */
  readonly at: number;
  /** `error` has all requests; what else there is depends on the answers. */
  readonly measures: Readonly<Partial<Record<Measure, { readonly count: number; readonly bad: number }>>>;
  /** Upper ends of the buckets they fall into: at most a tenth too high. Absent where nothing was answered. */
  readonly firstTokenMs?: { readonly p50: number; readonly p95: number };
}

export const intervalMs = 10_000;
/** A long weekend's canary: some 50,000 rows a process. */
const keptMs = 3 * 24 * 3_600_000;
const pruneEveryMs = 3_600_000;
const bucketRatio = 1.1;

interface Row {
  readonly alias: string;
  readonly tag: string;
  readonly at: number;
  readonly counts: Counts;
}

export class FigureLog {
  readonly #db: OpenDatabase["db"];
  readonly #now: () => number;
  /** Of the present interval: by alias and tag. */
  #rows = new Map<string, Row>();
  /** Those that have grown since they were written. */
  readonly #grown = new Set<Row>();
  /** No other has it: a row has one writer. */
  readonly #process = crypto.randomUUID();
  #prunedAt = 0;

  constructor({ db }: OpenDatabase, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /** @param badness from 0 to 1; most things are bad or not */
  note(alias: string, tag: string, measure: Measure, badness: number): void {
    const { measures } = this.#countsOf(alias, tag);
    const [count, bad] = measures[measure] ?? [0, 0];
    measures[measure] = [count + 1, bad + badness];
  }

  noteFirstToken(alias: string, tag: string, ms: number): void {
    const { firstTokens } = this.#countsOf(alias, tag);
    const bucket = Math.ceil(Math.log(Math.max(1, ms)) / Math.log(bucketRatio));
    firstTokens[bucket] = (firstTokens[bucket] ?? 0) + 1;
  }

  #countsOf(alias: string, tag: string): Counts {
    const at = Math.floor(this.#now() / intervalMs) * intervalMs;
    const key = `${alias} ${tag}`;
    const found = this.#rows.get(key);
    const row = found?.at === at ? found : { alias, tag, at, counts: { measures: {}, firstTokens: {} } };
    this.#rows.set(key, row);
    this.#grown.add(row);
    return row.counts;
  }

  /** What could not be written is written with the next. */
  async flush(): Promise<void> {
    const rows = [...this.#grown];
    if (rows.length === 0) return;
    const values = rows.map(({ counts, ...rest }) => ({
      ...{ ...rest, process: this.#process },
      counts: JSON.stringify(counts),
    }));
    this.#grown.clear();
    try {
      await this.#db
        .insertInto("figures")
        .values(values)
        .onConflict((conflict) =>
          conflict
            .columns(["alias", "at", "tag", "process"])
            .doUpdateSet((set) => ({ counts: set.ref("excluded.counts") })),
        )
        .execute();
    } catch (error) {
      for (const row of rows.slice(-maxWaiting)) this.#grown.add(row);
      throw error;
    }
    await this.#prune();
  }

  /** The intervals of an alias that began at `since` or later, in their order. */
  async read(alias: string, since: number): Promise<IntervalFigures[]> {
    const rows = await this.#db
      .selectFrom("figures")
      .select(["tag", "at", "counts"])
      .where("alias", "=", alias)
      .where("at", ">=", since)
      .orderBy("at")
      .orderBy("tag")
      .execute();
    const sums = new Map<string, Row>();
    for (const { tag, at, counts } of rows) {
      const key = `${at} ${tag}`;
      const sum = sums.get(key) ?? { alias, tag, at, counts: { measures: {}, firstTokens: {} } };
      sums.set(key, sum);
      add(sum.counts, countsSchema.parse(JSON.parse(counts)));
    }
    return [...sums.values()].map(figuresOf);
  }

  async #prune(): Promise<void> {
    const now = this.#now();
    if (now - this.#prunedAt < pruneEveryMs) return;
    this.#prunedAt = now;
    await this.#db
      .deleteFrom("figures")
      .where("at", "<", now - keptMs)
      .execute();
  }
}

/** Versions times intervals that wait while the database is away. */
const maxWaiting = 1000;

function add(sum: Counts, more: Counts): void {
  for (const [measure, [count, bad]] of Object.entries(more.measures)) {
    const [countSoFar, badSoFar] = sum.measures[measure] ?? [0, 0];
    sum.measures[measure] = [countSoFar + count, badSoFar + bad];
  }
  for (const [bucket, count] of Object.entries(more.firstTokens))
    sum.firstTokens[bucket] = (sum.firstTokens[bucket] ?? 0) + count;
}

function figuresOf({ alias, tag, at, counts }: Row): IntervalFigures {
  const measures = Object.fromEntries(
    Object.entries(counts.measures).map(([measure, [count, bad]]) => [measure, { count, bad }]),
  );
  const buckets = Object.entries(counts.firstTokens)
    .map(([bucket, count]) => ({ upTo: bucketRatio ** Number(bucket), count }))
    .sort((a, b) => a.upTo - b.upTo);
  if (buckets.length === 0) return { alias, tag, at, measures };
  return { alias, tag, at, measures, firstTokenMs: { p50: quantile(buckets, 0.5), p95: quantile(buckets, 0.95) } };
}

function quantile(buckets: readonly { upTo: number; count: number }[], part: number): number {
  let left = part * buckets.reduce((sum, { count }) => sum + count, 0);
  for (const { upTo, count } of buckets) {
    left -= count;
    if (left <= 0) return Math.round(upTo);
  }
  return Math.round(buckets.at(-1)!.upTo);
}
