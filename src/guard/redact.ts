/** Cuts out of a text, in UTF-16 units: overlapping ones are one. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  /** Absent: an asterisk for each character. */
  readonly replacement?: string | undefined;
}

/** In order, none touching the next's inside; of those that overlap the first one's replacement stays. */
export function mergedCuts(cuts: readonly Cut[]): Cut[] {
  const merged: Cut[] = [];
  for (const cut of [...cuts].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last && cut.start < last.end) merged[merged.length - 1] = { ...last, end: Math.max(last.end, cut.end) };
    else merged.push(cut);
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
  for (const { start, end, replacement } of cuts) {
    out += text.slice(at, start) + (replacement ?? "*".repeat([...text.slice(start, end)].length));
    at = end;
  }
  return out + text.slice(at);
}
