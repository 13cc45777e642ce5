/**
 * Which number format each matrix of a model gets. Norms, biases and small tables always stay float32.
 * The choices and what they cost are measured in docs/decisions/0003-formats.md and docs/quantization.md.
 */
import { OcellusError, sha256 } from "../base/index.js";
import type { AnyFamily, Part } from "../models/index.js";
import { type BlockSize, fitsW8A8, type WeightFormat } from "../tensor/index.js";

export const weightsOptions = ["fp32", "fp16", "int8", "int4", "nf4", "nf4-double"] as const;
/** What users choose; every matrix format follows from it. */
export type Weights = (typeof weightsOptions)[number];

export const visionWeightsOptions = ["w8a8", "int8", "fp16", "same"] as const;
export const prefillWeightsOptions = ["int8", "same"] as const;
export const embeddingWeightsOptions = ["int8", "int4"] as const;

/** What four-bit codes made up for their losses by. */
export interface Calibration {
  readonly method: "gptq";
  /** Of the way of rounding: the same set gives other codes by another. */
  readonly version: number;
  /** SHA-256 of what the inputs of the products were measured on. */
  readonly digest: string;
}

export interface PackingPlan {
  /** "auto": `formats` was chosen matrix by matrix. */
  readonly weights: Weights | "auto";
  readonly blockSize: BlockSize;
  /** A zero point for each block of the 4-bit matrices. */
  readonly zeroPoints: boolean;
  /** Format of encoders and connectors in a 4-bit model. */
  readonly visionWeights: (typeof visionWeightsOptions)[number];
  /** Format of the token embeddings and lm_head in a 4-bit model, tied or not. */
  readonly embeddingWeights: (typeof embeddingWeightsOptions)[number];
  /** int8: a second copy of the decoder's matrices as W8A8, by which prompts are read. */
  readonly prefillWeights: (typeof prefillWeightsOptions)[number];
  /** How four-bit matrices of the decoder's layers were rounded. Absent: each value by itself. */
  readonly calibration?: Calibration;
  /** Overrules the rest of the plan for the matrices it names. */
  readonly formats?: ReadonlyMap<string, WeightFormat>;
}

/** What the parts that are not the decoder's layers keep in a 4-bit model. */
export type KeptFormats = Pick<PackingPlan, "visionWeights" | "embeddingWeights">;

export interface PlanOptions {
  /** Columns that share one scale in the integer formats: 32 (closest), 64 or 128 (smallest, fastest). Default 32. */
  readonly blockSize?: number | undefined;
  /** int4 with a zero point for each block: closer, half a byte more a block. Default false. */
  readonly zeroPoints?: boolean | undefined;
  /** Format of encoders and connectors in a 4-bit model. Default w8a8, the fastest on a CPU; a GPU has no kernel for it. */
  readonly visionWeights?: PackingPlan["visionWeights"] | undefined;
  /** Format of the token embeddings and lm_head in a 4-bit model. Default int8. */
  readonly embeddingWeights?: PackingPlan["embeddingWeights"] | undefined;
  /** What prompts are read by: the decoder's own weights, or a second copy in 8 bits, faster and closer. Default here: same. */
  readonly prefillWeights?: PackingPlan["prefillWeights"] | undefined;
}

interface WebPlanOptions extends Omit<PlanOptions, "prefillWeights"> {
  readonly weights?: Weights | undefined;
  readonly prefillWeights?: PackingPlan["prefillWeights"] | "auto" | undefined;
}

/** @throws `invalid_request` listing the choices. */
export function parsePlan(weights: string, options: PlanOptions = {}): PackingPlan {
  const {
    blockSize = 32,
    zeroPoints = false,
    visionWeights = "w8a8",
    embeddingWeights = "int8",
    prefillWeights = "same",
  } = options;
  const found = weightsOptions.find((w) => w === weights);
  if (!found) {
    throw new OcellusError(
      "invalid_request",
      `weights: expected one of ${weightsOptions.join(", ")}, found "${weights}"`,
      { details: { field: "weights", expected: weightsOptions, found: weights } },
    );
  }
  if (blockSize !== 32 && blockSize !== 64 && blockSize !== 128) {
    throw new OcellusError("invalid_request", `block size: expected 32, 64 or 128, found ${blockSize}`, {
      details: { field: "blockSize", expected: [32, 64, 128], found: blockSize },
    });
  }
  return { weights: found, blockSize, zeroPoints, visionWeights, embeddingWeights, prefillWeights };
}

