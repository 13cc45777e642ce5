/**
 * The analysis of the canaries: what each answer was like goes into the registry, where the answers of all processes come
 * together; what follows from them is written into the journal as anybody's command would be, by whichever process sees it
 * first. An analysis sees one step of one canary; the next step begins with no evidence.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import {
  type Alias,
  type CanaryAnalysisOptions,
  type CanaryMetric,
  type CanaryVerdict,
  type Decision,
  ifCanaryIs,
  type Observations,
  promote,
  type Registry,
  type RegistryCommand,
  type Role,
  rollBack,
  type Step,
  setShare,
} from "../../rollout/index.js";
import { RecentQuantile } from "./recent-quantile.js";
import { StepGate } from "./step-gate.js";

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
  readonly analysis?: Omit<CanaryAnalysisOptions, "share">;
  /** With which the gates of steps are asked. */
  readonly gate?: { readonly secret?: string | undefined; readonly deadlineMs?: number; readonly pauseMs?: number };
  /** Told of every question of the golden set. */
  readonly onPair?: (alias: Alias, isBad: Readonly<Record<Role, boolean>>) => void;
}

type Observation = NonNullable<Observations[CanaryMetric]>[number];

/** What this process has seen of one step and not written yet. */
interface Seen {
  readonly step: Step;
  readonly observations: Observations;
}

/** How slow both versions are in this process, which has a machine of its own. */
interface Bars {
  readonly stepSeq: number;
  readonly firstToken: RecentQuantile;
  readonly slowness: RecentQuantile;
}

/** A decision waits so long, and a process that dies takes so much with it. */
const flushMs = 500;
/** Of one measure; more in one round is not looked at. */
const maxWaiting = 10_000;
/** A shift of all answers moves many over it, also where half of them are the slower version's. */
const slowBeyond = 0.8;

