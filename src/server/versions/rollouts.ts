/**
 * The judges of the canaries that this process serves: what each answer was like goes in, and what follows is written into the
 * journal as anybody's command would be. A judge sees one step of one canary; the next step begins with no evidence.
 */
import type { Logger } from "pino";
import {
  type Alias,
  type Decision,
  ifCanaryIs,
  Judge,
  type JudgeOptions,
  type JudgeVerdict,
  type Measure,
  promote,
  type Registry,
  type RegistryCommand,
  type Role,
  rollBack,
  setShare,
} from "../../registry/index.js";
import { RecentQuantile } from "./recent-quantile.js";

/** What an answer was like, as far as its version is to blame. */
export interface AnswerQuality {
  readonly isError: boolean;
  readonly isBlocked: boolean;
  readonly isMalformed: boolean;
  readonly firstTokenMs?: number | undefined;
  readonly tokensPerSecond?: number | undefined;
}

export interface RolloutOptions {
  readonly registry: Registry;
  readonly log: Logger;
  readonly judge?: JudgeOptions;
  /** Told of every question of the golden set. */
  readonly onPair?: (alias: Alias, isBad: Readonly<Record<Role, boolean>>) => void;
}

/** One step of one canary. */
class Trial {
  readonly judge: Judge;
  readonly alias: Alias;
  readonly #firstTokens = new RecentQuantile(0.95);
  readonly #slowness = new RecentQuantile(0.95);
  isDecided = false;

  constructor(alias: Alias, options: JudgeOptions | undefined) {
    this.alias = alias;
    const { required = ["error"], ...rest } = options ?? {}; // nobody has asked: nothing is known
    const agreement = alias.canary?.plan.agreement;
    const compared = agreement && { required: [...required, "disagreement" as const], agreementFloor: agreement.floor };
    this.judge = new Judge({ ...rest, required, ...compared });
  }

  observe(role: Role, { isError, isBlocked, isMalformed, firstTokenMs, tokensPerSecond }: AnswerQuality): void {
    this.judge.observe("error", role, isError);
    if (isError) return;
    this.judge.observe("blocked", role, isBlocked);
    this.judge.observe("malformed", role, isMalformed);
    this.#observeSlow("slow_first_token", role, firstTokenMs, this.#firstTokens);
    const slowness = tokensPerSecond === undefined || tokensPerSecond <= 0 ? undefined : 1 / tokensPerSecond;
    this.#observeSlow("slow_tokens", role, slowness, this.#slowness);
  }

  /** Slow is what 95 % of the stable version's answers so far were not: a bar that was set before this answer was seen. */
  #observeSlow(measure: Measure, role: Role, value: number | undefined, stable: RecentQuantile): void {
    if (value === undefined) return;
    const bar = stable.value;
    if (bar !== undefined) this.judge.observe(measure, role, value > bar);
    if (role === "stable") stable.add(value);
  }
}

export class Rollouts {
  readonly #options: RolloutOptions;
  readonly #trials = new Map<string, Trial>();

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** The newest verdict on each canary. */
  get verdicts(): ReadonlyMap<string, JudgeVerdict> {
    return new Map([...this.#trials].map(([alias, trial]) => [alias, trial.judge.verdict()]));
  }

  /** @returns undefined before the first answer of the canary's present step */
  verdictOn({ name, canary }: Alias): JudgeVerdict | undefined {
    const trial = this.#trials.get(name);
    return canary && trial?.alias.canary?.stepSeq === canary.stepSeq ? trial.judge.verdict() : undefined;
  }

  /** One answer of an alias with a canary. */
  observe(alias: Alias, role: Role, quality: AnswerQuality): void {
    const trial = this.#trialOf(alias);
    if (!trial) return;
    trial.observe(role, quality);
    void this.#decide(trial);
  }

  /** One question of the golden set, put to both. */
  observePair(alias: Alias, isBad: Readonly<Record<Role, boolean>>): void {
    this.#options.onPair?.(alias, isBad);
    const trial = this.#trialOf(alias);
    if (!trial) return;
    trial.judge.observePair("golden", isBad);
    void this.#decide(trial);
  }

  /** How alike the answers of both to one live question were, in [0, 1]. */
  observeAgreement(alias: Alias, similarity: number): void {
    const trial = this.#trialOf(alias);
    if (!trial) return;
    trial.judge.observe("disagreement", "stable", 0);
    trial.judge.observe("disagreement", "canary", 1 - similarity);
    void this.#decide(trial);
  }

  #trialOf(alias: Alias): Trial | undefined {
    const { canary, name } = alias;
    if (!canary?.plan.judged || canary.isPaused) return undefined;
    const found = this.#trials.get(name);
    const seq = found?.alias.canary?.stepSeq ?? 0;
    if (canary.stepSeq === seq) return found;
    if (canary.stepSeq < seq) return undefined; // an answer that began in the step before counts for none
    const trial = new Trial(alias, this.#options.judge);
    this.#trials.set(name, trial);
    return trial;
  }

  async #decide(trial: Trial): Promise<void> {
    if (trial.isDecided) return;
    const verdict = trial.judge.verdict();
    if (verdict.decision === "wait") return;
    trial.isDecided = true; // also when another process was faster: the journal says what came of it
    const { name, canary } = trial.alias;
    const { registry, log } = this.#options;
    try {
      await registry.run("judge", ifCanaryIs(name, canary!.stepSeq, commandOf(trial.alias, verdict)));
      log.info({ alias: name, version: canary!.tag, decision: verdict.decision, reason: verdict.reason }, "judged");
    } catch (error) {
      log.warn({ alias: name, version: canary!.tag, err: error }, "the judge's decision was not taken");
    }
  }
}

function commandOf({ name, canary }: Alias, { decision, reason, figures }: JudgeVerdict): RegistryCommand {
  const why: Decision = { reason, figures };
  if (decision === "roll_back") return rollBack(name, why);
  const next = canary!.plan.steps.find((step) => step > canary!.share);
  const isEverybody = next === undefined || next === 1; // none would be left to compare with
  return isEverybody ? promote(name, why) : setShare(name, next, why);
}
