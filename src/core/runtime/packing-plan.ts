/** The plan by which a checkpoint is packed here: what is chosen, and what follows from the device and the memory of this machine. */
import { type Device, machineMemory, resolveDevice } from "../backend/index.js";
import { openCheckpoint } from "../checkpoint/index.js";
import {
  isPacked,
  type PackingPlan,
  type PlanOptions,
  parsePlan,
  plannedBytes,
  readModel,
  type Weights,
} from "../pack/index.js";
import type { DeviceChoice } from "./placement.js";

/** "auto": by the size of the model and of the machine's memory. */
export type PrefillWeights = "auto" | PackingPlan["prefillWeights"];

export interface PlanChoice extends Omit<PlanOptions, "prefillWeights"> {
  /** Number format of the weights; ignored for a folder that is packed already. Default "int4". */
  readonly weights?: Weights;
}

export interface PrefillChoice {
  /**
   * "int8": prompts are read by a second copy of the decoder's weights, in 8 bits: faster and closer, for a byte more a weight.
   * "same": by the weights that answer. Default "auto": int8 on the CPU for large models that fit with it into half of this
   * machine's memory; a copy that does not fit into what is free is left closed.
   */
  readonly prefillWeights?: PrefillWeights | undefined;
}

/** A copy of fewer bytes is not worth a second graph: such a model reads a prompt of 500 tokens in some 0.1 s as it is. */
const leastBytes = 64e6;

/**
 * @throws `invalid_request` listing the choices, `unavailable` when a named device does not work, and what opening a checkpoint
 * throws.
 */
export async function packingPlan(
  path: string,
  options: PlanChoice & PrefillChoice & DeviceChoice = {},
): Promise<PackingPlan> {
  const { weights = "int4", prefillWeights = "auto", device: wanted = "auto", ...rest } = options;
  const device = await resolveDevice(wanted);
  // Products of whole numbers by channel have kernels on the CPU only.
  const visionWeights = rest.visionWeights ?? (device === "cpu" ? "w8a8" : "int8");
  const plan = parsePlan(weights, { ...rest, visionWeights });
  if (prefillWeights !== "auto") return { ...plan, prefillWeights };
  return (await gainsByCopies(path, plan, device)) ? { ...plan, prefillWeights: "int8" } : plan;
}

/** By the headers of the checkpoint and this machine's memory, however much of it is free just now. */
async function gainsByCopies(path: string, plan: PackingPlan, device: Device): Promise<boolean> {
  if (device !== "cpu" || plan.weights === "fp32" || plan.weights === "fp16") return false;
  const checkpoint = await openCheckpoint(path);
  try {
    if (await isPacked(checkpoint)) return false; // by the plan that it has
    const model = await readModel(checkpoint);
    const bytes = plannedBytes(model, { ...plan, prefillWeights: "int8" });
    return bytes - plannedBytes(model, plan) >= leastBytes && bytes <= machineMemory().totalBytes / 2;
  } finally {
    await checkpoint.close();
  }
}
