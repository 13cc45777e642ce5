/** Whether a model's decoder is opened so that several tokens of a sequence can be settled in one step (docs/speculation.md). */
import type { Device } from "../backend/portable.js";
import { isRecurrent, type StateSpec } from "../graph/index.js";

export interface SpeculationChoice {
  /**
   * Tokens that are expected to follow (forced by a schema, or found in the prompt) are settled several in a step, where that
   * pays: "auto", the default. The answers are the same to the last bit as with "off".
   */
  readonly speculation?: "auto" | "off";
}

/** Whether it can, and what the user should know when it cannot. */
export function speculationUse(
  layers: readonly StateSpec[],
  device: Device,
  wanted: SpeculationChoice["speculation"] = "auto",
): { readonly isUsed: boolean; readonly notes: readonly string[] } {
  if (wanted === "off") return { isUsed: false, notes: [] };
  const reason = isRecurrent(layers)
    ? "layers keep states, which a rejected draft would have changed"
    : device !== "cpu"
      ? `not on ${device}`
      : undefined;
  return reason === undefined
    ? { isUsed: true, notes: [] }
    : { isUsed: false, notes: [`speculation is off: ${reason}`] };
}
