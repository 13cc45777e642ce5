/** Which device runs which graph of a model, settled before anything is opened. */

import type { Device, DeviceTrial } from "../backend/portable.js";
import { isRecurrent, type StateSpec } from "../graph/index.js";
import type { PackingPlan } from "../pack/portable.js";

export interface DeviceChoice {
  /** "auto", the default: WebGPU where graphics hardware computes rightly, else the CPU. */
  readonly device?: Device | "auto";
}

export interface Placement {
  readonly device: Device;
  /** For graphs that attend to a whole picture or text at once: the device, if it gets that right. */
  readonly towers: Device;
  /** Most tokens of a run, where the device gets no more right. */
  readonly prefillChunk?: number;
}

/** On a device that was tried. */
export function placementOn(device: Device, { maxQueries }: DeviceTrial): Placement {
  if (maxQueries === Number.POSITIVE_INFINITY) return { device, towers: device };
  return { device, towers: "cpu", prefillChunk: maxQueries };
}

/**
 * Layers that keep states run on the CPU: WebGPU has kernels for them (test/webgpu.test.ts), but each state would travel there and
 * back at every step, and no prompt could be resumed: a cache there saves nothing.
 */
export function placementFor(layers: readonly StateSpec[], chosen: Placement): Placement {
  return isRecurrent(layers) ? { device: "cpu", towers: chosen.towers } : chosen;
}

/** What a user should know of a decoder whose layers keep states, in sentences. */
export function stateNotes(layers: readonly StateSpec[], chosen: Placement): string[] {
  if (!isRecurrent(layers)) return [];
  const notes = [
    "layers keep states, which cannot be cut back: a prompt resumes behind a message or an image, not at any token",
  ];
  if (chosen.device !== "cpu") notes.push(`layers keep states: the decoder runs on the CPU, not on ${chosen.device}`);
  return notes;
}

/** What a user should know of it, in sentences. */
export function placementNotes({ device, prefillChunk }: Placement, weights: PackingPlan["weights"]): string[] {
  const notes: string[] = [];
  if (prefillChunk !== undefined)
    notes.push(
      `this ${device} adapter is right up to ${prefillChunk} tokens at once: the CPU sees the images, prompts are read in pieces`,
    );
  if (device === "webgpu" && weights === "fp32")
    notes.push("fp32 weights are multiplied on the CPU, webgpu does the rest; with int4 or int8 it does all");
  return notes;
}
