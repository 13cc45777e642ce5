/**
 * The judge of one step of a rollout. Every measure is a bad thing that an answer may be: an error, slow, blocked, empty, wrong
 * on a question whose answer is known, another than the stable version's. Two questions are put to each, both sequentially:
 *
 *   is the canary worse?            H₀: bad(canary) - bad(stable) ≤ 0        rejected → back
 *   is it surely not much worse?    H₀: bad(canary) - bad(stable) ≥ margin   rejected for all → on
 *
 * Answers are compared in blocks of their order in time: as soon as a block has answers of both versions, the mean of the stable
 * ones is taken from the mean of the canary's. That difference has the true difference as its mean whatever the shares are,
 * and a slow minute is slow for both.
 */
import { z } from "zod";
import { Bettor, bettorSchema } from "./bettor.js";

/** What may be bad about an answer. `paired` measures come as differences on the same question. */
export const measures = {
  error: { margin: 0.02, minimum: 100, says: "answers that failed" },
  slow_first_token: { margin: 0.1, minimum: 100, says: "first tokens slower than 95 % of the stable version's" },
  slow_tokens: {
    margin: 0.1,
    minimum: 100,
    says: "answers with fewer tokens a second than 95 % of the stable version's",
  },
  blocked: { margin: 0.03, minimum: 100, says: "answers that a guard blocked" },
  malformed: { margin: 0.03, minimum: 100, says: "answers that were empty, cut off or repeated themselves" },
  golden: { margin: 0.05, minimum: 50, says: "wrong answers to questions whose answers are known" },
} as const;

export type Measure = keyof typeof measures;
export type Role = "stable" | "canary";

export interface JudgeOptions {
  /** The probability of ever turning away a canary that is no worse, over all measures. Default 0.01. */
  readonly falseAlarm?: number;
  /** The probability of ever letting on a canary that is worse by a measure's margin. Default 0.05. */
  readonly falsePass?: number;
  /** The measures that must have their evidence before going on. Default: all that were ever observed. */
  readonly required?: readonly Measure[];
}

export interface MeasureFigures {
  readonly canary: number;
  readonly stable: number;
  readonly numCanary: number;
  readonly numStable: number;
  /** Probability bounds (1 / wealth): small means that the hypothesis is hard to hold. */
  readonly pWorse: number;
  readonly pNotFine: number;
}

export interface JudgeVerdict {
  readonly decision: "wait" | "advance" | "roll_back";
  /** For people. */
  readonly reason: string;
  readonly figures: Readonly<Partial<Record<Measure, MeasureFigures>>>;
}

const tallySchema = z.strictObject({ count: z.number().int().min(0), sum: z.number().min(0) });
const blockSchema = z.strictObject({ stable: tallySchema, canary: tallySchema });
const contestSchema = z.strictObject({
  worse: bettorSchema,
  fine: bettorSchema,
  seen: blockSchema,
  block: blockSchema,
  hasBeenWorse: z.boolean(),
});
type ContestRecord = z.infer<typeof contestSchema>;

export const measureSchema = z.enum(Object.keys(measures) as [Measure, ...Measure[]]);

/** All that a judge knows: written down, another goes on from it, in another process too. */
export const judgeSchema = z.strictObject({
  required: z.array(measureSchema),
  contests: z.partialRecord(measureSchema, contestSchema),
});
export type JudgeRecord = z.infer<typeof judgeSchema>;

export class Judge {
  readonly #falseAlarm: number;
  readonly #falsePass: number;
  readonly #required: readonly Measure[];
  readonly #contests: Map<Measure, Contest>;

  /** @param record of a judge of the same step: what either requires is required */
  constructor({ falseAlarm = 0.01, falsePass = 0.05, required = [] }: JudgeOptions = {}, record?: JudgeRecord) {
    this.#falseAlarm = falseAlarm / Object.keys(measures).length;
    this.#falsePass = falsePass;
    this.#required = [...new Set([...(record?.required ?? []), ...required])];
    const known = Object.entries(record?.contests ?? {}) as [Measure, ContestRecord][];
    this.#contests = new Map(known.map(([name, contest]) => [name, new Contest(measures[name].margin, contest)]));
  }

