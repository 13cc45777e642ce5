/**
 * Whether a checkpoint's values are those of a working model. "bad" is what no trained model has: such a checkpoint
 * answers rubbish or nothing. "note" is what one should know before shrinking it. Every rule is a plain bound on
 * the statistics of one pass; none knows the model's answers.
 */
import { groupBy } from "../core/base/index.js";
import { type Checkpoint, openCheckpoint } from "../core/checkpoint/index.js";
import { type CheckpointDescription, describeCheckpoint } from "./describe.js";
import type { FamilyFit } from "./family-fit.js";
import { firstDifference, sameLayout } from "./head.js";
import type { PassOptions } from "./pass.js";
import { placeOf } from "./place.js";
import { tensorStatistics } from "./statistics.js";
import { outlierRatio, type TensorStatistics } from "./tensor-statistics.js";

export type FindingKind =
  | "missing"
  | "misshapen"
  | "twice"
  | "not_finite"
  | "zero"
  | "constant"
  | "exploding"
  | "dead_rows"
  | "duplicate"
  | "outliers";

export interface HealthFinding {
  readonly severity: "bad" | "note";
  readonly kind: FindingKind;
  readonly tensors: readonly string[];
  /** One sentence. */
  readonly message: string;
}

export interface HealthReport {
  /** No finding is "bad". */
  readonly healthy: boolean;
  readonly findings: readonly HealthFinding[];
}

/** A report with what it was made of, for those who continue with it. */
export interface Examination extends HealthReport {
  readonly description: CheckpointDescription;
  readonly statistics: readonly TensorStatistics[];
}

/**
 * A matrix this many times the median of its kind over the layers has run away: in the bundled demo model the largest is 1.7
 * times the median, and an order of magnitude is left to models that no one has measured here.
 */
const explodingRatio = 30;

/** @throws `aborted`; what `openCheckpoint` throws. */
export async function checkHealth(path: string, options: PassOptions = {}): Promise<HealthReport> {
  const { healthy, findings } = await examine(path, options);
  return { healthy, findings };
}

export async function examine(path: string, options: PassOptions): Promise<Examination> {
  const description = await describeCheckpoint(path);
  const statistics = await tensorStatistics(path, options);
  const findings = [
    ...(description.fit ? fitFindings(description.fit) : []),
    ...statistics.flatMap(valueFindings),
    ...constantVectors(statistics),
    ...explodingFindings(statistics),
    ...statistics.flatMap(rowFindings),
    ...(await duplicateFindings(path, statistics, options.signal)),
  ];
  const ordered = [...findings].sort((a, b) => Number(a.severity !== "bad") - Number(b.severity !== "bad"));
  return { healthy: !findings.some(({ severity }) => severity === "bad"), findings: ordered, description, statistics };
}

function fitFindings({ missing, misshapen, twice }: FamilyFit): HealthFinding[] {
  const found = (kind: FindingKind, tensors: readonly { readonly name: string }[], what: string): HealthFinding[] =>
    tensors.length === 0
      ? []
      : [{ severity: "bad", kind, tensors: tensors.map(({ name }) => name), message: `${tensors.length} ${what}` }];
  return [
    ...found("missing", missing, "tensors that the family needs are missing"),
    ...found("misshapen", misshapen, "tensors have another shape than the config says"),
    ...found("twice", twice, "tensors are there under two spellings"),
  ];
}

function valueFindings({ name, shape, numNaN, numInfinite, numElements, min, max }: TensorStatistics): HealthFinding[] {
  const bad = (kind: FindingKind, message: string): HealthFinding[] => [
    { severity: "bad", kind, tensors: [name], message: `${name} ${message}` },
  ];
  if (numNaN + numInfinite > 0) return bad("not_finite", `holds ${numNaN} NaN and ${numInfinite} infinite values`);
  if (shape.length < 2 || numElements < 2 || min !== max) return [];
  return min === 0 ? bad("zero", "is all zeros") : bad("constant", `is ${min} everywhere`);
}

