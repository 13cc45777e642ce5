/**
 * The judge of one step of a rollout. Every measure is a bad thing that an answer may be: an error, slow, blocked, empty, wrong
 * on a question whose answer is known, another than the stable version's. Two questions are put to each, both sequentially:
 *
 *   is the canary worse?            H₀: bad(canary) - bad(stable) ≤ 0        rejected → back
 *   is it surely not much worse?    H₀: bad(canary) - bad(stable) ≥ margin   rejected for all → on
 *
 * How alike both versions' answers to one question are has no bad or good of its own, and a floor that somebody states: is the
 * mean disagreement surely more than it allows (H₀: at most that), or surely less (H₀: at least that)?
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
  /** On one question put to both: 0 for the stable version, and for the canary 1 - similarity of the answers. */
  disagreement: { margin: undefined, minimum: 50, says: "disagreement with the stable version's answers" },
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
  /** What the mean similarity of both versions' answers must not fall below, in (0, 1). Default 0.8. */
  readonly agreementFloor?: number;
}

export interface MeasureFigures {
  readonly canary: number;
  readonly stable: number;
  readonly numCanary: number;
  readonly numStable: number;
  /** Probability bounds (1 / wealth): small means that the hypothesis is hard to hold. */
  readonly pWorse: number;
  readonly pNotFine: number;
  /** Of questions put to both: how many of each kind, and the wrong answers to them. */
  readonly kinds?: Readonly<Record<string, KindFigures>>;
}

export interface KindFigures {
  readonly questions: number;
  readonly canary: number;
  readonly stable: number;
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
  kinds: z.record(z.string(), blockSchema).optional(),
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
  readonly #allowed: number;
  readonly #contests: Map<Measure, Contest>;

  /** @param record of a judge of the same step: what either requires is required */
  constructor(options: JudgeOptions = {}, record?: JudgeRecord) {
    const { falseAlarm = 0.01, falsePass = 0.05, required = [], agreementFloor = 0.8 } = options;
    this.#falseAlarm = falseAlarm / Object.keys(measures).length;
    this.#falsePass = falsePass;
    this.#required = [...new Set([...(record?.required ?? []), ...required])];
    this.#allowed = 1 - agreementFloor;
    const known = Object.entries(record?.contests ?? {}) as [Measure, ContestRecord][];
    this.#contests = new Map(known.map(([name, contest]) => [name, new Contest(this.#limits(name), contest)]));
  }

  get record(): JudgeRecord {
    const contests = [...this.#contests].map(([name, contest]) => [name, contest.record]);
    return { required: [...this.#required], contests: Object.fromEntries(contests) };
  }

  /** One answer. @param badness from 0 to 1; most things are bad or not. @param kind only tells, in the figures, what was asked */
  observe(measure: Measure, role: Role, badness: number | boolean, kind?: string): void {
    this.#contest(measure).observe(role, Number(badness), kind);
  }

  /** The same question put to both. */
  observePair(measure: Measure, isBad: Readonly<Record<Role, boolean>>, kind?: string): void {
    this.observe(measure, "stable", isBad.stable, kind);
    this.observe(measure, "canary", isBad.canary, kind);
  }

  #contest(measure: Measure): Contest {
    const found = this.#contests.get(measure) ?? new Contest(this.#limits(measure));
    this.#contests.set(measure, found);
    return found;
  }

  #limits(measure: Measure): Limits {
    const { margin } = measures[measure];
    return margin === undefined ? { allowed: this.#allowed, margin: this.#allowed } : { allowed: 0, margin };
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
    const { canary, stable, numCanary, numStable, pWorse, kinds } = contest.figures();
    const { says, margin } = measures[measure];
    const seen =
      margin === undefined
        ? `${says}: ${percent(canary)} over ${numCanary} questions, ${percent(this.#allowed)} is allowed`
        : `${says}: ${percent(canary)} of ${numCanary} against ${percent(stable)} of ${numStable}${kindsText(kinds)}`;
    if (kind === "worse")
      return `${seen}; chance alone would show this with a probability of at most ${pWorse.toPrecision(2)}`;
    return `${seen}; not yet sure that it is less${margin === undefined ? "" : ` than ${percent(margin)} worse`}`;
  }
}

/** ` (exact 120, set 8)` */
function kindsText(kinds: MeasureFigures["kinds"]): string {
  if (!kinds) return "";
  return ` (${Object.entries(kinds)
    .map(([kind, { questions }]) => `${kind} ${questions}`)
    .join(", ")})`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

interface Limits {
  /** A difference that is no fault. */
  readonly allowed: number;
  /** A difference that is surely not there, before a step is taken. */
  readonly margin: number;
}

/** One measure: bettors on the differences between the canary's answers and the stable ones around them. */
class Contest {
  readonly #worse: Bettor;
  readonly #fine: Bettor;
  readonly #seen: Block;
  readonly #kinds: Map<string, Block>;
  #block: Block;
  #hasBeenWorse: boolean;

  constructor({ allowed, margin }: Limits, record?: ContestRecord) {
    this.#worse = new Bettor(allowed, record?.worse);
    this.#fine = new Bettor(-margin, record?.fine);
    this.#seen = structuredClone(record?.seen ?? emptyBlock());
    this.#kinds = new Map(Object.entries(structuredClone(record?.kinds ?? {})));
    this.#block = structuredClone(record?.block ?? emptyBlock());
    this.#hasBeenWorse = record?.hasBeenWorse ?? false;
  }

  get record(): ContestRecord {
    const [worse, fine, hasBeenWorse] = [this.#worse.record, this.#fine.record, this.#hasBeenWorse];
    const kinds = Object.fromEntries(this.#kinds);
    return structuredClone({ worse, fine, seen: this.#seen, kinds, block: this.#block, hasBeenWorse });
  }

  observe(role: Role, value: number, kind?: string): void {
    const ofKind = kind === undefined ? [] : [this.#ofKind(kind)[role]];
    for (const tally of [this.#seen[role], this.#block[role], ...ofKind]) {
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

  #ofKind(kind: string): Block {
    const found = this.#kinds.get(kind) ?? emptyBlock();
    this.#kinds.set(kind, found);
    return found;
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
      ...(this.#kinds.size > 0 && {
        kinds: Object.fromEntries([...this.#kinds].map(([kind, its]) => [kind, kindFigures(its)])),
      }),
    };
  }
}

type Block = z.infer<typeof blockSchema>;

function emptyBlock(): Block {
  return { stable: { count: 0, sum: 0 }, canary: { count: 0, sum: 0 } };
}

function kindFigures({ stable, canary }: Block): KindFigures {
  return { questions: canary.count, canary: canary.sum, stable: stable.sum };
}

function rate({ count, sum }: { count: number; sum: number }): number {
  return count === 0 ? 0 : sum / count;
}