/**
 * For pages. Blocks of 32, for which ONNX Runtime's WebGPU kernels fuse products; 8-bit blocks for images, which have kernels on
 * WebGPU and WebAssembly (W8A8 has none on a GPU); no second copy of the decoder, which a page would have to download.
 * @throws `invalid_request` as `parsePlan`, and for a copy that is asked for.
 */
export function webPlan({ weights = "int4", prefillWeights = "same", ...options }: WebPlanOptions): PackingPlan {
  if (prefillWeights === "int8")
    throw new OcellusError("invalid_request", "prefill weights: a model for the web has no second copy; leave it out", {
      details: { field: "prefillWeights", expected: ["same"], found: prefillWeights },
    });
  return parsePlan(weights, { ...options, visionWeights: options.visionWeights ?? "int8" });
}

/** Of all that is chosen. */
export function planDigest({ formats, ...plan }: PackingPlan): string {
  return sha256(JSON.stringify([plan, formats && [...formats]]));
}

/** A matrix, as a plan sees it. */
export interface PlannedMatrix {
  /** Canonical. */
  readonly name: string;
  readonly part: Part;
  readonly columns?: number | undefined;
  /** Eight bits in a plan of four: its family says so, and what is lost of it. */
  readonly keepsEightBits?: boolean;
}

export function plannedMatrix(family: AnyFamily, name: string, columns?: number): PlannedMatrix {
  return { name, part: family.parts(name), columns, keepsEightBits: family.keepsEightBits?.(name) ?? false };
}

/** Only a decoder's layers go down to four bits of themselves: of everything else that costs more answers than bytes. */
export function formatOf(plan: PackingPlan, { name, part, columns, keepsEightBits }: PlannedMatrix): WeightFormat {
  const { blockSize, zeroPoints } = plan;
  const isTable = part === "embedding" || part === "head";
  const int8: WeightFormat = { kind: "int8", blockSize };
  const int4: WeightFormat = { kind: "int4", blockSize, ...(zeroPoints && { zeroPoints }) };
  const chosen = plan.formats?.get(name);
  if (chosen) return chosen;
  switch (plan.weights) {
    case "fp32":
      return { kind: "f32" };
    case "fp16":
      return { kind: "f16" };
    case "int8":
      return int8;
    case "auto":
      return isTable && plan.embeddingWeights === "int4" ? int4 : int8;
    case "int4":
    case "nf4":
    case "nf4-double":
      break;
    default:
      return plan.weights satisfies never;
  }
  if (isTable) return plan.embeddingWeights === "int4" ? int4 : int8;
  if (part !== "decoder" && plan.visionWeights !== "same") {
    if (plan.visionWeights === "fp16") return { kind: "f16" };
    return plan.visionWeights === "w8a8" && columns !== undefined && fitsW8A8(columns) ? { kind: "w8a8" } : int8;
  }
  if (keepsEightBits) return int8;
  if (plan.weights === "int4") return int4;
  // Blocks of NF4 run on from row to row: rows that are not whole blocks could be neither stacked nor packed in pieces.
  if (columns !== undefined && columns % 64 !== 0) return int8;
  return { kind: "nf4", blockSize: 64, nested: plan.weights === "nf4-double" };
}

/** As `formatOf`, of a matrix in the graph that reads prompts. */
export function prefillFormatOf(plan: PackingPlan, matrix: PlannedMatrix): WeightFormat {
  const { part, columns } = matrix;
  return part === "decoder" && columns !== undefined && fitsW8A8(columns) ? { kind: "w8a8" } : formatOf(plan, matrix);
}

/**
 * What `auto` may choose from for a matrix. Encoders and tables get no less than what is kept, as in `formatOf`; fp16 is
 * no choice, since ONNX Runtime widens it to four bytes when it opens the model.
 */
export function autoFormats(matrix: PlannedMatrix, kept: KeptFormats): WeightFormat[] {
  const least = formatOf(parsePlan("int4", kept), matrix);
  if (least.kind === "f16" || least.kind === "w8a8") return [least];
  const eightBits = ([128, 32] as const).map((blockSize): WeightFormat => ({ kind: "int8", blockSize }));
  if (least.kind === "int8") return eightBits;
  return [...([128, 64, 32] as const).map((blockSize): WeightFormat => ({ kind: "int4", blockSize })), ...eightBits];
}
