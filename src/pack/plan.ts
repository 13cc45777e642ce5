/**
 * Which number format each matrix of a model gets. Norms, biases and small tables always stay float32.
 * The choices and what they cost are measured in docs/decisions/0003-formats.md.
 */
import { OcellusError } from "../base/index.js";
import type { WeightFormat } from "../graph/index.js";

export const weightsOptions = ["fp32", "int8", "int4"] as const;
/** What users choose; every matrix format follows from it. */
export type Weights = (typeof weightsOptions)[number];

export interface PackingPlan {
  readonly weights: Weights;
  readonly blockSize: 32 | 64 | 128;
}

/** @throws `invalid_request` listing the choices. */
export function parsePlan(weights: string, blockSize = 32): PackingPlan {
  const found = weightsOptions.find((w) => w === weights);
  if (!found) {
    throw new OcellusError(
      "invalid_request",
      `weights: expected one of ${weightsOptions.join(", ")}, found "${weights}"`,
    );
  }
  if (blockSize !== 32 && blockSize !== 64 && blockSize !== 128) {
    throw new OcellusError("invalid_request", `block size: expected 32, 64 or 128, found ${blockSize}`);
  }
  return { weights: found, blockSize };
}

/** Tensors that 4 bits would hurt most for least gain: the eye itself, both towers of an encoder, and the table that is both head and embedding. */
const keepsEightBits =
  /^(vision_tower|perceiver_resampler|model\.visual|vision_model|text_model|visual_projection|text_projection)\.|(^|\.)(embed_tokens|lm_head)\.weight$/;

/** The format of the matrix `name` (canonical spelling). */
export function formatOf(plan: PackingPlan, name: string): WeightFormat {
  if (plan.weights === "fp32") return { kind: "f32" };
  const kind = plan.weights === "int8" || keepsEightBits.test(name) ? "int8" : "int4";
  return { kind, blockSize: plan.blockSize };
}
