/**
 * The analysis of one step of a rollout. Every measure is a bad thing that an answer may be: an error, slow, blocked, empty, wrong
 * on a question whose answer is known, another than the stable version's. Two questions are put to each, both sequentially:
 *
 *   is the canary worse?            rejected that it is not → back
 *   is it surely not much worse?    rejected for all measures that it is worse by a margin → on
 *
 * The split gives versions to users, so users are what is counted (user-contest.ts). Golden questions are put to both versions,
 * and count each (pair-contest.ts). How alike both versions' answers to one question are has no bad or good of its own, and a
 * floor that somebody states: is the mean disagreement surely more than it allows, or surely less?
 */
import { z } from "zod";
import {
  type CanaryMetric,
  type CanaryMetricFigures,
  canaryMetricSchema,
  canaryMetrics,
  type Role,
} from "./metrics.js";
import { PairContest, pairContestSchema } from "./pair-contest.js";
import { minUsers, UserContest, userContestSchema } from "./user-contest.js";

export interface CanaryAnalysisOptions {
  /** Of the split: a user's chance of the canary. */
  readonly share: number;
  /** The probability of ever turning away a canary that is worse to no user, over all measures. Default 0.01. */
  readonly falseAlarm?: number;
  /** About the probability of ever letting on a canary that is worse by a measure's margin. Default 0.05. */
  readonly falsePass?: number;
  /** The measures that must have their evidence before going on. Default: all that were ever observed. */
  readonly required?: readonly CanaryMetric[];
  /** What the mean similarity of both versions' answers must not fall below, in (0, 1). Default 0.8. */
  readonly agreementFloor?: number;
}

export interface CanaryVerdict {
  readonly decision: "wait" | "advance" | "roll_back";
  /** For people. */
  readonly reason: string;
  readonly figures: Readonly<Partial<Record<CanaryMetric, CanaryMetricFigures>>>;
}

const ofUsers = userContestSchema.optional();
const contestsSchema = z.strictObject({
  ...{ error: ofUsers, slow_first_token: ofUsers, slow_tokens: ofUsers, blocked: ofUsers, malformed: ofUsers },
  ...{ golden: pairContestSchema.optional(), disagreement: ofUsers },
} satisfies Record<CanaryMetric, z.ZodType>);

/** The whole state of an analysis: another process can read it and continue. */
export const canaryRecordSchema = z.strictObject({ required: z.array(canaryMetricSchema), contests: contestsSchema });
export type CanaryRecord = z.infer<typeof canaryRecordSchema>;
/** Of a step that nothing is known of. */
export const emptyCanaryRecord: CanaryRecord = { required: [], contests: {} };

type Contest = UserContest | PairContest;

interface Found {
  readonly decision: CanaryVerdict["decision"];
  readonly metric?: CanaryMetric | undefined;
}

export class CanaryAnalysis {
  readonly #options: CanaryAnalysisOptions;
  readonly #falseAlarm: number;
  readonly #falsePass: number;
  readonly #required: readonly CanaryMetric[];
  readonly #allowed: number;
  readonly #contests: Map<CanaryMetric, Contest>;

  /** @param record of an analysis of the same step: what either requires is required */
  constructor(options: CanaryAnalysisOptions, record: CanaryRecord = emptyCanaryRecord) {
    const { falseAlarm = 0.01, falsePass = 0.05, required = [], agreementFloor = 0.8 } = options;
    this.#options = options;
    this.#falseAlarm = falseAlarm / Object.keys(canaryMetrics).length;
    this.#falsePass = falsePass;
    this.#required = [...new Set([...record.required, ...required])];
    this.#allowed = 1 - agreementFloor;
    const known = Object.keys(record.contests) as CanaryMetric[];
    this.#contests = new Map(known.map((name) => [name, this.#open(name, record.contests)]));
  }

