/** Rotary position embedding: cosines and sines of position times frequency, computed by the host. */
import type { RotaryAngles } from "./family.js";

/** Where a token stands, as the rotary frequency `f` sees it; plain RoPE has one position for all. */
export type PositionOf = (token: number, f: number) => number;

/**
 * cos and sin [count, dim/2] of position · theta^(-2f/dim), f = 0 … dim/2-1. [RoFormer, Su et al. 2021]
 * Frequencies and angles are rounded to float32 as the PyTorch reference does; without that, position 2,000 is off by 1e-4.
 */
export function ropeAngles(count: number, dim: number, theta: number, positionOf: PositionOf): RotaryAngles {
  const half = dim / 2;
  const cos = new Float32Array(count * half);
  const sin = new Float32Array(count * half);
  for (let f = 0; f < half; f++) {
    const frequency = Math.fround(1 / Math.fround(theta ** ((2 * f) / dim)));
    for (let i = 0; i < count; i++) {
      const angle = Math.fround(positionOf(i, f) * frequency);
      cos[i * half + f] = Math.cos(angle);
      sin[i * half + f] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
