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
  /** What a number becomes that is in JSON. Default: null. */
  readonly jsonNumber?: "null" | "string" | undefined;
  /** Of those that are equal, the lowest comes first: pieces must not decide. */
  readonly rank?: number;
  /** Where it stands. Default: in words. */
  readonly place?: "text" | "string" | "number";
}

/** What a policy cuts out. @param pseudonymOf where absent, the kind is in a value's place */
export function cutsOf(findings: readonly Judged[], pseudonymOf: PseudonymOf = kindAlone): Cut[] {
  return findings
    .filter(({ action }) => action === "redact")
    .map(({ category, span, replacement, jsonNumber, pseudonym, restored }) => ({
      jsonNumber,
      ...{ start: span?.start ?? 0, end: span?.end ?? Number.POSITIVE_INFINITY, replacement: restored ?? replacement },
      ...(pseudonym && { pseudonymOf: (written: string) => pseudonymOf(category, written) }),
      ...(restored !== undefined && { isRestored: true }),
    }));
}

export type PseudonymOf = (category: string, written: string) => string;

/** A value may come back only if all that was cut with it may. */
function strength({ pseudonymOf, isRestored }: Cut): number {
  return isRestored ? 0 : pseudonymOf ? 1 : 2;
}

/** In order, none touching the next's inside; of those that overlap the first of the strongest one's replacement stays. */
export function mergedCuts(cuts: readonly Cut[]): Cut[] {
  const merged: Cut[] = [];
  for (const cut of [...cuts].sort(byPlace)) {
    const last = merged.at(-1);
    if (last && cut.start < last.end) {
      const deciding = strength(cut) > strength(last) ? cut : last;
      merged[merged.length - 1] = { ...deciding, start: last.start, end: Math.max(last.end, cut.end) };
    } else merged.push(cut);
  }
  return merged;
}

/** The first and, of these, the longest one first. */
export function byPlace(a: Cut, b: Cut): number {
  return a.start - b.start || b.end - a.end;
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
  for (const cut of cuts) {
    out += text.slice(at, cut.start) + inPlace(cut, text.slice(cut.start, cut.end));
    at = cut.end;
  }
  return out + text.slice(at);
}

/** What is there instead of what was written. */
function inPlace({ replacement, pseudonymOf, jsonNumber, place = "text" }: Cut, written: string): string {
  if (place === "number" && jsonNumber !== "string") return "null";
  const value = place === "string" ? decoded(written) : written;
  const instead = pseudonymOf?.(written) ?? replacement ?? "*".repeat([...value].length);
  if (place === "text") return instead;
  const json = JSON.stringify(instead);
  return place === "number" ? json : json.slice(1, -1);
}

/** What a part of a JSON string means. */
export function decoded(written: string): string {
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    return written; // a model that no grammar holds may write anything
  }
}
