/**
 * Which penalty and temperature, and how good the head is: each image is judged by a fit that has not seen it, at the penalty and
 * temperature that the other folds chose, so that the figures do not praise a choice by what it was made from. (Means and scales of
 * the features are of all images: they know no labels.)
 */
import { fitTemperature, logLoss, probabilitiesOf } from "./calibrate.js";
import { type Fit, type FitOptions, type FitTask, fitHeads, type HeadShape, type LabelledFeatures } from "./fit.js";
import type { Products } from "./products.js";

export interface Validation {
  readonly penalty: number;
  readonly temperature: number;
  /** Of the fits at that penalty, fold by fold. */
  readonly parameters: readonly Float64Array[];
  /** What they say of the images that they have not seen: [images, classes]. */
  readonly held: Float32Array;
  /** By which held-out images were judged, without and with the temperature: [images, classes]. */
  readonly uncalibrated: Float64Array;
  readonly probabilities: Float64Array;
  readonly logLoss: number;
  /** Mean loss of held-out images, by penalty. */
  readonly path: readonly { readonly penalty: number; readonly logLoss: number }[];
}

export interface Folds {
  readonly folds: Int32Array;
  readonly numFolds: number;
  /** Of each image: what its class counts. */
  readonly weights: Float64Array;
}

/** What is validated: a head of this shape over these data. */
export interface HeadProblem extends Folds {
  readonly data: LabelledFeatures;
  readonly shape: HeadShape;
}

/** The fits of all folds at one penalty. */
interface Step {
  readonly penalty: number;
  readonly parameters: readonly Float64Array[];
  /** Of each image what the fit says that has not seen it: [images, classes]. */
  readonly held: Float32Array;
  /** Of each fold. */
  readonly losses: readonly number[];
}

/** Of one layer: from where hardly anything is learned to where hardly anything is held back, by half decades. */
const penalties = Array.from({ length: 12 }, (_, i) => 10 ** (0.5 - i / 2));
/** Of two, which begin afresh at each penalty and take longer: fewer. */
const penaltiesOfTwo = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4];
/** The path ends when it has been worse than its best so often in a row. */
const patience = 3;
const limits = { one: { maxIterations: 200, tolerance: 1e-4 }, two: { maxIterations: 60, tolerance: 1e-4 } };

export async function crossValidate(
  products: Products,
  problem: HeadProblem,
  options: FitOptions,
): Promise<Validation> {
  const { data, shape, weights } = problem;
  const path: Step[] = [];
  for (const penalty of shape.width === undefined ? penalties : penaltiesOfTwo) {
    path.push(await fitFolds(products, problem, { penalty, starts: path.at(-1)?.parameters }, options));
    if (path.length - 1 - indexOfLeast(path.map(({ losses }) => total(losses))) >= patience) break;
  }
  const chosen = path[indexOfLeast(path.map(({ losses }) => total(losses)))]!;
  const { numClasses } = shape;
  return {
    ...judge(problem, path),
    ...{ penalty: chosen.penalty, parameters: chosen.parameters, held: chosen.held },
    temperature: fitTemperature({ logits: chosen.held, targets: data.targets, weights, numClasses }),
    path: path.map(({ penalty, losses }) => ({ penalty, logLoss: total(losses) / problem.numFolds })),
  };
}

async function fitFolds(
  products: Products,
  problem: HeadProblem,
  { penalty, starts }: { readonly penalty: number; readonly starts: Step["parameters"] | undefined },
  options: FitOptions,
): Promise<Step> {
  const { data, shape, numFolds, folds, weights } = problem;
  const tasks = Array.from({ length: numFolds }, (_, fold): FitTask => {
    const start = shape.width === undefined ? starts?.[fold] : undefined;
    return { weights: learning(problem, fold), penalty, start, ...limitsOf(shape) };
  });
  const fits = await fitHeads(products, data, shape, tasks, options);
  const held = heldOut(fits, folds, shape);
  const losses = tasks.map((_, fold) => {
    const ofFold = weights.map((weight, i) => (folds[i] === fold ? weight : 0));
    return logLoss({ logits: held, targets: data.targets, weights: ofFold, numClasses: shape.numClasses });
  });
  return { penalty, parameters: fits.map(({ parameters }) => parameters), held, losses };
}

export function limitsOf({ width }: HeadShape) {
  return width === undefined ? limits.one : limits.two;
}

/** The weights without those of a fold; they sum to 1. */
export function learning({ folds, weights }: Omit<Folds, "numFolds">, fold: number): Float64Array {
  return normalised(weights.map((weight, i) => (folds[i] === fold ? 0 : weight)));
}

export function normalised(weights: Float64Array): Float64Array {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Of each image what the fit of its fold says. [images, classes] */
export function heldOut(fits: readonly Fit[], folds: Int32Array, { numClasses }: HeadShape): Float32Array {
  const held = new Float32Array(folds.length * numClasses);
  for (const [fold, { logits }] of fits.entries()) copyFold(logits, held, folds, fold);
  return held;
}

/** Each fold by what the others chose. */
function judge(
  { data: { targets }, shape: { numClasses }, folds, numFolds, weights }: HeadProblem,
  path: readonly Step[],
) {
  const uncalibrated = new Float64Array(targets.length * numClasses);
  const probabilities = new Float64Array(targets.length * numClasses);
  for (let fold = 0; fold < numFolds; fold++) {
    const { held } = path[indexOfLeast(path.map(({ losses }) => total(losses) - losses[fold]!))]!;
    const others = weights.map((weight, i) => (folds[i] === fold ? 0 : weight));
    const temperature = fitTemperature({ logits: held, targets, weights: others, numClasses });
    copyFold(probabilitiesOf(held, numClasses, 1), uncalibrated, folds, fold);
    copyFold(probabilitiesOf(held, numClasses, temperature), probabilities, folds, fold);
  }
  const logits = Float32Array.from(probabilities, (p) => Math.log(Math.max(p, 1e-30)));
  return { uncalibrated, probabilities, logLoss: logLoss({ logits, targets, weights, numClasses }) };
}

function copyFold<T extends Float32Array | Float64Array>(from: T, to: T, folds: Int32Array, fold: number): void {
  const columns = to.length / folds.length;
  for (const [i, own] of folds.entries())
    if (own === fold) to.set(from.subarray(i * columns, (i + 1) * columns), i * columns);
}

function total(losses: readonly number[]): number {
  return losses.reduce((sum, loss) => sum + loss, 0);
}

function indexOfLeast(values: readonly number[]): number {
  return values.indexOf(Math.min(...values));
}
