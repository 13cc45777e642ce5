/**
 * The loop: gradients of a batch, summed over the batches of an update; clipped; AdamW; now and then the held-out loss. What it has
 * come to is saved at every evaluation, at least once a minute, and when it is interrupted.
 */
import { OcellusError } from "../../core/base/index.js";
import { adamW, clipScale, globalNorm } from "./adamw.js";
import type { Recipe } from "./recipe.js";
import { numAnswerTokens, type TuneRow } from "./rows.js";
import { batches, learningRateAt, numStepsOf, type Schedule } from "./schedule.js";
import { type Evaluation, type RunProgress, saveState, type Trained, totalLoss } from "./state.js";
import type { Gradients, TunedModel, Values } from "./tuned-model.js";

export interface TuneProgress {
  /** Updates that were made, and are to be made at most. */
  readonly step: number;
  readonly numSteps: number;
  /** Of the last update, a token of the answers. */
  readonly loss?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly gradientNorm?: number | undefined;
  readonly evaluations: readonly Evaluation[];
  /** Absent: not known yet. */
  readonly secondsLeft?: number | undefined;
}

export interface TrainingParts {
  readonly model: Pick<TunedModel, "loss" | "gradients">;
  readonly recipe: Recipe;
  /** Those that are learnt, and behind them those that are rehearsed. */
  readonly rows: readonly TuneRow[];
  readonly numNew: number;
  readonly heldOut: readonly TuneRow[];
  /** Of what is rehearsed. None: the loss of what is new alone decides. */
  readonly rehearsedHeldOut: readonly TuneRow[];
  readonly trained: readonly Trained[];
  readonly folder: string;
  /** Of the recipe, the model and the data. */
  readonly digest: string;
  /** Most seconds whose work a killed run loses. */
  readonly saveSeconds: number;
  readonly onProgress?: ((progress: TuneProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type TrainingResult = Pick<RunProgress, "step" | "evaluations" | "bestStep" | "seconds"> & {
  readonly stoppedEarly: boolean;
};

export class Training {
  readonly #parts: TrainingParts;
  readonly #values: Values;
  readonly #schedule: Schedule;
  readonly numSteps: number;
  #progress: RunProgress;
  #savedAt = performance.now();
  #resumedAt: { readonly time: number; readonly step: number; readonly seconds: number };

  /** @param found what an earlier run has come to; it has set the values, too */
  constructor(parts: TrainingParts, found?: RunProgress) {
    this.#parts = parts;
    this.#values = new Map(parts.trained.map(({ parameter, values }) => [parameter.name, values]));
    this.#schedule = scheduleOf(parts);
    this.numSteps = numStepsOf(this.#schedule);
    this.#progress = found ?? { recipe: parts.digest, step: 0, evaluations: [], bestStep: 0, seconds: 0 };
    this.#resumedAt = { time: performance.now(), step: this.#progress.step, seconds: this.#progress.seconds };
  }

  /**
   * To the end, or until the held-out loss falls no more.
   * @throws `invalid_request` for a loss that is no number, `aborted`; both with the last good values saved.
   */
  async run(): Promise<TrainingResult> {
    const { signal } = this.#parts;
    const batchOf = batches(this.#schedule);
    for (;;) {
      if (this.#isEvaluationDue()) await this.#evaluate();
      if (this.#progress.step === this.numSteps || this.#isOverfitting()) break;
      if (signal?.aborted) throw await this.#interrupted();
      if (performance.now() - this.#savedAt >= this.#parts.saveSeconds * 1000) await this.#save();
      await this.#update(batchOf(this.#progress.step).map((i) => this.#parts.rows[i]!));
    }
    const { step, evaluations, bestStep, seconds } = this.#progress;
    return { step, evaluations, bestStep, seconds, stoppedEarly: step < this.numSteps };
  }

  /** One update's time and no update: what a dry run measures. */
  async measure(): Promise<{ readonly seconds: number; readonly loss: number }> {
    const rows = batches(this.#schedule)(0).map((i) => this.#parts.rows[i]!);
    await this.#gradients(rows); // the first run of a graph allocates
    const started = performance.now();
    const { loss } = await this.#gradients(rows);
    return { seconds: (performance.now() - started) / 1000, loss };
  }

  async #update(rows: readonly TuneRow[]): Promise<void> {
    const { recipe, trained } = this.#parts;
    const { step } = this.#progress;
    const learningRate = learningRateAt(step, {
      learningRate: recipe.learningRate,
      warmupSteps: Math.round(recipe.warmup * this.numSteps),
      numSteps: this.numSteps,
    });
    const { loss, gradients } = await this.#gradients(rows);
    const norm = globalNorm(gradients.values());
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw await this.#notANumber(loss, norm, rows);
    const scale = clipScale(norm, recipe.clip);
    for (const each of trained) {
      const gradient = gradients.get(each.parameter.name) ?? new Float32Array(each.values.length);
      adamW(each, gradient, { step, learningRate, scale }, recipe);
    }
    this.#progress = { ...this.#progress, step: step + 1, seconds: this.#seconds() };
    this.#report({ loss, learningRate, gradientNorm: norm });
  }

  /** Mean loss of a token, and its gradients: the same however the rows are cut into batches. */
  async #gradients(rows: readonly TuneRow[]): Promise<Gradients> {
    const { model, recipe } = this.#parts;
    const scale = 1 / rows.reduce((sum, row) => sum + numAnswerTokens(row), 0);
    let loss = 0;
    const gradients = new Map<string, Float32Array>();
    for (const batch of chunked(rows, recipe.batchSize)) {
      const found = await model.gradients(batch, this.#values, scale);
      loss += found.loss;
      for (const [name, values] of found.gradients) {
        const sum = gradients.get(name);
        if (sum) for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
        else gradients.set(name, values);
      }
    }
    return { loss, gradients };
  }

  async #evaluate(): Promise<void> {
    const { step, evaluations } = this.#progress;
    const found = [...evaluations, { step, ...(await this.losses()) }];
    const [last, ...before] = found.toReversed().map(totalLoss);
    const isBest = before.every((each) => last! < each);
    if (isBest) for (const { best, values } of this.#parts.trained) best.set(values);
    this.#progress = { ...this.#progress, evaluations: found, ...(isBest && { bestStep: step }) };
    await this.#save();
    this.#report({});
  }

  /** Held out, of the present values. @throws as `run` */
  async losses(): Promise<Omit<Evaluation, "step">> {
    const { heldOut, rehearsedHeldOut } = this.#parts;
    const loss = await this.#lossOf(heldOut);
    return rehearsedHeldOut.length > 0 ? { loss, rehearsed: await this.#lossOf(rehearsedHeldOut) } : { loss };
  }

  /** Of a token. */
  async #lossOf(rows: readonly TuneRow[]): Promise<number> {
    const { model, recipe, signal } = this.#parts;
    let [sum, numTokens] = [0, 0];
    for (const batch of chunked(rows, recipe.batchSize)) {
      if (signal?.aborted) throw await this.#interrupted();
      sum += await model.loss(batch, this.#values);
      numTokens += batch.reduce((total, row) => total + numAnswerTokens(row), 0);
    }
    const loss = sum / numTokens;
    if (!Number.isFinite(loss)) throw await this.#notANumber(loss, Number.NaN, rows);
    return loss;
  }

  #isOverfitting(): boolean {
    const { evaluations, bestStep } = this.#progress;
    return evaluations.filter(({ step }) => step > bestStep).length >= this.#parts.recipe.patience;
  }

  /** Also of a run that was interrupted in one. */
  #isEvaluationDue(): boolean {
    const { step, evaluations } = this.#progress;
    if (evaluations.at(-1)?.step === step) return false;
    const { evaluateEvery, epochs } = this.#parts.recipe;
    const every = evaluateEvery > 0 ? evaluateEvery : Math.ceil(this.numSteps / epochs);
    return step % every === 0 || step === this.numSteps;
  }

  async #save(): Promise<void> {
    this.#progress = { ...this.#progress, seconds: this.#seconds() };
    await saveState(this.#parts.folder, this.#parts.trained, this.#progress);
    this.#savedAt = performance.now();
  }

  async #interrupted(): Promise<OcellusError> {
    await this.#save();
    const { folder, signal } = this.#parts;
    const { step } = this.#progress;
    return new OcellusError(
      "aborted",
      `interrupted after ${step} of ${this.numSteps} updates; run the same command again to continue`,
      { details: { step, numSteps: this.numSteps, path: folder }, cause: signal?.reason },
    );
  }

  /** The values are those before this update. */
  async #notANumber(loss: number, gradientNorm: number, rows: readonly TuneRow[]): Promise<OcellusError> {
    await this.#save();
    const { step } = this.#progress;
    const { folder, recipe } = this.#parts;
    const details = { step, loss: String(loss), gradientNorm: String(gradientNorm), learningRate: recipe.learningRate, path: folder, origins: [...new Set(rows.map(({ origin }) => origin))].slice(0, 12) }; // biome-ignore format: one thought
    return new OcellusError(
      "invalid_request",
      `the loss is no number in update ${step + 1} (learning rate at its height: ${recipe.learningRate}); ` +
        `the values of before are saved in ${folder}; try a tenth of the learning rate with --restart`,
      { details },
    );
  }

  #seconds(): number {
    return this.#resumedAt.seconds + (performance.now() - this.#resumedAt.time) / 1000;
  }

  #report(update: Pick<TuneProgress, "loss" | "learningRate" | "gradientNorm">): void {
    const { step, evaluations } = this.#progress;
    const done = step - this.#resumedAt.step;
    const perStep = (performance.now() - this.#resumedAt.time) / 1000 / done;
    const secondsLeft = done > 0 ? perStep * (this.numSteps - step) : undefined;
    this.#parts.onProgress?.({ step, numSteps: this.numSteps, evaluations, secondsLeft, ...update });
  }
}

function scheduleOf({ recipe, rows, numNew }: TrainingParts): Schedule {
  const { batchSize, accumulate, epochs, seed, rehearsalRatio } = recipe;
  const numOld = rows.length - numNew;
  const rehearsal = numOld > 0 && { rehearsal: { numExamples: numOld, perEpoch: Math.round(rehearsalRatio * numNew) } };
  return { numExamples: numNew, batchSize: batchSize * accumulate, epochs, seed, ...rehearsal };
}

function chunked<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
