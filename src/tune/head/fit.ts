/**
 * Fits heads over the same features: softmax regression, or a tanh layer before it, each with its own weights of the images and
 * its own penalty, side by side: their points are columns of one matrix, so the features are read once for all.
 *
 *   loss = Σ weight · −log softmax(logits)[label] + λ/2 · Σ W²      (biases are not penalised; weights sum to 1)
 */
import { invariant, throwIfAborted } from "../../core/base/index.js";
import { createRandom } from "../../core/engine/index.js";
import { type Evaluation, type LbfgsOptions, lbfgs, type Minimum } from "./lbfgs.js";
import type { Matrix, Products } from "./products.js";

export interface HeadShape {
  readonly numFeatures: number;
  readonly numClasses: number;
  /** Of the tanh layer. Absent: there is none. */
  readonly width?: number | undefined;
}

export interface FitTask extends LbfgsOptions {
  /** One an image; 0 for those that are held out. */
  readonly weights: Float64Array;
  readonly penalty: number;
  /** Default: zeros; of a tanh layer, numbers by the seed. */
  readonly start?: Float64Array | undefined;
}

export interface Fit {
  /** Matrices [inputs, outputs] row by row, each followed by its bias, layer after layer. */
  readonly parameters: Float64Array;
  readonly iterations: number;
  /** [images, classes], of the held-out ones too. */
  readonly logits: Float32Array;
}

export interface LabelledFeatures {
  readonly features: Matrix;
  /** Index of each row's class. */
  readonly targets: Int32Array;
}

/** Columns · rows that are in memory at once, as float32, twice: 64 MiB each. */
const maxCells = 2 ** 24;

export interface FitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly seed: number;
  /** After each task. */
  readonly onDone?: (() => void) | undefined;
}

interface Running {
  readonly task: FitTask;
  readonly steps: Generator<Float64Array, Minimum, Evaluation>;
  point: Float64Array;
  found?: Minimum;
}

/** In the order of the tasks. @throws `aborted`. */
export async function fitHeads(
  products: Products,
  data: LabelledFeatures,
  shape: HeadShape,
  tasks: readonly FitTask[],
  options: FitOptions,
): Promise<Fit[]> {
  const columns = shape.width ?? shape.numClasses;
  const together = Math.max(1, Math.floor(maxCells / (data.features.rows * columns)));
  const fits: Fit[] = [];
  for (let i = 0; i < tasks.length; i += together)
    fits.push(...(await fitTogether(products, data, shape, tasks.slice(i, i + together), options)));
  return fits;
}

async function fitTogether(
  products: Products,
  data: LabelledFeatures,
  shape: HeadShape,
  tasks: readonly FitTask[],
  { signal, seed, onDone }: FitOptions,
): Promise<Fit[]> {
  const all = tasks.map((task): Running => {
    const steps = lbfgs(task.start ?? startOf(shape, seed), task);
    return { task, steps, point: steps.next().value as Float64Array };
  });
  for (let running = all; running.length > 0; running = running.filter(({ found }) => !found)) {
    throwIfAborted(signal);
    const evaluations = await evaluate(products, data, shape, running);
    for (const [i, each] of running.entries()) {
      const { done, value } = each.steps.next(evaluations[i]!);
      if (done) onDone?.();
      if (done) each.found = value;
      else each.point = value;
    }
  }
  const found = all.map((each) => each.found!);
  const logits = await logitsOf(products, data.features, shape, found.map(({ point }) => point)); // biome-ignore format: one thought
  return found.map(({ point, iterations }, i) => ({ parameters: point, iterations, logits: logits[i]! }));
}

/** Rows are not told apart by zeros alone: of the tanh layer, numbers as of Glorot & Bengio 2010. */
export function startOf({ numFeatures, numClasses, width }: HeadShape, seed: number): Float64Array {
  if (width === undefined) return new Float64Array((numFeatures + 1) * numClasses);
  const random = createRandom(seed);
  const parameters = new Float64Array((numFeatures + 1) * width + (width + 1) * numClasses);
  const bound = Math.sqrt(6 / (numFeatures + width));
  for (let i = 0; i < numFeatures * width; i++) parameters[i] = (2 * random() - 1) * bound;
  const from = (numFeatures + 1) * width;
  const boundBehind = Math.sqrt(6 / (width + numClasses));
  for (let i = 0; i < width * numClasses; i++) parameters[from + i] = (2 * random() - 1) * boundBehind;
  return parameters;
}

