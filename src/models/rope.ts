/** Rotary position embedding, the plain kind: angles of whole positions, computed by the host. */
import type { RotaryAngles, TokenRow } from "./family.js";

/**
 * cos and sin [count, head_dim/2] of position · theta^(-2f/head_dim), f = 0 … head_dim/2-1. [RoFormer, Su et al. 2021]
 * Frequencies and angles are rounded to float32 as the PyTorch reference does; without that, position 2,000 is off by 1e-4.
 */
export function ropeAngles(row: TokenRow, headDim: number, theta: number): RotaryAngles {
  const half = headDim / 2;
  const cos = new Float32Array(row.count * half);
  const sin = new Float32Array(row.count * half);
  for (let f = 0; f < half; f++) {
    const frequency = Math.fround(1 / Math.fround(theta ** ((2 * f) / headDim)));
    for (let i = 0; i < row.count; i++) {
      const angle = Math.fround((row.start + i) * frequency);
      cos[i * half + f] = Math.cos(angle);
      sin[i * half + f] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
