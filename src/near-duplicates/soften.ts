/**
 * A kept picture as soft, or as sharp, as the new one shows it: what scaling down and coarse encoding do to edges they do everywhere,
 * so it is told from what changed in one place. The kept luma and three ever softer copies of it [à trous, B1 splines: Shensa, IEEE
 * Trans. Signal Processing 40(10), 1992] are mixed by robust least squares on the new one.
 */
import { LeastSquares } from "./least-squares.js";
import type { Plane } from "./plane.js";

/** Deviations of 0.7, 1.6 and 3.2 pixels. */
const distances = [1, 2, 4];
const numSteps = 4;
/** One filter for all of a picture is known from these as well as from all pixels. */
const mostSamples = 20_000;

export interface Softened {
  readonly plane: Plane;
  /** Of light, beyond what the kept plane came with: gain · kept + offset. */
  readonly gain: number;
  readonly offset: number;
  /** How much is left of what is one or two pixels wide, strokes of small print. */
  readonly strokes: number;
}

/** @param kept as it lies under `picture`, of the same size. */
export function soften(image: Plane, kept: Plane): Softened {
  const layers = detailLayers(kept);
  const mix = mixOf(image.data, kept.data, layers);
  const [gain, offset] = [1 + mix[layers.length]!, mix[layers.length + 1]!];
  const data = new Float32Array(kept.data.length);
  for (let i = 0; i < data.length; i++) data[i] = gain * kept.data[i]! + offset;
  for (const [layer, detail] of layers.entries())
    for (let i = 0, more = mix[layer]!; i < data.length; i++) data[i]! += more * detail[i]!;
  for (let i = 0; i < data.length; i++) data[i] = Math.min(255, Math.max(0, data[i]!));
  return { plane: { ...kept, data }, gain, offset, strokes: 1 + mix[1]! / gain };
}

/** Unknowns: of each layer of detail how much is added, then gain less one, then offset. */
function mixOf(image: Float32Array, kept: Float32Array, layers: readonly Float32Array[]): Float64Array {
  const numUnknowns = layers.length + 2;
  const stride = Math.ceil(image.length / mostSamples) | 1; // odd: a picture's rows are of even length
  const row = new Float64Array(numUnknowns);
  const fillRow = (i: number) => {
    for (let layer = 0; layer < layers.length; layer++) row[layer] = layers[layer]![i]!;
    row[layers.length] = kept[i]!;
    row[layers.length + 1] = 1;
  };
  let mix: Float64Array = new Float64Array(numUnknowns);
  let usual = Number.POSITIVE_INFINITY;
  for (let step = 0; step < numSteps; step++) {
    const system = new LeastSquares(numUnknowns);
    let [sum, count] = [0, 0];
    for (let i = 0; i < image.length; i += stride) {
      fillRow(i);
      let predicted = kept[i]!;
      for (let a = 0; a < numUnknowns; a++) predicted += mix[a]! * row[a]!;
      if (predicted <= 2 || predicted >= 253) continue; // cut off: says nothing of light
      const rest = image[i]! - predicted;
      sum += Math.abs(rest);
      count++;
      system.add(row, image[i]! - kept[i]!, 1 / (1 + (rest / usual) ** 2));
    }
    mix = system.solution();
    usual = 1 + (2 * sum) / Math.max(1, count);
  }
  return mix;
}

/** What each softer copy lacks of the one before. */
function detailLayers(plane: Plane): Float32Array[] {
  let last = plane.data;
  return distances.map((distance) => {
    const softer = smoothed({ ...plane, data: last }, distance);
    const detail = new Float32Array(last.length);
    for (let i = 0; i < detail.length; i++) detail[i] = last[i]! - softer[i]!;
    last = softer;
    return detail;
  });
}

/** Weights 1, 2, 1 at that distance along both axes; edges go on as they end. */
function smoothed({ width, height, data }: Plane, distance: number): Float32Array {
  const wide = new Float32Array(data.length);
  for (let y = 0, at = 0; y < height; y++) {
    const from = y * width;
    for (let x = 0; x < width; x++, at++)
      wide[at] =
        (data[from + Math.max(0, x - distance)]! + 2 * data[at]! + data[from + Math.min(width - 1, x + distance)]!) / 4;
  }
  const out = new Float32Array(data.length);
  for (let y = 0, at = 0; y < height; y++) {
    const above = Math.max(0, y - distance) * width;
    const below = Math.min(height - 1, y + distance) * width;
    for (let x = 0; x < width; x++, at++) out[at] = (wide[above + x]! + 2 * wide[at]! + wide[below + x]!) / 4;
  }
  return out;
}
