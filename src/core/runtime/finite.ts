/**
 * What a model gives is checked before it is compared: NaN is above no threshold and nearest to nothing, so that a guard
 * would let everything pass and a mean would say nothing.
 */
import { OcellusError } from "../base/index.js";

/** @throws `internal`, as the sampler does, when one of the values is NaN; `what` names where they come from. */
export function checkNumbers(values: Float32Array, what: string): void {
  const index = values.findIndex(Number.isNaN);
  if (index < 0) return;
  throw new OcellusError(
    "internal",
    `${what}: the model gave NaN (value ${index} of ${values.length}); its weights are damaged, or 16-bit numbers overflowed; try --weights fp32`,
    { details: { index, what } },
  );
}
