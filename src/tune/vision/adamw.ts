/**
 * AdamW [Loshchilov & Hutter 2019], as torch.optim.AdamW computes it: the decay is taken off the weight itself, the moments are
 * corrected for their start at zero. Sums are float64, the moments float32.
 */

/** What is trained of one tensor, and what the optimiser keeps of it. */
export interface Moments {
  readonly values: Float32Array;
  /** Running means of the gradient and of its square. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Weights of products; norms and biases do not decay. */
  readonly decays: boolean;
}

export interface AdamWOptions {
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** @param step counts from 0 */
export function adamW(
  { values, first, second, decays }: Moments,
  gradient: Float32Array,
  { step, learningRate, scale }: { readonly step: number; readonly learningRate: number; readonly scale: number },
  { weightDecay, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions,
): void {
  const correction1 = 1 - beta1 ** (step + 1);
  const correction2 = Math.sqrt(1 - beta2 ** (step + 1));
  const keep = decays ? 1 - learningRate * weightDecay : 1;
  const rate = learningRate / correction1;
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]! * scale;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    values[i] = values[i]! * keep - (rate * m) / (Math.sqrt(v) / correction2 + epsilon);
  }
}

/** Length of all gradients together. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += gradient[i]! ** 2;
  return Math.sqrt(sum);
}

/** What gradients are multiplied by, so that together they are no longer than `most`; as torch.nn.utils.clip_grad_norm_. */
export function clipScale(norm: number, most: number): number {
  return Math.min(1, most / (norm + 1e-6));
}
