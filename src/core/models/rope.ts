/**
 * Rotary position embedding: cosines and sines of position times frequency, computed by the host. Frequencies are plain, or
 * those of Llama 3.1, whose long wavelengths are stretched, or LongRoPE's, each stretched by a factor of its own; other
 * scalings would answer wrongly without a word, and are refused by name. [RoFormer, Su et al. 2021; transformers modeling_rope_utils.py]
 */
import { z } from "zod";
import { type SizeRule, size } from "./config.js";
import type { RotaryAngles, TokenRow } from "./family.js";
import { irrelevant, only } from "./fields.js";

const theta = z.number().positive().nullish();

/** Only rotations that we compute. `type` is what `rope_type` was called. */
function ropeObject(types: readonly string[], isInterleaved = true) {
  return z.object({
    rope_type: z.enum(types).nullish(),
    type: z.enum(types).nullish(),
    rope_theta: theta,
    partial_rotary_factor: only(1),
    mrope_section: z
      .array(z.number().int().min(0).max(1024)) // of head_dim / 2, which is 64 in all that are published
      .length(3)
      .optional(),
    mrope_interleaved: only(isInterleaved),
    full_attention: only(), // a rotation for each type of layer
    sliding_attention: only(),
  });
}

/** Published ones stretch 8 to 32 times; a thousand is beyond any context. */
const times = z.number().positive().max(1024).nullish();
const scalingFields = { factor: times, low_freq_factor: times, high_freq_factor: times };

const llama3Object = ropeObject(["default", "llama3"])
  .extend({ ...scalingFields, original_max_position_embeddings: size.nullish() })
  .superRefine((rope, context) => {
    const isLlama3 = (rope.rope_type ?? rope.type) === "llama3";
    for (const name of Object.keys(scalingFields) as (keyof typeof scalingFields)[]) {
      if (isLlama3 === (typeof rope[name] === "number")) continue;
      const message = isLlama3 ? "llama3 needs a number" : "expected no such field beside rope_type default";
      context.addIssue({ code: "custom", path: [name], message, params: { unsupported: !isLlama3 } });
    }
    if (isLlama3 && rope.high_freq_factor! <= rope.low_freq_factor!)
      context.addIssue({ code: "custom", path: ["high_freq_factor"], message: "must be above low_freq_factor" });
  });

/** To Python an empty object is as good as none. */
function absentIfEmpty(value: unknown): unknown {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0 ? undefined : value;
}

function fieldsWith<T extends z.ZodType>(object: T) {
  const rope = z.preprocess(absentIfEmpty, object.nullish());
  return { rope_theta: theta, rope_scaling: rope, rope_parameters: rope, partial_rotary_factor: only(1) };
}

const share = z.number().positive().max(1).nullish();

/** The same for a family that may turn a part of each head's columns only. */
export function partialRopeFields(...types: readonly string[]) {
  return { ...fieldsWith(ropeObject(types).extend({ partial_rotary_factor: share })), partial_rotary_factor: share };
}

/** What any config may say of its rotation: transformers 4 writes rope_theta and rope_scaling, 5 one rope_parameters. */
export function ropeFields(...types: readonly string[]) {
  return fieldsWith(ropeObject(types));
}

/**
 * The same for a family whose files may name "dynamic": its frequencies change beyond max_position_embeddings only, which is as
 * long as a context may be.
 */
export function dynamicRopeFields() {
  return fieldsWith(ropeObject(["default", "dynamic"]).extend(irrelevant("factor")));
}

/** The same for a family whose MRoPE gives T, H and W a section of neighbouring frequencies each. */
export function sectionedRopeFields() {
  return fieldsWith(ropeObject(["default", "mrope"], false));
}

/** The same for a family that may be stretched as Llama 3.1 is. */
export const llama3RopeFields = {
  ...fieldsWith(llama3Object),
  original_max_position_embeddings: only(), // outside the object, where the reference reads it too
};

