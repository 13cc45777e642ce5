/** How far the next-token distribution of one model is from that of another. */
import { checkNumbers } from "../core/runtime/index.js";

export interface Divergence {
  /** Kullback–Leibler divergence Σ p·(ln p − ln q) in nats, p being the reference's softmax. */
  readonly kl: number;
  readonly sameTop: boolean;
}

/** @param reference logits [vocab_size] @param logits logits [vocab_size] @throws `internal` when one holds NaN */
export function divergence(reference: Float32Array, logits: Float32Array): Divergence {
  checkNumbers(reference, "the reference's logits");
  checkNumbers(logits, "the logits");
  const [p, q] = [distribution(reference), distribution(logits)];
  let kl = 0;
  for (const [i, value] of reference.entries()) {
    const logP = value - p.logSum;
    if (logP > Number.NEGATIVE_INFINITY) kl += Math.exp(logP) * (logP - (logits[i]! - q.logSum));
  }
  return { kl: Math.max(0, kl), sameTop: p.top === q.top };
}

/** ln Σ exp, and the likeliest token. */
function distribution(logits: Float32Array): { logSum: number; top: number } {
  let top = 0;
  for (const [i, value] of logits.entries()) if (value > logits[top]!) top = i;
  const sum = logits.reduce((total, value) => total + Math.exp(value - logits[top]!), 0);
  return { logSum: logits[top]! + Math.log(sum), top };
}