/** One layer of a head among its parameters. */
interface Layer {
  readonly from: number;
  readonly inputs: number;
  readonly outputs: number;
}

export function layersOf({ numFeatures, numClasses, width }: HeadShape): Layer[] {
  if (width === undefined) return [{ from: 0, inputs: numFeatures, outputs: numClasses }];
  const first = { from: 0, inputs: numFeatures, outputs: width };
  return [first, { from: (numFeatures + 1) * width, inputs: width, outputs: numClasses }];
}

/** @internal Of a task at a point. */
export async function lossOf(
  products: Products,
  data: LabelledFeatures,
  shape: HeadShape,
  task: FitTask,
  point: Float64Array,
): Promise<Evaluation> {
  return (await evaluate(products, data, shape, [{ task, point }]))[0]!;
}

/** Values and gradients at the points of some fits. */
async function evaluate(
  products: Products,
  { features, targets }: LabelledFeatures,
  shape: HeadShape,
  running: readonly Pick<Running, "task" | "point">[],
): Promise<Evaluation[]> {
  const [first, second] = layersOf(shape);
  const points = running.map(({ point }) => point);
  const sums = await firstSums(products, features, first!, points);
  const gradients = points.map((point) => new Float64Array(point.length));
  const values = points.map(() => 0);
  const errors: Float32Array[] = []; // d loss / d sums of the first layer, [images, outputs] of each fit
  for (const [i, { task, point }] of running.entries()) {
    if (!second) {
      [values[i], errors[i]] = softmaxErrors(sums[i]!, targets, task.weights, shape.numClasses);
      continue;
    }
    const hidden = { data: tanhOf(sums[i]!), rows: features.rows, columns: first!.outputs };
    const logits = await layerSums(products, hidden, second, point);
    const [value, error] = softmaxErrors(logits, targets, task.weights, shape.numClasses);
    values[i] = value;
    errors[i] = await backThrough(products, hidden, second, { point, gradient: gradients[i]!, error });
  }
  await firstGradients(products, features, first!, errors, gradients);
  return running.map(({ task, point }, i) => {
    const gradient = gradients[i]!;
    return { value: values[i]! + penalise(point, gradient, task.penalty, layersOf(shape)), gradient };
  });
}

async function logitsOf(products: Products, features: Matrix, shape: HeadShape, points: readonly Float64Array[]) {
  const [first, second] = layersOf(shape);
  const sums = await firstSums(products, features, first!, points);
  if (!second) return sums;
  const logits: Float32Array[] = [];
  for (const [i, point] of points.entries()) {
    const hidden = { data: tanhOf(sums[i]!), rows: features.rows, columns: first!.outputs };
    logits.push(await layerSums(products, hidden, second, point));
  }
  return logits;
}

/** features · W + b of the first layers of all points. */
async function firstSums(products: Products, features: Matrix, layer: Layer, points: readonly Float64Array[]) {
  const { inputs, outputs } = layer;
  const columns = points.length * outputs;
  const joined = new Float32Array(inputs * columns);
  for (const [i, point] of points.entries())
    for (let row = 0; row < inputs; row++)
      for (let column = 0; column < outputs; column++)
        joined[row * columns + i * outputs + column] = point[layer.from + row * outputs + column]!;
  const { data } = await products.times(features, { data: joined, rows: inputs, columns });
  return points.map((point, i) => {
    const sums = columnsOf(data, features.rows, columns, i * outputs, outputs);
    addBias(sums, point, layer);
    return sums;
  });
}

async function layerSums(products: Products, rows: Matrix, layer: Layer, point: Float64Array): Promise<Float32Array> {
  const { data } = await products.times(rows, matrixOf(point, layer));
  addBias(data, point, layer);
  return data;
}

function matrixOf(point: Float64Array, { from, inputs, outputs }: Layer): Matrix {
  return { data: Float32Array.from(point.subarray(from, from + inputs * outputs)), rows: inputs, columns: outputs };
}

function addBias(sums: Float32Array, point: Float64Array, { from, inputs, outputs }: Layer): void {
  const bias = from + inputs * outputs;
  for (let i = 0; i < sums.length; i++) sums[i]! += point[bias + (i % outputs)]!;
}