/** One for each frequency. Published ones are 1 to 65. */
const factors = z.array(z.number().positive().max(1024)).min(1).max(512).nullish();

const longFields = {
  ...{ short_factor: factors, long_factor: factors, factor: times },
  original_max_position_embeddings: size.nullish(),
  attention_factor: z.number().positive().max(16).nullish(),
};
const longNeeds: readonly string[] = ["short_factor", "long_factor", "original_max_position_embeddings"];

const longObject = ropeObject(["default", "longrope"])
  .extend(longFields)
  .superRefine((rope, context) => {
    const isLong = (rope.rope_type ?? rope.type) === "longrope";
    for (const name of Object.keys(longFields) as (keyof typeof longFields)[]) {
      if (isLong ? rope[name] || !longNeeds.includes(name) : !rope[name]) continue;
      const message = isLong ? "longrope needs it" : "expected no such field beside rope_type default";
      context.addIssue({ code: "custom", path: [name], message, params: { unsupported: !isLong } });
    }
  });

/** The same for a family that may be stretched as Phi-3 and MiniCPM4 are. */
export const longRopeFields = fieldsWith(longObject);

type RopeNumbers = keyof typeof scalingFields | "original_max_position_embeddings" | "partial_rotary_factor";
type RopeObject = Partial<Pick<z.infer<typeof llama3Object>, "mrope_section" | "rope_theta" | "rope_type" | "type">> &
  Partial<Record<RopeNumbers, number | null | undefined>> &
  Partial<Pick<z.infer<typeof longObject>, "short_factor" | "long_factor" | "attention_factor">>;

interface RopeConfig {
  readonly rope_scaling?: RopeObject | null | undefined;
  readonly rope_parameters?: RopeObject | null | undefined;
  readonly rope_theta?: number | null | undefined;
  readonly partial_rotary_factor?: number | null | undefined;
  readonly max_position_embeddings?: number;
}

export interface Rope {
  readonly theta: number;
  readonly mropeSection?: readonly number[] | undefined;
  /** Of each head's columns, how much turns; absent where no field says it. */
  readonly share?: number | undefined;
  /** Of every frequency how much it is stretched, and what cos and sin are multiplied with. */
  readonly long?: { factors: readonly number[]; scale: number } | undefined;
  /** Wavelengths beyond originalLength / lowFactor are stretched by `factor`, those below originalLength / highFactor stay. */
  readonly llama3?: { factor: number; lowFactor: number; highFactor: number; originalLength: number } | undefined;
}

/** The rotation as the reference joins the spellings: the objects before the bare field, the old one first. */
export function ropeOf({ rope_scaling, rope_parameters, ...config }: RopeConfig, defaultTheta: number): Rope {
  const rope = rope_scaling ?? rope_parameters;
  const { factor, low_freq_factor: lowFactor, high_freq_factor: highFactor } = rope ?? {};
  const originalLength = rope?.original_max_position_embeddings ?? config.max_position_embeddings;
  return {
    theta: rope?.rope_theta ?? config.rope_theta ?? defaultTheta,
    mropeSection: rope?.mrope_section,
    share: rope?.partial_rotary_factor ?? config.partial_rotary_factor ?? undefined,
    ...(rope?.short_factor && { long: longRope(rope, config.max_position_embeddings!) }),
    ...(typeof lowFactor === "number" && {
      llama3: { factor: factor!, lowFactor, highFactor: highFactor!, originalLength: originalLength! },
    }),
  };
}

/** The short factors, which hold up to the original length: `longRopeLength`. [transformers _compute_longrope_parameters] */
function longRope(rope: RopeObject, maxLength: number): Rope["long"] {
  const original = rope.original_max_position_embeddings!;
  const times = rope.factor ?? maxLength / original;
  const scale = rope.attention_factor ?? (times <= 1 ? 1 : Math.sqrt(1 + Math.log(times) / Math.log(original)));
  return { factors: rope.short_factor!, scale };
}

/**
 * Up to which length one set of factors holds: beyond the original one the reference takes the long factors for every
 * position at once, while the keys in a cache are turned already.
 */
