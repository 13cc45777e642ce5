import { kindAlone } from "./pseudonyms.js";
import type { Judged } from "./verdict.js";

/** Cuts out of a text, in UTF-16 units: overlapping ones are one. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  /** Absent: an asterisk for each character. */
  readonly replacement?: string | undefined;
  /** Makes the replacement, of all that the cut takes. */
  readonly pseudonymOf?: ((written: string) => string) | undefined;
  /** Whether the replacement is what the caller wrote. */
  readonly isRestored?: boolean;
}

/** What a policy cuts out. @param pseudonymOf where absent, the kind stands in a value's place */
export function cutsOf(findings: readonly Judged[], pseudonymOf: PseudonymOf = kindAlone): Cut[] {
  return findings
    .filter(({ action }) => action === "redact")
    .map(({ category, span, replacement, pseudonym, restored }) => ({
      ...{ start: span?.start ?? 0, end: span?.end ?? Number.POSITIVE_INFINITY, replacement: restored ?? replacement },
      ...(pseudonym && { pseudonymOf: (written: string) => pseudonymOf(category, written) }),
      ...(restored !== undefined && { isRestored: true }),
    }));
}

export type PseudonymOf = (category: string, written: string) => string;

/** A text as it may pass. */
export function redacted(text: string, findings: readonly Judged[], pseudonymOf?: PseudonymOf): string {
  const cuts = cutsOf(findings, pseudonymOf);
  return cuts.length === 0 ? text : withoutCuts(text, mergedCuts(cuts));
}

/** A value may come back only if all that was cut with it may. */
function strength({ pseudonymOf, isRestored }: Cut): number {
  return isRestored ? 0 : pseudonymOf ? 1 : 2;
}

/** In order, none touching the next's inside; of those that overlap the first of the strongest one's replacement stays. */
export function mergedCuts(cuts: readonly Cut[]): Cut[] {
  const merged: Cut[] = [];
  for (const cut of [...cuts].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last && cut.start < last.end) {
      const deciding = strength(cut) > strength(last) ? cut : last;
      merged[merged.length - 1] = { ...deciding, start: last.start, end: Math.max(last.end, cut.end) };
    } else merged.push(cut);
  }
  return merged;
}

/** How many of the first items satisfy a condition that none does behind the first that does not. */
export function countWhile<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A text without the parts that merged cuts cover. */
export function withoutCuts(text: string, cuts: readonly Cut[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, replacement, pseudonymOf } of cuts) {
    const written = text.slice(start, end);
    out += text.slice(at, start) + (pseudonymOf?.(written) ?? replacement ?? "*".repeat([...written].length));
    at = end;
  }
  return out + text.slice(at);
}
