/** Comparing arrays of numbers with a named reference. */
import { expect } from "vitest";

/** max |a - b| / max |b|: the error relative to the largest value of the reference. */
export function relativeError(actual: ArrayLike<number>, reference: ArrayLike<number>): number {
  expect(actual.length, "number of values").toBe(reference.length);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - reference[i]!));
    largest = Math.max(largest, Math.abs(reference[i]!));
    if (Number.isNaN(actual[i]!)) return Infinity;
  }
  return difference / (largest || 1);
}

export function expectClose(
  actual: ArrayLike<number>,
  reference: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  expect(relativeError(actual, reference), `${what}: relative error`).toBeLessThanOrEqual(tolerance);
}
