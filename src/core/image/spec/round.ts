/** Python's rounding, for sizes and frames that must be the reference's; apart, since rules that know nothing of each other use it. */

/** Ties go to the even number. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}
