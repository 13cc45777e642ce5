/**
 * Learning curves over the folds of a validation: of all classes together, and of the classes that are recognised worst, each
 * with fewer of its own images while the others keep theirs: what "200 more of class X" would bring.
 */
import { createRandom } from "../../core/engine/index.js";
import { type HeadProblem, heldOut, learning, limitsOf, normalised, type Validation } from "./cross-validate.js";
import { type FitOptions, fitHeads } from "./fit.js";
import { shuffle } from "./folds.js";
import { type CurveForecast, type CurvePoint, forecast } from "./learning-curve.js";
import type { Products } from "./products.js";
import { predictedOf, type Share, share } from "./scores.js";

export interface LearningCurve {
  readonly points: readonly { readonly images: number; readonly accuracy: Share }[];
  /** Of twice as many images of every class. Absent: too few to say. */
  readonly next?: CurveForecast;
}

export interface MoreOfClass {
  readonly label: string;
  readonly images: number;
  readonly more: number;
  readonly recall: Share;
  /** Of "this class or another", both kinds counting half: recall alone grows where a class is only chosen more often. */
  readonly next: CurveForecast;
  /** Whether all of the interval is a gain. */
  readonly helps: boolean;
}

interface Known {
  readonly problem: HeadProblem;
  readonly validation: Validation;
  readonly leaders: Int32Array;
  readonly labels: readonly string[];
  readonly recalls: readonly Share[];
}

const fractions = [1 / 8, 1 / 4, 1 / 2];
const fractionsOfClass = [1 / 4, 1 / 2];
/** A quarter of fewer images is one or two. */
const leastImages = 16;
const mostClasses = 3;
const mostMore = 200;

export async function curveOfAll(products: Products, known: Known, options: FitOptions): Promise<LearningCurve> {
  const { problem, leaders } = known;
  const { targets } = problem.data;
  const least = Math.min(...countsOf(known));
  const parts = fractions.filter((fraction) => fraction * least >= 1);
  const learned = targets.length * (1 - 1 / problem.numFolds);
  const points: CurvePoint[] = [];
  for (const part of [...parts, 1]) {
    const predicted = part === 1 ? predictedByAll(known) : await predictedBy(products, known, () => part, options);
    points.push({ images: part * learned, errors: Uint8Array.from(targets, (target, i) => Number(predicted[i] !== target)) }); // biome-ignore format: one thought
  }
  const shown = points.map(({ images, errors }) => ({
    images: Math.round(images),
    accuracy: share(errors.reduce((right, error) => right + 1 - error, 0), targets.length), // biome-ignore format: one thought
  }));
  if (points.length < 3) return { points: shown };
  return { points: shown, next: forecast(points, leaders, 2 * points.at(-1)!.images, options.seed) };
}

/** The worst first. */
export async function moreOfClasses(products: Products, known: Known, options: FitOptions): Promise<MoreOfClass[]> {
  const counts = countsOf(known);
  const worst = known.recalls
    .map(({ value }, k) => ({ k, value }))
    .filter(({ k, value }) => counts[k]! >= leastImages && value < 1)
    .sort((a, b) => a.value - b.value)
    .slice(0, mostClasses);
  const found: MoreOfClass[] = [];
  for (const { k } of worst) found.push(await moreOf(products, known, k, counts[k]!, options));
  return found;
}

async function moreOf(products: Products, known: Known, k: number, images: number, options: FitOptions) {
  const { problem, leaders, labels, recalls } = known;
  const { targets } = problem.data;
  const points: CurvePoint[] = [];
  for (const part of [...fractionsOfClass, 1]) {
    const partOf = (target: number) => (target === k ? part : 1);
    const predicted = part === 1 ? predictedByAll(known) : await predictedBy(products, known, partOf, options);
    const errors = Uint8Array.from(targets, (target, i) => Number((target === k) !== (predicted[i] === k)));
    points.push({ images: part * images, errors });
  }
  const more = Math.min(mostMore, images);
  const half = targets.length / 2;
  const weights = Float64Array.from(targets, (target) => half / (target === k ? images : targets.length - images));
  const next = forecast(points, leaders, images + more, options.seed, weights);
  return { label: labels[k]!, images, more, recall: recalls[k]!, next, helps: next.gain.low > 0 };
}

function countsOf({ problem, labels }: Known): number[] {
  const counts = labels.map(() => 0);
  for (const target of problem.data.targets) counts[target]!++;
  return counts;
}

function predictedByAll({ problem, validation }: Known): Int32Array {
  return predictedOf(validation.held, problem.shape.numClasses);
}

/** What held-out images are taken for, when each fold learns from a part of the images of each class. */
async function predictedBy(
  products: Products,
  { problem, validation }: Known,
  partOf: (target: number) => number,
  options: FitOptions,
): Promise<Int32Array> {
  const { data, shape, folds, numFolds } = problem;
  const tasks = Array.from({ length: numFolds }, (_, fold) => ({
    ...{ weights: partWeights(problem, fold, partOf, options.seed), penalty: validation.penalty },
    start: shape.width === undefined ? validation.parameters[fold] : undefined,
    ...limitsOf(shape),
  }));
  const fits = await fitHeads(products, data, shape, tasks, options);
  return predictedOf(heldOut(fits, folds, shape), shape.numClasses);
}

/**
 * A smaller part is within a larger one; of each class at least one image. A class weighs what it weighed: with fewer images and
 * less weight it would be chosen more seldom, and more of them would seem to teach what they only make more frequent.
 */
function partWeights(
  problem: HeadProblem,
  fold: number,
  partOf: (target: number) => number,
  seed: number,
): Float64Array {
  const { data, shape } = problem;
  const all = learning(problem, fold);
  const part = new Float64Array(all.length);
  const random = createRandom(seed + 1 + fold);
  for (let k = 0; k < shape.numClasses; k++) {
    const images = shuffle([...all.keys()].filter((i) => data.targets[i] === k && all[i]! > 0), random); // biome-ignore format: one thought
    const kept = images.slice(0, Math.max(1, Math.round(partOf(k) * images.length)));
    for (const i of kept) part[i] = (all[i]! * images.length) / kept.length;
  }
  return normalised(part);
}
