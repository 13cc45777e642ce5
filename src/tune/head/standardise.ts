/** Columns of mean 0 and variance 1, so that one penalty suits all; and the same taken back into a head's first layer. */
import type { HeadShape } from "./fit.js";
import { layersOf } from "./fit.js";
import type { Matrix } from "./products.js";

/** Features are cached in 16 bit, 11 of them digits: a column that changes by less than that loses of its values is constant. */
const rounding = 2 ** -11;

export interface Standard {
  readonly mean: Float64Array;
  /** Standard deviation; 1 for a column that is constant. */
  readonly scale: Float64Array;
}

export function standardOf({ data, rows, columns }: Matrix): Standard {
  const mean = new Float64Array(columns);
  const squares = new Float64Array(columns);
  for (let i = 0; i < data.length; i++) mean[i % columns]! += data[i]! / rows;
  for (let i = 0; i < data.length; i++) squares[i % columns]! += (data[i]! - mean[i % columns]!) ** 2 / rows;
  const scale = squares.map((variance, i) => {
    const deviation = Math.sqrt(variance);
    return deviation > Math.max(1e-12, rounding * Math.abs(mean[i]!)) ? deviation : 1;
  });
  return { mean, scale };
}

export function standardise({ data, rows, columns }: Matrix, { mean, scale }: Standard): Matrix {
  const standard = data.map((value, i) => (value - mean[i % columns]!) / scale[i % columns]!);
  return { data: standard, rows, columns };
}

/** A layer as checkpoints have it: y = W·x + b, W [outputs, inputs]. */
export interface LinearLayer {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
}

/** The layers over features as the encoder gives them; what the last one gives is divided by the temperature. */
export function foldedLayers(
  parameters: Float64Array,
  shape: HeadShape,
  { mean, scale }: Standard,
  temperature: number,
): LinearLayer[] {
  const layers = layersOf(shape);
  return layers.map(({ from, inputs, outputs }, n) => {
    const divisor = n === layers.length - 1 ? temperature : 1;
    const weight = new Float32Array(inputs * outputs);
    const bias = parameters.slice(from + inputs * outputs, from + (inputs + 1) * outputs);
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) {
        const value = parameters[from + i * outputs + o]! / (n === 0 ? scale[i]! : 1);
        weight[o * inputs + i] = value / divisor;
        if (n === 0) bias[o]! -= value * mean[i]!;
      }
    return { weight, bias: Float32Array.from(bias, (value) => value / divisor), inputs, outputs };
  });
}
