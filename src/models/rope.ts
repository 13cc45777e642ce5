/** Rotary position embedding: cosines and sines of position times frequency, computed by the host. */
import { z } from "zod";
import type { RotaryAngles } from "./family.js";
import { only } from "./fields.js";

const theta = z.number().positive().nullish();

/** Only unscaled rotation: YaRN and its like would answer wrongly without a word. `type` is what `rope_type` was called. */
function ropeSchema(types: readonly string[]) {
  const object = z.object({
    rope_type: only(...types),
    type: only(...types),
    rope_theta: theta,
    partial_rotary_factor: only(1),
    mrope_section: z
      .array(z.number().int().min(0).max(1024)) // of head_dim / 2, which is 64 in all that are published
      .length(3)
      .optional(),
    mrope_interleaved: only(true),
    full_attention: only(), // a rotation for each type of layer
    sliding_attention: only(),
  });
  return z.preprocess(absentIfEmpty, object.nullish());
}

/** To Python an empty object is as good as none. */
function absentIfEmpty(value: unknown): unknown {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0 ? undefined : value;
}

/** What any config may say of its rotation: transformers 4 writes rope_theta and rope_scaling, 5 one rope_parameters. */
export function ropeFields(...types: readonly string[]) {
  const rope = ropeSchema(types);
  return { rope_theta: theta, rope_scaling: rope, rope_parameters: rope, partial_rotary_factor: only(1) };
}

export type RopeFields = z.infer<z.ZodObject<ReturnType<typeof ropeFields>>>;

/** θ and the sections of MRoPE as the reference joins the spellings: the objects before the bare field, the old one first. */
export function ropeOf({ rope_scaling, rope_parameters, rope_theta }: RopeFields, defaultTheta: number) {
  const rope = rope_scaling ?? rope_parameters;
  return { theta: rope?.rope_theta ?? rope_theta ?? defaultTheta, mropeSection: rope?.mrope_section };
}

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
