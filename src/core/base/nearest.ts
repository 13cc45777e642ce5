/** Nearest names by edit distance: what an error message offers when a name is not found. */

/** Levenshtein distance with two rows. [https://en.wikipedia.org/wiki/Levenshtein_distance] */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitute, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** Up to `limit` of `names`, the most similar to `wanted` first. Long lists are cut to those of similar length. */
export function nearestNames(wanted: string, names: Iterable<string>, limit = 3): string[] {
  const maxNameLength = 128; // real tensor names end below 120; longer ones cost quadratic time and help no one
  let work = 50_000_000; // cells of the distance table, 0.3 s: 10,000 names of 70 characters
  const scored: { name: string; distance: number }[] = [];
  for (const name of names) {
    if (name.length > maxNameLength || wanted.length > maxNameLength) continue;
    if (Math.abs(name.length - wanted.length) > Math.max(8, wanted.length / 2)) continue;
    work -= name.length * wanted.length;
    if (work < 0) break;
    scored.push({ name, distance: editDistance(wanted, name) });
  }
  return scored
    .sort((x, y) => x.distance - y.distance)
    .slice(0, limit)
    .map((x) => x.name);
}

/** ` (nearest: a, b, c)` for the end of a message, as far as a line holds them, or the empty string. */
export function nearestHint(wanted: string, names: Iterable<string>): string {
  const nearest = nearestNames(wanted, names).filter((_, i, all) => all.slice(0, i + 1).join(", ").length < 160);
  return nearest.length > 0 ? ` (nearest: ${nearest.join(", ")})` : "";
}
