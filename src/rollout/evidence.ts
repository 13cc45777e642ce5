/**
 * What several processes have seen of one step of a canary, and the one analysis they share. Each lays what it saw into a queue;
 * the next server feeds what waits there to the analysis, in the order of the queue, and writes the analysis down together with
 * what it has been fed, only if no one else has meanwhile; what was fed is then taken out of the queue. So every answer counts
 * once, whichever process dies when, and no process is needed more than another. Single statements throughout: a transaction
 * would keep all others from writing to an SQLite file while its process thinks.
 */
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import {
  CanaryAnalysis,
  type CanaryAnalysisOptions,
  canaryRecordSchema,
  emptyCanaryRecord,
} from "./analysis/canary-analysis.js";
import { type CanaryMetric, canaryMetricSchema, type Role } from "./analysis/metrics.js";
import { maxMark } from "./analysis/user-cells.js";
import type { OpenDatabase } from "./database.js";

const markSchema = z
  .number()
  .int()
  .min(0)
  .max(maxMark - 1);
/** What this process has seen, in its order: which version's answer it was, how bad, from 0 to 1, to which user, by a mark, and of what kind the question was. */
const observationsSchema = z.partialRecord(
  canaryMetricSchema,
  // Far more than a process answers between two writes.
  z
    .array(z.tuple([z.enum(["stable", "canary"]), z.number().min(0).max(1), markSchema, z.string().max(64).optional()]))
    .max(100_000),
);
export type Observations = z.infer<typeof observationsSchema>;

/** Of one step of one canary: `stepSeq` is the journal's entry that set its share. */
export interface Step {
  readonly alias: string;
  readonly stepSeq: number;
}

const fedSchema = z.array(z.string());

/** What is fed at once; the rest waits for the next round. */
const rowsAtOnce = 200;
/** More losers in a row than there are processes on one registry; who loses them all looks again in a moment. */
const maxAttempts = 20;

export class EvidenceLog {
  readonly #db: OpenDatabase["db"];

  constructor({ db }: OpenDatabase) {
    this.#db = db;
  }

  /** @param id of this writing: no other has it. @throws `io`; then it may have been written all the same: it is not repeated */
  async add({ alias, stepSeq }: Step, id: string, at: number, observations: Observations): Promise<void> {
    const row = { id, alias, step_seq: stepSeq, at, observations: JSON.stringify(observations) };
    await this.#db.insertInto("evidence").values(row).execute();
  }

  /**
   * The analysis of a step, having seen all that every process has laid into the queue.
   * @returns undefined before the first answer, and where others were faster all the time
   * @throws `invalid_file` for what another release has written, `io`
   */
  async analysis(step: Step, options: CanaryAnalysisOptions): Promise<CanaryAnalysis | undefined> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const found = await this.#find(step);
      if (found) await this.#remove(parse(fedSchema, found.fed, step));
      const rows = await this.#waiting(step);
      if (!found && rows.length === 0) return undefined;
      if (!found) {
        await this.#begin(step);
        continue;
      }
      const analysis = new CanaryAnalysis(options, parse(canaryRecordSchema, found.analysis, step));
      if (rows.length === 0) return analysis;
      for (const row of rows) feed(analysis, parse(observationsSchema, row.observations, step));
      const fed = rows.map(({ id }) => id);
      if ((await this.#replace(step, found.revision, analysis, fed)) && rows.length < rowsAtOnce) return analysis;
    }
    return undefined;
  }

  async #begin({ alias, stepSeq }: Step): Promise<void> {
    await this.#db
      .insertInto("trials")
      .values({ alias, step_seq: stepSeq, revision: 0, analysis: JSON.stringify(emptyCanaryRecord), fed: "[]" })
      .onConflict((conflict) => conflict.columns(["alias", "step_seq"]).doNothing())
      .execute();
  }

  #find({ alias, stepSeq }: Step) {
    return this.#db
      .selectFrom("trials")
      .select(["revision", "analysis", "fed"])
      .where("alias", "=", alias)
      .where("step_seq", "=", stepSeq)
      .executeTakeFirst();
  }

  #waiting({ alias, stepSeq }: Step) {
    return this.#db
      .selectFrom("evidence")
      .select(["id", "observations"])
      .where("alias", "=", alias)
      .where("step_seq", "=", stepSeq)
      .orderBy("at")
      .orderBy("id")
      .limit(rowsAtOnce)
      .execute();
  }

  /** @returns false when another process was faster: then nothing is changed */
  async #replace(
    { alias, stepSeq }: Step,
    revision: number,
    analysis: CanaryAnalysis,
    fed: readonly string[],
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("trials")
      .set({ revision: revision + 1, analysis: JSON.stringify(analysis.record), fed: JSON.stringify(fed) })
      .where("alias", "=", alias)
      .where("step_seq", "=", stepSeq)
      .where("revision", "=", revision)
      .executeTakeFirstOrThrow();
    return numUpdatedRows !== 0n;
  }

  async #remove(fed: readonly string[]): Promise<void> {
    if (fed.length > 0) await this.#db.deleteFrom("evidence").where("id", "in", fed).execute();
  }

  /** Something that is done once a step, whichever process does it. @returns whether this one is to */
  async claim({ alias, stepSeq }: Step, item: string): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto("claims")
      .values({ alias, step_seq: stepSeq, item })
      .onConflict((conflict) => conflict.columns(["alias", "step_seq", "item"]).doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows !== 0n;
  }

  /** The steps of an alias before this one are over. */
  async forget({ alias, stepSeq }: Step): Promise<void> {
    for (const table of ["evidence", "claims", "trials"] as const)
      await this.#db.deleteFrom(table).where("alias", "=", alias).where("step_seq", "<", stepSeq).execute();
  }
}

function feed(analysis: CanaryAnalysis, observations: Observations): void {
  for (const [metric, seen] of Object.entries(observations) as [CanaryMetric, [Role, number, number, string?][]][])
    for (const [role, badness, mark, kind] of seen) analysis.observe(metric, role, badness, mark, kind);
}

function parse<T>(schema: z.ZodType<T>, text: string, { alias }: Step): T {
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new OcellusError(
    "invalid_file",
    `the evidence on the canary of ${alias} is not what this release knows; was it written by a newer Ocellus?`,
    { details: { alias }, cause: parsed.error },
  );
}