  get record(): JudgeRecord {
    const contests = [...this.#contests].map(([name, contest]) => [name, contest.record]);
    return { required: [...this.#required], contests: Object.fromEntries(contests) };
  }

  /** One answer of live traffic. @param badness from 0 to 1; most things are bad or not */
  observe(measure: Measure, role: Role, badness: number | boolean): void {
    this.#contest(measure).observe(role, Number(badness));
  }

  /** The same question put to both. */
  observePair(measure: Measure, isBad: Readonly<Record<Role, boolean>>): void {
    this.#contest(measure).observe("stable", isBad.stable ? 1 : 0);
    this.#contest(measure).observe("canary", isBad.canary ? 1 : 0);
  }

  #contest(measure: Measure): Contest {
    const found = this.#contests.get(measure) ?? new Contest(measures[measure].margin);
    this.#contests.set(measure, found);
    return found;
  }

  verdict(): JudgeVerdict {
    const entries = [...this.#contests];
    const figures = Object.fromEntries(entries.map(([measure, contest]) => [measure, contest.figures()]));
    const worse = entries.find(([, contest]) => contest.isWorse(this.#falseAlarm));
    if (worse) return { decision: "roll_back", reason: this.#explain("worse", ...worse), figures };
    const missing = this.#required.find((measure) => !this.#contests.has(measure));
    if (missing) return { decision: "wait", reason: `no evidence on ${measures[missing].says} yet`, figures };
    const open = entries.find(([name, contest]) => !contest.isFine(this.#falsePass, measures[name].minimum));
    if (open) return { decision: "wait", reason: this.#explain("open", ...open), figures };
    if (entries.length === 0) return { decision: "wait", reason: "nothing has been answered yet", figures };
    return { decision: "advance", reason: `no worse than allowed in ${entries.length} measures`, figures };
  }

  #explain(kind: "worse" | "open", measure: Measure, contest: Contest): string {
    const { canary, stable, numCanary, numStable, pWorse } = contest.figures();
    const { says, margin } = measures[measure];
    const seen = `${says}: ${percent(canary)} of ${numCanary} against ${percent(stable)} of ${numStable}`;
    if (kind === "worse")
      return `${seen}; chance alone would show this with a probability of at most ${pWorse.toPrecision(2)}`;
    return `${seen}; not yet sure that it is less than ${percent(margin)} worse`;
  }
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

/** One measure: bettors on the differences between the canary's answers and the stable ones around them. */
class Contest {
  readonly #worse: Bettor;
  readonly #fine: Bettor;
  readonly #seen: Block;
  #block: Block;
  #hasBeenWorse: boolean;

  constructor(margin: number, record?: ContestRecord) {
    this.#worse = new Bettor(0, record?.worse);
    this.#fine = new Bettor(-margin, record?.fine);
    this.#seen = structuredClone(record?.seen ?? emptyBlock());
    this.#block = structuredClone(record?.block ?? emptyBlock());
    this.#hasBeenWorse = record?.hasBeenWorse ?? false;
  }

  get record(): ContestRecord {
    const [worse, fine, hasBeenWorse] = [this.#worse.record, this.#fine.record, this.#hasBeenWorse];
    return structuredClone({ worse, fine, seen: this.#seen, block: this.#block, hasBeenWorse });
  }

  observe(role: Role, value: number): void {
    for (const tally of [this.#seen[role], this.#block[role]]) {
      tally.count++;
      tally.sum += value;
    }
    const { stable, canary } = this.#block;
    if (stable.count === 0 || canary.count === 0) return;
    const difference = rate(canary) - rate(stable);
    this.#block = emptyBlock();
    this.#worse.add(difference);
    this.#fine.add(-difference); // H₀: -difference ≤ -margin
  }

  /** Wealth that was once enough stays enough: that is what may be looked at at any time means. */
  isWorse(alpha: number): boolean {
    this.#hasBeenWorse ||= this.#worse.rejects(alpha);
    return this.#hasBeenWorse;
  }

  isFine(alpha: number, minimum: number): boolean {
    return this.#worse.count >= minimum && this.#fine.rejects(alpha);
  }

  figures(): MeasureFigures {
    const { stable, canary } = this.#seen;
    return {
      canary: rate(canary),
      stable: rate(stable),
      numCanary: canary.count,
      numStable: stable.count,
      pWorse: Math.min(1, Math.exp(-this.#worse.logWealth)),
      pNotFine: Math.min(1, Math.exp(-this.#fine.logWealth)),
    };
  }
}

type Block = z.infer<typeof blockSchema>;

function emptyBlock(): Block {
  return { stable: { count: 0, sum: 0 }, canary: { count: 0, sum: 0 } };
}

function rate({ count, sum }: { count: number; sum: number }): number {
  return count === 0 ? 0 : sum / count;
}