export class Rollouts {
  readonly #options: RolloutOptions;
  readonly #bars = new Map<string, Bars>();
  #seen = new Map<string, Seen>();
  readonly #verdicts = new Map<string, { readonly stepSeq: number; readonly verdict: CanaryVerdict }>();
  readonly #gate: StepGate;
  /** Of the state whose past steps are cleared away. */
  #tidiedSeq = 0;
  #isAway = false;
  #isFlushing = false;
  #flushing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(options: RolloutOptions) {
    const analysis = { required: ["error" as const], ...options.analysis }; // no one has asked: nothing is known
    this.#options = { ...options, analysis };
    this.#gate = new StepGate({ ...options.gate, log: options.log, claim: (alias, item) => this.claim(alias, item) });
    this.#timer = setInterval(() => void (this.#isFlushing || this.flush()), flushMs).unref();
  }

  /** As of the last look. @returns undefined before the first answer of the canary's present step */
  verdictOn({ name, canary }: Alias): CanaryVerdict | undefined {
    const found = this.#verdicts.get(name);
    return canary && found?.stepSeq === canary.stepSeq ? found.verdict : undefined;
  }

  /** One answer of an alias with a canary. @param mark of the user, whom the split gave this version */
  observe(alias: Alias, role: Role, quality: AnswerQuality, mark: number): void {
    if (alias.canary?.share === 0) return; // no one has the canary to compare with
    const { isError, isBlocked, isMalformed, firstTokenMs, tokensPerSecond } = quality;
    this.#note(alias, "error", [role, Number(isError), mark]);
    if (isError) return;
    this.#note(alias, "blocked", [role, Number(isBlocked), mark]);
    this.#note(alias, "malformed", [role, Number(isMalformed), mark]);
    const { firstToken, slowness } = this.#barsOf(alias);
    this.#noteSlow(alias, "slow_first_token", [role, firstTokenMs, mark], firstToken);
    const ofOneToken = tokensPerSecond === undefined || tokensPerSecond <= 0 ? undefined : 1 / tokensPerSecond;
    this.#noteSlow(alias, "slow_tokens", [role, ofOneToken, mark], slowness);
  }

  /** One question of the golden set, put to both; `kind`: how its answer is told right from wrong. */
  observePair(alias: Alias, isBad: Readonly<Record<Role, boolean>>, kind?: string): void {
    this.#options.onPair?.(alias, isBad);
    const kinds = kind === undefined ? ([] as const) : ([kind] as const);
    for (const role of ["stable", "canary"] as const)
      this.#note(alias, "golden", [role, Number(isBad[role]), 0, ...kinds]);
  }

  /** How alike the answers of both to one live question were, in [0, 1]. */
  observeAgreement({ alias, mark }: { readonly alias: Alias; readonly mark: number }, similarity: number): void {
    this.#note(alias, "disagreement", ["stable", 0, mark]);
    this.#note(alias, "disagreement", ["canary", 1 - similarity, mark]);
  }

  /**
   * Slow is what 80 % of the answers so far were not, of both versions: a bar from before this answer, and the same one whichever
   * version a user got. A user who is slow with either would set a bar of the stable version's alone by getting that.
   */
  #noteSlow(
    alias: Alias,
    metric: CanaryMetric,
    [role, value, mark]: [Role, number | undefined, number],
    recent: RecentQuantile,
  ) {
    if (value === undefined) return;
    const bar = recent.value;
    if (bar !== undefined) this.#note(alias, metric, [role, Number(value > bar), mark]);
    recent.add(value);
  }

  #barsOf({ name, canary }: Alias): Bars {
    const stepSeq = canary?.stepSeq ?? 0;
    const found = this.#bars.get(name);
    if (found?.stepSeq === stepSeq) return found;
    const bars = { stepSeq, firstToken: new RecentQuantile(slowBeyond), slowness: new RecentQuantile(slowBeyond) };
    if (stepSeq > (found?.stepSeq ?? 0)) this.#bars.set(name, bars); // an answer that began in the step before is late
    return bars;
  }

  #note(alias: Alias, metric: CanaryMetric, observation: Observation): void {
    const { name, canary } = alias;
    if (!canary?.plan.analysis || canary.isPaused) return;
    const key = `${name} ${canary.stepSeq}`;
    const seen = this.#seen.get(key) ?? { step: stepOf(name, canary), observations: {} };
    this.#seen.set(key, seen);
    seen.observations[metric] ??= [];
    const list = seen.observations[metric];
    if (list.length < maxWaiting) list.push(observation);
  }

  /** Whether this process is to do what is done once a step, by one of all. */
  claim({ name, canary }: Alias, item: string): Promise<boolean> {
    return this.#options.registry.evidence.claim(stepOf(name, canary!), item);
  }

  /** Lays down what was seen, looks at what all have seen, and decides. Happens by itself, twice a second. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#tryFlush());
    return this.#flushing;
  }

  /** A database that is away is told of once. */
  async #tryFlush(): Promise<void> {
    this.#isFlushing = true;
    try {
      await this.#flush();
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) this.#options.log.error({ err: error }, "canary analyses cannot look at what is answered");
      this.#isAway = true;
    }
    this.#isFlushing = false;
  }

  async #flush(): Promise<void> {
    const { registry } = this.#options;
    await this.#layDown();
    for (const alias of registry.state.aliases.values()) await this.#analysis(alias);
    await this.#tidy();
  }

  /** What cannot be written is lost: to write it again might count it twice. */
  async #layDown(): Promise<void> {
    const seen = this.#seen;
    this.#seen = new Map();
    for (const { step, observations } of seen.values())
      await this.#options.registry.evidence.add(step, randomUUID(), Date.now(), observations);
  }

  async #analysis(alias: Alias): Promise<void> {
    const { name, canary } = alias;
    if (!canary || canary.isPaused) return;
    const found = await this.#verdictOf(alias);
    if (!found) return;
    const verdict = found.decision === "advance" ? this.#mayAdvance(alias, found) : found;
    this.#verdicts.set(name, { stepSeq: canary.stepSeq, verdict });
    if (verdict.decision !== "wait") await this.#decide(alias, verdict);
  }

  /** Of the answers; where they are not analysed, of the clock alone. */
  async #verdictOf({ name, canary }: Alias): Promise<CanaryVerdict | undefined> {
    const { plan } = canary!;
    if (!plan.analysis)
      return plan.stepSeconds === undefined
        ? undefined
        : { decision: "advance", reason: "its time is over", figures: {} };
    const analysis = await this.#options.registry.evidence.analysis(
      stepOf(name, canary!),
      this.#analysisOptions(canary!),
    );
    return analysis?.verdict();
  }

  /** A step lasts as long as the plan says, and the gate is asked last. */
  #mayAdvance(alias: Alias, verdict: CanaryVerdict): CanaryVerdict {
    const { stepAt, plan } = alias.canary!;
    const endsAt = stepAt + 1000 * (plan.stepSeconds ?? 0);
    if (Date.now() < endsAt) return held(verdict, `the step lasts until ${new Date(endsAt).toISOString()}`);
    if (plan.gate === undefined) return verdict;
    const { decision, reason = "no reason given" } = this.#gate.answer(
      alias,
      plan.gate,
      nextShare(alias) ?? 1,
      verdict,
    );
    if (decision === "allow") return verdict;
    return decision === "hold"
      ? held(verdict, `the gate holds: ${reason}`)
      : { ...verdict, decision, reason: `the gate says to roll back: ${reason}` };
  }

  #analysisOptions({ share, plan: { agreement } }: NonNullable<Alias["canary"]>): CanaryAnalysisOptions {
    const { required = [], ...analysis } = this.#options.analysis ?? {};
    const ofUsers = required.filter((metric) => share > 0 || metric !== "error"); // at 0 % no one has asked it
    if (!agreement) return { ...analysis, share, required: ofUsers };
    return { ...analysis, share, required: [...ofUsers, "disagreement"], agreementFloor: agreement.floor };
  }

  /** Of several processes that decide at once the journal takes one: the others find that the step is over. */
  async #decide(alias: Alias, verdict: CanaryVerdict): Promise<void> {
    const { name, canary } = alias;
    const { registry, log } = this.#options;
    const facts = { alias: name, version: canary!.tag, decision: verdict.decision, reason: verdict.reason };
    try {
      await registry.run("canary-analysis", ifCanaryIs(name, canary!.stepSeq, commandOf(alias, verdict)), {
        isOwn: true,
      });
      log.info(facts, "canary analysis decided");
    } catch (error) {
      const isOver = registry.state.aliases.get(name)?.canary?.stepSeq !== canary!.stepSeq;
      log[isOver ? "debug" : "warn"]({ ...facts, err: error }, "the decision of the analysis was not taken");
    }
  }

  /** What is over needs no evidence any more. */
  async #tidy(): Promise<void> {
    const { evidence, state } = this.#options.registry;
    if (this.#tidiedSeq === state.seq) return;
    for (const { name, canary } of state.aliases.values())
      await evidence.forget({ alias: name, stepSeq: canary?.stepSeq ?? state.seq });
    this.#tidiedSeq = state.seq;
  }

  /** Lays down what is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#gate.close();
    await this.flush();
  }
}

function stepOf(alias: string, { stepSeq }: NonNullable<Alias["canary"]>): Step {
  return { alias, stepSeq };
}

function held(verdict: CanaryVerdict, why: string): CanaryVerdict {
  return { ...verdict, decision: "wait", reason: `${verdict.reason}; ${why}` };
}

/** Undefined: everybody. In place of a step for everybody comes promotion: no one would be left to compare with. */
function nextShare({ canary }: Alias): number | undefined {
  return canary!.plan.steps.find((step) => step > canary!.share && step < 1);
}

function commandOf(alias: Alias, { decision, reason, figures }: CanaryVerdict): RegistryCommand {
  const why: Decision = { reason, figures };
  const { name } = alias;
  if (decision === "roll_back") return rollBack(name, why);
  const next = nextShare(alias);
  return next === undefined ? promote(name, why) : setShare(name, next, why);
}
