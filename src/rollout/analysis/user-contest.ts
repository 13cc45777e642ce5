/**
 * One measure over users. It is looked at after 50 answers, and whenever there are half as many more. The k-th look's evidence has
 * the weight 1 / (k (k + 1)), and what all looks found is added: the sum of all has a mean of at most 1 under the hypothesis, and
 * only grows, so that it ever reaches 1/α with a probability of at most α (Markov). When to look depends on how many answers there are, and
 * not on whose: the tables of two looks may be as alike as they like.
 */
import { z } from "zod";
import type { CanaryMetricFigures, Role } from "./metrics.js";
import { cellsSchema, UserCells } from "./user-cells.js";
import { logEvidenceAbove, logEvidenceOfHarm, mean, pOfMargin } from "./user-tests.js";

const firstLook = 50;
const lookGrowth = 1.5;
/** Of each version, before a step is taken: harm that strikes fewer than about one user in four is not seen among less. */
export const minUsers = 10;

export const userContestSchema = z.strictObject({
  cells: cellsSchema,
  numLooks: z.number().int().min(0),
  nextLook: z.number().int().min(1),
  /** Null: none yet. */
  logWorse: z.number().nullable(),
  pNotFine: z.number(),
});
type UserContestRecord = z.infer<typeof userContestSchema>;

/** What is asked of the users. */
export type Question =
  | { readonly kind: "split"; readonly share: number; readonly margin: number }
  | { readonly kind: "floor"; readonly allowed: number };

export class UserContest {
  readonly #question: Question;
  readonly #cells: UserCells;
  #numLooks: number;
  #nextLook: number;
  #logWorse: number;
  #pNotFine: number;

  constructor(question: Question, record?: UserContestRecord) {
    this.#question = question;
    this.#cells = new UserCells(record?.cells);
    this.#numLooks = record?.numLooks ?? 0;
    this.#nextLook = record?.nextLook ?? firstLook;
    this.#logWorse = record?.logWorse ?? Number.NEGATIVE_INFINITY;
    this.#pNotFine = record?.pNotFine ?? 1;
  }

  get record(): UserContestRecord {
    const logWorse = Number.isFinite(this.#logWorse) ? this.#logWorse : null;
    const [numLooks, nextLook, pNotFine] = [this.#numLooks, this.#nextLook, this.#pNotFine];
    return { cells: this.#cells.rows, numLooks, nextLook, logWorse, pNotFine };
  }

  observe(role: Role, badness: number, mark: number): void {
    this.#cells.add(role, mark, badness);
    if (this.#numAnswers >= this.#nextLook) this.#look();
  }

  get #numAnswers(): number {
    return this.#cells.numAnswers("stable") + this.#cells.numAnswers("canary");
  }

  #look(): void {
    this.#numLooks++;
    this.#nextLook = Math.ceil(this.#numAnswers * lookGrowth);
    const weight = 1 / (this.#numLooks * (this.#numLooks + 1));
    this.#logWorse = logAdd(this.#logWorse, Math.log(weight) + this.#logEvidence());
    this.#pNotFine = Math.min(1, this.#pOfMargin() / weight);
  }

  #logEvidence(): number {
    const question = this.#question;
    if (question.kind === "split") return logEvidenceOfHarm(this.#cells, question.share);
    return logEvidenceAbove(this.#cells.arm("canary").rates, question.allowed);
  }

  #pOfMargin(): number {
    const question = this.#question;
    const canary = this.#cells.arm("canary");
    if (question.kind === "floor") return pOfMargin(question.allowed, canary);
    return pOfMargin(question.margin, canary, this.#cells.arm("stable"));
  }

  /** Evidence only grows: what was once enough stays enough. */
  isWorse(alpha: number): boolean {
    return this.#logWorse >= -Math.log(alpha);
  }

  /** As of the last look. @param minimum of answers by each version */
  isFine(alpha: number, minimum: number): boolean {
    const numAnswers = Math.min(this.#cells.numAnswers("canary"), this.#cells.numAnswers("stable"));
    return numAnswers >= minimum && !this.lacksUsers && this.#pNotFine <= alpha;
  }

  /** Whether there are too few to say that all is well. */
  get lacksUsers(): boolean {
    return (["canary", "stable"] as const).some((role) => this.#cells.numCells(role) < minUsers);
  }

  /** Means over users: each counts once. */
  figures(): CanaryMetricFigures {
    const [canary, stable] = [this.#cells.arm("canary"), this.#cells.arm("stable")];
    return {
      ...{ canary: mean(canary.rates), stable: mean(stable.rates) },
      ...{ numCanary: canary.count, numStable: stable.count },
      ...{ usersCanary: this.#cells.numUsers("canary"), usersStable: this.#cells.numUsers("stable") },
      ...{ pWorse: Math.min(1, Math.exp(-this.#logWorse)), pNotFine: this.#pNotFine },
    };
  }
}

function logAdd(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === Number.NEGATIVE_INFINITY ? most : most + Math.log(Math.exp(a - most) + Math.exp(b - most));
}