  get record(): CanaryRecord {
    const contests = [...this.#contests].map(([name, contest]) => [name, contest.record]);
    return { required: [...this.#required], contests: Object.fromEntries(contests) };
  }

  /** One answer. @param badness from 0 to 1; most things are bad or not. @param mark of the user; nothing where both were asked. @param kind only tells, in the figures, what was asked */
  observe(metric: CanaryMetric, role: Role, badness: number | boolean, mark: number, kind?: string): void {
    const contest = this.#contests.get(metric) ?? this.#open(metric, {});
    this.#contests.set(metric, contest);
    contest.observe(role, Number(badness), mark, kind);
  }

  /** A golden question, put to both. */
  observePair(isBad: Readonly<Record<Role, boolean>>, kind?: string): void {
    this.observe("golden", "stable", isBad.stable, 0, kind);
    this.observe("golden", "canary", isBad.canary, 0, kind);
  }

  #open(metric: CanaryMetric, contests: CanaryRecord["contests"]): Contest {
    const { margin } = canaryMetrics[metric];
    if (metric === "golden") return new PairContest(margin!, contests.golden);
    const { share } = this.#options;
    const allowed = this.#allowed;
    const question =
      margin === undefined ? ({ kind: "floor", allowed } as const) : ({ kind: "split", share, margin } as const);
    return new UserContest(question, contests[metric]);
  }

  get decision(): CanaryVerdict["decision"] {
    return this.#decide().decision;
  }

  #decide(): Found {
    const entries = [...this.#contests];
    const worse = entries.find(([, contest]) => contest.isWorse(this.#falseAlarm));
    if (worse) return { decision: "roll_back", metric: worse[0] };
    const missing = this.#required.find((metric) => !this.#contests.has(metric));
    if (missing) return { decision: "wait", metric: missing };
    const open = entries.find(([name, contest]) => !contest.isFine(this.#falsePass, canaryMetrics[name].minimum));
    if (open) return { decision: "wait", metric: open[0] };
    return { decision: entries.length === 0 ? "wait" : "advance" };
  }

  verdict(): CanaryVerdict {
    const { decision, metric } = this.#decide();
    const figures = Object.fromEntries([...this.#contests].map(([name, contest]) => [name, contest.figures()]));
    return { decision, reason: this.#reason(decision, metric), figures };
  }

  #reason(decision: CanaryVerdict["decision"], metric: CanaryMetric | undefined): string {
    if (metric === undefined && decision === "wait") return "nothing has been answered yet";
    if (metric === undefined) return `no worse than allowed in ${this.#contests.size} measures`;
    const { says, margin } = canaryMetrics[metric];
    const contest = this.#contests.get(metric);
    if (!contest) return `no evidence on ${says} yet`;
    const figures = contest.figures();
    const seen = `${says}: ${this.#seen(margin, figures)}`;
    if (decision === "roll_back")
      return `${seen}; chance alone would show this with a probability of at most ${figures.pWorse.toPrecision(2)}`;
    if (contest.lacksUsers)
      return `${seen}; fewer than ${minUsers} users have asked one of the versions: too few to go on by; a larger share, more users or a person can decide`;
    return `${seen}; not yet sure that it is less${margin === undefined ? "" : ` than ${percent(margin)} worse`}`;
  }

  #seen(margin: number | undefined, figures: CanaryMetricFigures): string {
    const { canary, stable, numCanary, numStable, usersCanary, usersStable, kinds } = figures;
    if (margin === undefined)
      return `${percent(canary)} over ${numCanary} questions of ${users(usersCanary)}, ${percent(this.#allowed)} is allowed`;
    if (usersCanary === undefined)
      return `${percent(canary)} of ${numCanary} against ${percent(stable)} of ${numStable}${kindsText(kinds)}`;
    return `${percent(canary)} in mean over ${users(usersCanary)} (${numCanary} answers) against ${percent(stable)} over ${users(usersStable)} (${numStable} answers)`;
  }
}

function users(count = 0): string {
  return count === 1 ? "1 user" : `${count} users`;
}

/** ` (exact 120, set 8)` */
function kindsText(kinds: CanaryMetricFigures["kinds"]): string {
  if (!kinds) return "";
  return ` (${Object.entries(kinds)
    .map(([kind, { questions }]) => `${kind} ${questions}`)
    .join(", ")})`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
