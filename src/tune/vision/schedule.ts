/** Which questions each step reads, and how far it goes: pure functions of the seed and the number of the step, so that a run that was killed continues with the same numbers. */
import { createRandom } from "../../core/engine/index.js";

export interface Schedule {
  readonly numExamples: number;
  /** Further questions, numbered behind those, of which each epoch takes some: what the model is not to forget. Default none. */
  readonly rehearsal?: { readonly numExamples: number; readonly perEpoch: number };
  /** Questions that are read for one update. */
  readonly batchSize: number;
  readonly epochs: number;
  readonly seed: number;
}

export function stepsPerEpoch(schedule: Schedule): number {
  return Math.ceil((schedule.numExamples + rehearsedOf(schedule)) / schedule.batchSize);
}

function rehearsedOf({ rehearsal }: Schedule): number {
  return rehearsal ? Math.min(rehearsal.numExamples, rehearsal.perEpoch) : 0;
}

export function numStepsOf(schedule: Schedule): number {
  return schedule.epochs * stepsPerEpoch(schedule);
}

/** The questions of each step, by index. The last order that was drawn is kept: steps follow one another. */
export function batches(schedule: Schedule): (step: number) => readonly number[] {
  const perEpoch = stepsPerEpoch(schedule);
  let drawn = { epoch: -1, order: [] as readonly number[] };
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (drawn.epoch !== epoch) drawn = { epoch, order: orderOf(schedule, epoch) };
    const start = (step % perEpoch) * schedule.batchSize;
    return drawn.order.slice(start, start + schedule.batchSize);
  };
}

/** Of the further questions, one window after another of a fixed order: all of them come before one comes again. */
function orderOf(schedule: Schedule, epoch: number): number[] {
  const { numExamples, seed, rehearsal } = schedule;
  const indices = Array.from({ length: numExamples }, (_, i) => i);
  if (!rehearsal) return shuffled(indices, seed, epoch + 1);
  const count = rehearsedOf(schedule);
  const fixed = shuffled(Array.from({ length: rehearsal.numExamples }, (_, i) => numExamples + i), seed, 0); // biome-ignore format: one thought
  for (let i = 0; i < count; i++) indices.push(fixed[(epoch * count + i) % fixed.length]!);
  return shuffled(indices, seed, epoch + 1);
}

/** Fisher and Yates, from a generator of this round's own. */
function shuffled(indices: readonly number[], seed: number, round: number): number[] {
  const random = createRandom((BigInt(round) << 32n) | BigInt(seed));
  const order = [...indices];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

export interface LearningRate {
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly numSteps: number;
}

/** Rises linearly to its full height at the last step of the warm-up, and falls to zero along half a cosine. */
export function learningRateAt(step: number, { learningRate, warmupSteps, numSteps }: LearningRate): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const done = (step - warmupSteps) / Math.max(1, numSteps - warmupSteps);
  return learningRate * 0.5 * (1 + Math.cos(Math.PI * done));
}
