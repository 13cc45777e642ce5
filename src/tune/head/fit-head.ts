/** Features and labels → a head, and how good it is on images that it has not seen. Knows no files and no encoder. */
import { invariant, OcellusError } from "../../core/base/index.js";
import { createRandom } from "../../core/engine/index.js";
import { crossValidate, type HeadProblem, limitsOf, normalised, type Validation } from "./cross-validate.js";
import { type FitOptions, fitHeads, type HeadShape } from "./fit.js";
import { assignFolds } from "./folds.js";
import { lookAlikes, mostCompared } from "./look-alikes.js";
import { curveOfAll, moreOfClasses } from "./more-images.js";
import { type Matrix, Products } from "./products.js";
import type { FitReport, LookAlikes } from "./report.js";
import { reliabilityOfHead, scoreHead } from "./scores.js";
import { foldedLayers, type LinearLayer, standardise, standardOf } from "./standardise.js";

export interface HeadChoice {
  /** 1: softmax regression. 2: a tanh layer before it. Default 1. */
  readonly layers?: 1 | 2;
  /** Of the tanh layer. Default 64. */
  readonly width?: number;
  /** Whether each class counts as much, however many images it has. Default false: as often as it comes. */
  readonly balanced?: boolean;
  /** Of cross-validation. Default 5. */
  readonly folds?: number;
  /** Default 0. */
  readonly seed?: number;
}

export const headChoiceNames = {
  ...{ layers: true, width: true, balanced: true, folds: true, seed: true },
} as const satisfies Record<keyof Required<HeadChoice>, true>;

export interface FittedHead {
  readonly layers: readonly LinearLayer[];
  readonly report: FitReport;
}

export interface FeaturesOfImages {
  readonly images: readonly { readonly path: string; readonly label: string }[];
  readonly features: Matrix;
  readonly digests: readonly string[];
}

interface RunOptions extends HeadChoice {
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: "fit", done: number, total: number) => void;
}

/** Predictions that are in memory for each penalty that is tried: 40 MB. */
const maxPredictions = 10_000_000;

/** @param options as `checkChoice` takes them; @param labels all, in the order of the classes. @throws `too_large`, `invalid_request`, `aborted`. */
export async function fitHead(
  encoded: FeaturesOfImages,
  labels: readonly string[],
  options: RunOptions,
): Promise<FittedHead> {
  checkSize(encoded.images.length, labels.length);
  const products = await Products.open(options.threads);
  try {
    return await fitWith(products, encoded, labels, options);
  } finally {
    await products.close();
  }
}

async function fitWith(
  products: Products,
  encoded: FeaturesOfImages,
  labels: readonly string[],
  options: RunOptions,
): Promise<FittedHead> {
  const { images, digests } = encoded;
  const { seed = 0, signal, onProgress } = options;
  const standard = standardOf(encoded.features);
  const features = standardise(encoded.features, standard);
  const leaders = await lookAlikes(products, features, digests);
  const problem = problemOf(features, images, labels, leaders, options);
  let done = 0;
  const total = expectedFits(problem);
  const run: FitOptions = { seed, signal, onDone: () => onProgress?.("fit", Math.min(++done, total), total) };
  const validation = await crossValidate(products, problem, run);
  const judged = { labels, targets: problem.data.targets, paths: images.map(({ path }) => path) };
  const scores = scoreHead({ ...judged, probabilities: validation.probabilities });
  const known = { problem, validation, leaders, labels, recalls: scores.classes.map(({ recall }) => recall) };
  const learningCurve = await curveOfAll(products, known, run);
  const moreOf = await moreOfClasses(products, known, run);
  const parameters = await fitAll(products, problem, validation, run);
  onProgress?.("fit", total, total);
  const alike = describeAlike(leaders, images);
  return {
    layers: foldedLayers(parameters, problem.shape, standard, validation.temperature),
    report: {
      ...scores,
      recipe: recipeOf(problem, validation, options),
      logLoss: validation.logLoss,
      calibration: calibrationOf(judged, validation),
      lookAlikes: alike,
      ...{ learningCurve, moreOf },
      notes: notesOf(images.length, alike),
    },
  };
}

function problemOf(
  features: Matrix,
  images: FeaturesOfImages["images"],
  labels: readonly string[],
  leaders: Int32Array,
  { layers = 1, width = 64, balanced = false, folds: wanted = 5, seed = 0 }: RunOptions,
): HeadProblem {
  const index = new Map(labels.map((label, k) => [label, k]));
  const targets = Int32Array.from(images, ({ label }) => index.get(label)!);
  const counts = labels.map((_, k) => targets.reduce((count, target) => count + Number(target === k), 0));
  const numWanted = Math.min(wanted, Math.max(...counts));
  const { folds, numFolds } = withoutEmpty(assignFolds(targets, leaders, numWanted, createRandom(seed)));
  const weights = Float64Array.from(targets, (target) => (balanced ? 1 / counts[target]! : 1));
  const shape: HeadShape = {
    ...{ numFeatures: features.columns, numClasses: labels.length },
    ...(layers === 2 && { width }),
  };
  return { data: { features, targets }, shape, folds, numFolds, weights: normalised(weights) };
}

