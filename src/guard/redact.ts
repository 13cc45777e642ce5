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

/** The part [from, to) of a text, with merged cuts that lie inside it or outside, never across. */
export function withoutCuts(text: string, cuts: readonly Cut[], from = 0, to = text.length): string {
  let out = "";
  let at = from;
  for (const { start, end, replacement } of cuts) {
    if (start < from || start >= to) continue;
    out += text.slice(at, start) + (replacement ?? "*".repeat([...text.slice(start, end)].length));
    at = end;
  }
  return out + text.slice(at, to);
}