export function longRopeLength({ rope_scaling, rope_parameters, ...config }: RopeConfig): number {
  const { short_factor: short, long_factor: long, ...rope } = rope_scaling ?? rope_parameters ?? {};
  const maxLength = config.max_position_embeddings!;
  if (!short || !long || short.every((factor, i) => factor === long[i])) return maxLength;
  return Math.min(maxLength, rope.original_max_position_embeddings!);
}

/** A factor for each frequency. */
export function longRopeRules(config: RopeConfig & { readonly head_dim: number }): SizeRule[] {
  const name = config.rope_scaling ? "rope_scaling" : "rope_parameters";
  return (["short_factor", "long_factor"] as const).map((field) => {
    const found = config[name]?.[field]?.length ?? config.head_dim / 2;
    return [found === config.head_dim / 2, `${name}.${field} must have head_dim / 2 factors`];
  });
}

/** Where a token stands, as the rotary frequency `f` sees it; plain RoPE has one position for all. */
export type PositionOf = (token: number, f: number) => number;

/**
 * cos and sin [count, dim/2] of position · theta^(-2f/dim), f = 0 … dim/2-1.
 * Frequencies and angles are rounded to float32 as the PyTorch reference does; without that, position 2,000 is off by 1e-4.
 */
export function ropeAngles(count: number, dim: number, rope: Rope, positionOf: PositionOf): RotaryAngles {
  const half = dim / 2;
  const scale = rope.long?.scale ?? 1;
  const cos = new Float32Array(count * half);
  const sin = new Float32Array(count * half);
  for (let f = 0; f < half; f++) {
    const frequency = stretched(
      Math.fround(1 / Math.fround(longFactor(rope, f) * Math.fround(rope.theta ** ((2 * f) / dim)))),
      rope,
    );
    for (let i = 0; i < count; i++) {
      const angle = Math.fround(positionOf(i, f) * frequency);
      cos[i * half + f] = Math.cos(angle) * scale;
      sin[i * half + f] = Math.sin(angle) * scale;
    }
  }
  return { cos, sin };
}

/** Interleaved MRoPE: frequencies take turns T, H, W until a section is used up; what is left belongs to T. */
export function mropeAngles(row: TokenRow, dim: number, rope: Rope, section: readonly number[]): RotaryAngles {
  const [, h, w] = (rope.mropeSection ?? section) as [number, number, number];
  return axisAngles(row, dim, rope, (f) => (f % 3 === 1 && f < 3 * h ? 1 : f % 3 === 2 && f < 3 * w ? 2 : 0));
}

/** Sectioned MRoPE: the first frequencies turn with T, the next with H, the last with W. */
export function sectionedMropeAngles(row: TokenRow, dim: number, rope: Rope, section: readonly number[]): RotaryAngles {
  const [t, h] = (rope.mropeSection ?? section) as [number, number, number];
  return axisAngles(row, dim, rope, (f) => (f < t ? 0 : f < t + h ? 1 : 2));
}

function axisAngles({ start, count, positions }: TokenRow, dim: number, rope: Rope, axisOf: (f: number) => number) {
  const positionOf = (i: number, f: number) => positions.axes[axisOf(f)]?.[start + i] ?? start + i + positions.delta;
  return ropeAngles(count, dim, rope, positionOf);
}

function longFactor({ long }: Rope, f: number): number {
  return Math.fround(long?.factors[f] ?? 1);
}

/** Between the two bounds the share of the plain frequency grows evenly with the turns in the original length. */
function stretched(frequency: number, { llama3 }: Rope): number {
  if (!llama3) return frequency;
  const { factor, lowFactor, highFactor, originalLength } = llama3;
  const turns = (originalLength * frequency) / (2 * Math.PI);
  const share = Math.min(Math.max((turns - lowFactor) / (highFactor - lowFactor), 0), 1);
  return Math.fround((1 - share) * (frequency / factor) + share * frequency);
}
