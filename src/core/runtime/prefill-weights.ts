/** Whether a packed model's second copy of the decoder's weights, in 8 bits, by which prompts are read, is opened. */
import { type Device, machineMemory } from "../backend/index.js";
import type { Graph } from "../graph/index.js";
import type { AnyFamily } from "../models/index.js";
import { type Packed, storedGraphs } from "../pack/index.js";
import { byteLength } from "../tensor/index.js";
import type { PrefillWeights } from "./packing-plan.js";

/** Whether a packed model's copy is opened, and what the user should know when it is not. */
export function prefillUse(
  packed: Packed<AnyFamily>,
  wanted: PrefillWeights,
  device: Device,
): { readonly isUsed: boolean; readonly notes: readonly string[] } {
  const isThere = packed.manifest.prefill_weights === "int8";
  if (!isThere && wanted === "int8" && device === "cpu") {
    const note = "packed without 8-bit weights for prompts; pack the checkpoint with --prefill-weights int8";
    return { isUsed: false, notes: [note] };
  }
  if (!isThere || wanted === "same" || device !== "cpu") return { isUsed: false, notes: [] };
  const bytes = weightBytes(storedGraphs(packed).prefill!);
  const { availableBytes } = machineMemory();
  if (wanted === "int8" || 1.5 * bytes <= availableBytes) return { isUsed: true, notes: [] };
  const [needed, free] = [1.5 * bytes, availableBytes].map((n) => `${(n / 1e9).toFixed(1)} GB`);
  const note = `prompts are read by the weights that answer: the 8-bit copy needs ${needed}, ${free} are free`;
  return { isUsed: false, notes: [note] };
}

function weightBytes({ initializers }: Graph): number {
  return initializers.reduce((sum, { value }) => sum + byteLength(value.dtype, value.shape as number[]), 0);
}
