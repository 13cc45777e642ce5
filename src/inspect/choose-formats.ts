/**
 * Formats under a budget of bytes: a knapsack, filled by marginal error per byte. Everything begins in its smallest format;
 * then the step that takes away most error for each byte it costs is taken, again and again, while it fits. Steps that
 * another combination beats are left out first (only the lower convex hull of each matrix counts), so the steps of one
 * matrix come in order, and the result is optimal but for the one step that no longer fits. [Dantzig 1957, the LP bound]
 */
import { formatBytes, OcellusError } from "../core/base/index.js";
import type { WeightFormat } from "../core/tensor/index.js";

export interface FormatOption {
  readonly format: WeightFormat;
  readonly bytes: number;
  /** Anything that adds up over matrices. */
  readonly error: number;
}

/** The chosen option of each list, in their order. @throws `invalid_request` when even the smallest do not fit. */
export function chooseFormats(
  matrices: readonly (readonly FormatOption[])[],
  budgetBytes: number,
  fixed = 0,
): FormatOption[] {
  const hulls = matrices.map(lowerHull);
  const levels = hulls.map(() => 0);
  let left = budgetBytes - fixed - hulls.reduce((sum, hull) => sum + hull[0]!.bytes, 0);
  if (left < 0) throw impossible(budgetBytes, budgetBytes - left);
  for (const { matrix, level, extraBytes } of hulls.flatMap(stepsOf).sort((a, b) => b.gain - a.gain)) {
    if (levels[matrix] !== level - 1 || extraBytes > left) continue;
    levels[matrix] = level;
    left -= extraBytes;
  }
  return hulls.map((hull, i) => hull[levels[i]!]!);
}

function impossible(budgetBytes: number, smallestBytes: number): OcellusError {
  return new OcellusError(
    "invalid_request",
    `a budget of ${formatBytes(budgetBytes)} cannot be kept: the smallest possible is ${formatBytes(smallestBytes)} ` +
      `(${smallestBytes} bytes); allow at least that much`,
    { details: { budgetBytes, smallestBytes } },
  );
}

interface Step {
  readonly matrix: number;
  readonly level: number;
  readonly extraBytes: number;
  /** Error taken away by each byte. */
  readonly gain: number;
}

function stepsOf(hull: readonly FormatOption[], matrix: number): Step[] {
  return hull.slice(1).map((option, i) => {
    const [extraBytes, gain] = [option.bytes - hull[i]!.bytes, gainOf(hull[i]!, option)];
    return { matrix, level: i + 1, extraBytes, gain };
  });
}

function gainOf(from: FormatOption, to: FormatOption): number {
  return (from.error - to.error) / (to.bytes - from.bytes);
}

/** By rising bytes, each step with less gain than the one before and none without. */
function lowerHull(options: readonly FormatOption[]): FormatOption[] {
  const hull: FormatOption[] = [];
  for (const option of [...options].sort((a, b) => a.bytes - b.bytes || a.error - b.error)) {
    if (hull.length > 0 && option.error >= hull.at(-1)!.error) continue;
    while (hull.length > 1 && gainOf(hull.at(-1)!, option) >= gainOf(hull.at(-2)!, hull.at(-1)!)) hull.pop();
    hull.push(option);
  }
  return hull;
}
