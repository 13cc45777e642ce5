/** Which device of this machine runs which graph, settled before anything is opened. */
import { resolveDevice, tryDevice } from "../backend/index.js";
import type { Weights } from "../pack/portable.js";
import { type DeviceChoice, type Placement, placementOn } from "./placement.js";

/** @throws `unavailable` when the named device does not work. */
export async function choosePlacement(wanted: DeviceChoice & { readonly weights?: Weights }): Promise<Placement> {
  // fp32 products have no WebGPU kernel: the CPU alone is faster than both with copies in between.
  const auto = wanted.weights === "fp32" ? "cpu" : "auto";
  const device = await resolveDevice(wanted.device === undefined || wanted.device === "auto" ? auto : wanted.device);
  return placementOn(device, await tryDevice(device));
}