/** Norms of ones and biases of zeros are how training starts; many at its end are a sign that it never did. */
function constantVectors(statistics: readonly TensorStatistics[]): HealthFinding[] {
  const tensors = statistics
    .filter(
      ({ shape, numElements, min, max, numNaN }) =>
        shape.length === 1 && numElements > 1 && min === max && numNaN === 0,
    )
    .map(({ name }) => name);
  const message = `${tensors.length} vectors (norms, biases) have one value throughout, as before training`;
  return tensors.length === 0 ? [] : [{ severity: "note", kind: "constant", tensors, message }];
}

function explodingFindings(statistics: readonly TensorStatistics[]): HealthFinding[] {
  const layered = statistics.filter(({ name, shape }) => shape.length >= 2 && placeOf(name).layer !== undefined);
  const kinds = groupBy(layered, ({ name }) => `${placeOf(name).stack} ${placeOf(name).kind}`);
  return kinds.flatMap(([, layers]) => (layers.length >= 3 ? explodingLayers(layers) : []));
}

function explodingLayers(layers: readonly TensorStatistics[]): HealthFinding[] {
  const median = layers.map(({ rms }) => rms).sort((a, b) => a - b)[(layers.length - 1) >> 1]!;
  return layers.flatMap(({ name, rms }): HealthFinding[] => {
    if (!(median > 0 && rms > explodingRatio * median)) return [];
    const message = `${name} is ${Math.round(rms / median)} times as large as in the median layer`;
    return [{ severity: "bad", kind: "exploding", tensors: [name], message }];
  });
}

function rowFindings({ name, shape, rows, min, max }: TensorStatistics): HealthFinding[] {
  if (!rows || min === max) return [];
  const { numDead, numOutliers, outliers } = rows;
  const dead = `${name}: ${numDead} of ${shape[0]} rows are zeros`;
  const loud = `${name}: ${numOutliers} channels over ${outlierRatio}× the median, up to ${outliers[0]?.ratio.toFixed(1)}×; 4 bits will hurt their neighbours`;
  return [
    ...(numDead > 0 ? [{ severity: "note", kind: "dead_rows", tensors: [name], message: dead } as const] : []),
    ...(numOutliers > 0 ? [{ severity: "note", kind: "outliers", tensors: [name], message: loud } as const] : []),
  ];
}

/** Tensors of equal layout and equal statistics are compared byte by byte. */
async function duplicateFindings(
  path: string,
  statistics: readonly TensorStatistics[],
  signal: AbortSignal | undefined,
): Promise<HealthFinding[]> {
  const varied = statistics.filter(({ min, max }) => min !== max); // ones and zeros are alike everywhere
  const alike = groupBy(varied, ({ dtype, shape, mean, rms, min, max }) =>
    JSON.stringify([dtype, shape, mean, rms, min, max]),
  );
  const candidates = alike.flatMap(([, tensors]) => (tensors.length > 1 ? [tensors.map(({ name }) => name)] : []));
  if (candidates.length === 0) return [];
  const checkpoint = await openCheckpoint(path);
  try {
    return (await Promise.all(candidates.map((names) => equalTo(checkpoint, names, signal)))).flat();
  } finally {
    await checkpoint.close();
  }
}

async function equalTo(
  checkpoint: Checkpoint,
  [first, ...others]: readonly string[],
  signal: AbortSignal | undefined,
): Promise<HealthFinding[]> {
  const equal: string[] = [];
  for (const other of others) {
    const isSame = sameLayout(checkpoint.info(first!)!, checkpoint.info(other)!);
    if (isSame && (await firstDifference(checkpoint, first!, other, signal)) === undefined) equal.push(other);
  }
  const message = `${equal.join(", ")} ${equal.length === 1 ? "is" : "are"} ${first} again, byte by byte`;
  return equal.length === 0 ? [] : [{ severity: "note", kind: "duplicate", tensors: [first!, ...equal], message }];
}
