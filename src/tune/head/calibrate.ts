/**
 * The temperature under which held-out labels are most likely [Guo et al. 2017]: logits are divided by it, so what is most probable
 * stays so.
 */
import { logSumExp } from "./fit.js";

export interface Predictions {
  /** [images, classes] */
  readonly logits: Float32Array;
  readonly targets: Int32Array;
  /** Of each image in the loss. */
  readonly weights: Float64Array;
  readonly numClasses: number;
}

/** Beyond: logits that say nothing at all, or labels that are all right by a wide margin. */
const bounds = [0.05, 20] as const;
const golden = (Math.sqrt(5) - 1) / 2;

/** By golden section over its logarithm, in which the loss has one minimum. */
export function fitTemperature(predictions: Predictions): number {
  let [low, high] = bounds.map(Math.log) as [number, number];
  for (let i = 0; i < 40; i++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (logLoss(predictions, Math.exp(left)) <= logLoss(predictions, Math.exp(right))) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** Weighted mean of −log of the probability of the label. */
export function logLoss({ logits, targets, weights, numClasses }: Predictions, temperature = 1): number {
  let [sum, total] = [0, 0];
  const row = new Float64Array(numClasses);
  for (const [i, target] of targets.entries()) {
    const weight = weights[i]!;
    if (weight === 0) continue;
    for (let k = 0; k < numClasses; k++) row[k] = logits[i * numClasses + k]! / temperature;
    sum += weight * (logSumExp(row, 0, numClasses) - row[target]!);
    total += weight;
  }
  return sum / total;
}

/** [images, classes] */
export function probabilitiesOf(logits: Float32Array, numClasses: number, temperature: number): Float64Array {
  const probabilities = Float64Array.from(logits, (logit) => logit / temperature);
  for (let at = 0; at < probabilities.length; at += numClasses) {
    const scale = logSumExp(probabilities, at, numClasses);
    for (let k = at; k < at + numClasses; k++) probabilities[k] = Math.exp(probabilities[k]! - scale);
  }
  return probabilities;
}
