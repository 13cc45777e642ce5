/**
 * Whether fields are right as often as they say: the reliability of their probabilities in bins, the expected calibration error
 * (Naeini et al. 2015), and the temperature that a kind of fields is best calibrated by (Guo et al. 2017, on the log-odds of a
 * field's probability). Questions with a known answer are asked for JSON of one value, out of the answers of their kind.
 */
import { groupBy } from "../core/base/index.js";
import { calibratedProbability, type FieldKind } from "../core/runtime/index.js";
import type { EvalCase } from "./eval-set.js";

/** One field of an answer, and whether it is right. */
export interface JudgedField {
  readonly kind: FieldKind;
  readonly probability: number;
  readonly correct: boolean;
}

export interface ReliabilityBin {
  /** The bin holds probabilities from here on, below `to`; the last one 1 too. */
  readonly from: number;
  readonly to: number;
  readonly fields: number;
  /** Means: of what the fields said, and of how often they were right. */
  readonly probability: number;
  readonly accuracy: number;
}

export interface Reliability {
  readonly fields: number;
  readonly accuracy: number;
  readonly bins: readonly ReliabilityBin[];
  /** The mean of the bins' distances between probability and accuracy, by their fields. */
  readonly calibrationError: number;
}

const numBins = 10;
/** More different answers than an enum is asked with are asked for as text. */
const mostValues = 64;

/** A schema of one value for each case, by the answers of its kind and language; undefined where one says nothing. */
export function fieldSchemas(cases: readonly EvalCase[]): Map<EvalCase, object> {
  const groups = groupBy(
    cases.filter(({ answer, accept }) => (answer ?? accept[0]) !== undefined),
    ({ kind, language }) => `${kind}\n${language}`,
  );
  return new Map(
    groups.flatMap(([, members]) => {
      const schema = schemaOf([...new Set(members.map(answerOf))].sort());
      return schema ? members.map((found) => [found, schema] as const) : [];
    }),
  );
}

function answerOf({ answer, accept }: EvalCase): string {
  return answer ?? accept[0]!;
}

function schemaOf(answers: readonly string[]): object | undefined {
  if (answers.length < 2) return undefined;
  if (answers.every((answer) => /^\d{1,9}$/.test(answer))) return { type: "integer", minimum: 0 };
  return answers.length <= mostValues ? { enum: answers } : { type: "string", maxLength: 64 };
}

export function reliabilityOf(fields: readonly JudgedField[]): Reliability {
  const bins = Array.from({ length: numBins }, (_, i) => binOf(fields, i)).filter((bin) => bin.fields > 0);
  const error = bins.reduce((sum, bin) => sum + bin.fields * Math.abs(bin.probability - bin.accuracy), 0);
  return {
    fields: fields.length,
    accuracy: mean(fields, ({ correct }) => Number(correct)),
    bins,
    calibrationError: error / fields.length,
  };
}

function binOf(fields: readonly JudgedField[], index: number): ReliabilityBin {
  const within = fields.filter(({ probability }) => Math.min(numBins - 1, Math.floor(probability * numBins)) === index);
  return {
    ...{ from: index / numBins, to: (index + 1) / numBins, fields: within.length },
    probability: mean(within, ({ probability }) => probability),
    accuracy: mean(within, ({ correct }) => Number(correct)),
  };
}

function mean<T>(items: readonly T[], value: (item: T) => number): number {
  return items.length === 0 ? 0 : items.reduce((sum, item) => sum + value(item), 0) / items.length;
}

/** As the file of a checkpoint may hold them. */
const temperatureBounds = [0.05, 50] as const;
const golden = (Math.sqrt(5) - 1) / 2;

/** The temperature under which the fields are most likely to be right and wrong as they are: by golden section over its logarithm. */
export function fitTemperature(fields: readonly JudgedField[]): number {
  let [low, high] = temperatureBounds.map(Math.log) as [number, number];
  for (let i = 0; i < 60; i++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (loss(fields, Math.exp(left)) <= loss(fields, Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** A field that is quite sure and wrong costs much, not everything. */
const leastShare = 1e-6;

/** Mean negative logarithm of the probability of what came out. */
export function loss(fields: readonly JudgedField[], temperature: number): number {
  return mean(fields, ({ probability, correct }) => {
    const bounded = Math.min(1 - leastShare, Math.max(leastShare, probability));
    const said = calibratedProbability(bounded, temperature);
    return -Math.log(Math.max(leastShare, correct ? said : 1 - said));
  });
}

/** Every second field fits, the others judge: a temperature is not praised for what it was made from. */
export function halves<T>(items: readonly T[]): [fit: T[], judge: T[]] {
  return [items.filter((_, i) => i % 2 === 0), items.filter((_, i) => i % 2 === 1)];
}