/** Where images of few groups leave folds empty. @throws `invalid_request` where there is one group alone. */
function withoutEmpty(folds: Int32Array): { folds: Int32Array; numFolds: number } {
  const used = [...new Set(folds)].sort((a, b) => a - b);
  if (used.length > 1) return { folds: folds.map((fold) => used.indexOf(fold)), numFolds: used.length };
  const message = "all images look the same to the encoder, so none can be held out; take others, or another encoder";
  throw new OcellusError("invalid_request", message, { details: { reason: "all_alike" } });
}

/** The fit that is saved: of all images. */
async function fitAll(products: Products, problem: HeadProblem, { penalty, parameters }: Validation, run: FitOptions) {
  const { data, shape, weights } = problem;
  const start = shape.width === undefined ? parameters[0] : undefined;
  const [fit] = await fitHeads(products, data, shape, [{ weights, penalty, start, ...limitsOf(shape) }], run);
  invariant(fit, "a task gives a fit");
  return fit.parameters;
}

/** Fits at most: the path of penalties, three parts of all images, two of three classes, and the last one. */
function expectedFits({ numFolds, shape }: HeadProblem): number {
  return (shape.width === undefined ? 12 : 6) * numFolds + 9 * numFolds + 1;
}

function recipeOf(
  { shape, numFolds }: HeadProblem,
  { penalty, path }: Validation,
  { balanced = false, seed = 0 }: HeadChoice,
) {
  const { width } = shape;
  const layers = width === undefined ? { layers: 1 as const } : { layers: 2 as const, width };
  return { ...layers, balanced, seed, folds: numFolds, penalty, path };
}

function calibrationOf(judged: Omit<Parameters<typeof scoreHead>[0], "probabilities">, validation: Validation) {
  const { temperature, uncalibrated, probabilities } = validation;
  const errorOf = (each: Float64Array) => reliabilityOfHead({ ...judged, probabilities: each }).calibrationError;
  return { temperature, errorBefore: errorOf(uncalibrated), error: errorOf(probabilities) };
}

const mostConflicts = 20;

function describeAlike(leaders: Int32Array, images: FeaturesOfImages["images"]): LookAlikes {
  const groups = new Map<number, number[]>();
  for (const [i, leader] of leaders.entries())
    if (leader !== i) groups.set(leader, [...(groups.get(leader) ?? [leader]), i]);
  const members = [...groups.values()];
  const conflicts = members
    .filter((group) => new Set(group.map((i) => images[i]!.label)).size > 1)
    .slice(0, mostConflicts)
    .map((group) => ({ images: group.map((i) => ({ path: images[i]!.path, label: images[i]!.label })) }));
  return { groups: members.length, images: members.reduce((sum, group) => sum + group.length, 0), conflicts };
}

function notesOf(numImages: number, { groups, images, conflicts }: LookAlikes): string[] {
  const notes: string[] = [];
  if (groups > 0) notes.push(`${images} images are alike, in ${groups} groups: each group was held out as one`);
  if (conflicts.length > 0) notes.push(`images that look the same have different labels: ${conflicts.length} groups`);
  if (numImages > mostCompared)
    notes.push(`more than ${mostCompared} images: only equal files were looked for, not look-alikes`);
  return notes;
}

/** @throws `invalid_request` naming the option */
export function checkChoice({ layers = 1, width = 64, folds = 5, seed = 0 }: HeadChoice): void {
  const isWhole = (value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high;
  const wrong = [
    ["layers", layers, isWhole(layers, 1, 2), "1 or 2"],
    ["width", width, isWhole(width, 1, 4096), "a whole number from 1 to 4096"], // wider than the features of any encoder here
    ["folds", folds, isWhole(folds, 2, 20), "a whole number from 2 to 20"], // more cost more and say little more
    ["seed", seed, isWhole(seed, 0, 2 ** 32 - 1), "a whole number below 2^32"],
  ].find(([, , isRight]) => !isRight);
  if (!wrong) return;
  const [param, found, , expected] = wrong;
  throw new OcellusError("invalid_request", `${param}: expected ${expected}, found ${found}`, {
    details: { param, expected, found },
  });
}

function checkSize(images: number, classes: number): void {
  if (images * classes <= maxPredictions) return;
  throw new OcellusError(
    "too_large",
    `${images} images of ${classes} classes: expected at most ${maxPredictions} images times classes`,
    { details: { limit: maxPredictions, found: images * classes } },
  );
}