function columnsOf(data: Float32Array, rows: number, columns: number, from: number, count: number): Float32Array {
  if (count === columns) return data;
  const part = new Float32Array(rows * count);
  for (let row = 0, to = 0; row < rows; row++)
    for (let column = 0; column < count; column++) part[to++] = data[row * columns + from + column]!;
  return part;
}

const tanhOf = (values: Float32Array): Float32Array => values.map(Math.tanh);

/** The loss, and its derivative by each logit. */
function softmaxErrors(
  logits: Float32Array,
  targets: Int32Array,
  weights: Float64Array,
  numClasses: number,
): [value: number, errors: Float32Array] {
  const errors = new Float32Array(logits.length);
  let value = 0;
  for (let row = 0; row < targets.length; row++) {
    const weight = weights[row]!;
    if (weight === 0) continue;
    const at = row * numClasses;
    const scale = logSumExp(logits, at, numClasses);
    value += weight * (scale - logits[at + targets[row]!]!);
    for (let k = 0; k < numClasses; k++) errors[at + k] = weight * Math.exp(logits[at + k]! - scale);
    errors[at + targets[row]!]! -= weight;
  }
  return [value, errors];
}

/** log Σ exp of `count` numbers from `at` on. */
export function logSumExp(values: ArrayLike<number>, at: number, count: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let k = at; k < at + count; k++) most = Math.max(most, values[k]!);
  let sum = 0;
  for (let k = at; k < at + count; k++) sum += Math.exp(values[k]! - most);
  return most + Math.log(sum);
}

interface BackStep {
  readonly point: Float64Array;
  readonly gradient: Float64Array;
  readonly error: Float32Array;
}

/** Writes the gradient of the layer behind the tanh; gives the derivative by the sums below it. */
async function backThrough(
  products: Products,
  hidden: Matrix,
  layer: Layer,
  { point, gradient, error }: BackStep,
): Promise<Float32Array> {
  const errors = { data: error, rows: hidden.rows, columns: layer.outputs };
  gradient.set((await products.transposedTimes(hidden, errors)).data, layer.from);
  sumInto(gradient, error, layer);
  const back = await products.times(errors, transposed(matrixOf(point, layer)));
  return back.data.map((value, i) => value * (1 - hidden.data[i]! ** 2));
}

function transposed({ data, rows, columns }: Matrix): Matrix {
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]!;
  return { data: turned, rows: columns, columns: rows };
}

async function firstGradients(
  products: Products,
  features: Matrix,
  layer: Layer,
  errors: readonly Float32Array[],
  gradients: readonly Float64Array[],
): Promise<void> {
  const { inputs, outputs } = layer;
  const columns = errors.length * outputs;
  const joined = errors.length === 1 ? errors[0]! : sideBySide(errors, features.rows, outputs);
  const { data } = await products.transposedTimes(features, { data: joined, rows: features.rows, columns });
  for (const [i, gradient] of gradients.entries()) {
    gradient.set(columnsOf(data, inputs, columns, i * outputs, outputs), layer.from);
    sumInto(gradient, errors[i]!, layer);
  }
}

function sideBySide(parts: readonly Float32Array[], rows: number, count: number): Float32Array {
  const joined = new Float32Array(rows * count * parts.length);
  for (const [i, part] of parts.entries())
    for (let row = 0, from = 0; row < rows; row++)
      for (let column = 0; column < count; column++) joined[(row * parts.length + i) * count + column] = part[from++]!;
  return joined;
}

/** The gradient of the bias. */
function sumInto(gradient: Float64Array, errors: Float32Array, { from, inputs, outputs }: Layer): void {
  const bias = from + inputs * outputs;
  for (let i = 0; i < errors.length; i++) gradient[bias + (i % outputs)]! += errors[i]!;
}

function penalise(point: Float64Array, gradient: Float64Array, penalty: number, layers: readonly Layer[]): number {
  let sum = 0;
  for (const { from, inputs, outputs } of layers)
    for (let i = from; i < from + inputs * outputs; i++) {
      sum += point[i]! ** 2;
      gradient[i]! += penalty * point[i]!;
    }
  invariant(Number.isFinite(sum), "the parameters of a head are finite");
  return (penalty / 2) * sum;
}
