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
import type { Said, Sentence } from "./page/page-data.js";
import type { PassOptions } from "./pass.js";
import { placeOf } from "./place.js";
import { sentence } from "./sentence.js";
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
  /** What it is made of. */
  readonly said: Said;
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

function finding(
  severity: HealthFinding["severity"],
  kind: FindingKind,
  tensors: readonly string[],
  { text: message, ...said }: Sentence,
): HealthFinding {
  return { severity, kind, tensors, message, said };
}

function fitFindings({ missing, misshapen, twice }: FamilyFit): HealthFinding[] {
  type Kind = "missing" | "misshapen" | "twice";
  const found = (kind: Kind, tensors: readonly { readonly name: string }[], what: string): HealthFinding[] => {
    const count = tensors.length;
    if (count === 0) return [];
    const names = tensors.map(({ name }) => name);
    return [finding("bad", kind, names, sentence(kind, { count }, `${count} ${what}`))];
  };
  return [
    ...found("missing", missing, "tensors that the family needs are missing"),
    ...found("misshapen", misshapen, "tensors have another shape than the config says"),
    ...found("twice", twice, "tensors are there under two spellings"),
  ];
}

function valueFindings({ name, shape, numNaN, numInfinite, numElements, min, max }: TensorStatistics): HealthFinding[] {
  const bad = (kind: FindingKind, said: Sentence) => [finding("bad", kind, [name], said)];
  if (numNaN + numInfinite > 0) {
    const text = `${name} holds ${numNaN} NaN and ${numInfinite} infinite values`;
    return bad("not_finite", sentence("not_finite", { name, numNaN, numInfinite }, text));
  }
  if (shape.length < 2 || numElements < 2 || min !== max) return [];
  return min === 0
    ? bad("zero", sentence("zero", { name }, `${name} is all zeros`))
    : bad("constant", sentence("constant", { name, value: min }, `${name} is ${min} everywhere`));
}

/** Norms of ones and biases of zeros are how training starts; many at its end are a sign that it never did. */
function constantVectors(statistics: readonly TensorStatistics[]): HealthFinding[] {
  const tensors = statistics
    .filter(
      ({ shape, numElements, min, max, numNaN }) =>
        shape.length === 1 && numElements > 1 && min === max && numNaN === 0,
    )
    .map(({ name }) => name);
  const count = tensors.length;
  const text = `${count} vectors (norms, biases) have one value throughout, as before training`;
  return count === 0 ? [] : [finding("note", "constant", tensors, sentence("constant_vectors", { count }, text))];
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
    const ratio = Math.round(rms / median);
    const text = `${name} is ${ratio} times as large as in the median layer`;
    return [finding("bad", "exploding", [name], sentence("exploding", { name, ratio }, text))];
  });
}

function rowFindings({ name, shape, rows, min, max }: TensorStatistics): HealthFinding[] {
  if (!rows || min === max) return [];
  const { numDead, numOutliers, outliers } = rows;
  const found: HealthFinding[] = [];
  const note = (kind: FindingKind, said: Sentence) => found.push(finding("note", kind, [name], said));
  if (numDead > 0) {
    const numRows = shape[0]!;
    note(
      "dead_rows",
      sentence("dead_rows", { name, numDead, numRows }, `${name}: ${numDead} of ${numRows} rows are zeros`),
    );
  }
  if (numOutliers > 0) {
    const values = { name, count: numOutliers, least: outlierRatio, most: outliers[0]!.ratio.toFixed(1) };
    const text = `${name}: ${numOutliers} channels over ${outlierRatio}× the median, up to ${values.most}×; 4 bits will hurt their neighbours`;
    note("outliers", sentence("outliers", values, text));
  }
  return found;
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
  if (equal.length === 0) return [];
  const text = `${equal.join(", ")} ${equal.length === 1 ? "is" : "are"} ${first} again, byte by byte`;
  const said = sentence("duplicate", { first: first!, others: equal }, text);
  return [finding("note", "duplicate", [first!, ...equal], said)];
}
