/**
 * Several rankings into one, by ranks alone (reciprocal rank fusion, Cormack et al. 2009): cosines and word scores share no
 * scale, ranks do. One ranking alone keeps its order.
 */
import type { Neighbour } from "./vector-index.js";

/** The paper's constant: the first places count, and none of them decides alone. */
const damping = 60;

export function fuse(rankings: readonly (readonly Neighbour[])[], count: number): Neighbour[] {
  const scores = new Map<number, number>();
  for (const ranking of rankings)
    for (const [rank, { key }] of ranking.entries()) scores.set(key, (scores.get(key) ?? 0) + 1 / (damping + rank + 1));
  return [...scores]
    .map(([key, score]) => ({ key, score }))
    .sort((x, y) => y.score - x.score || x.key - y.key)
    .slice(0, count);
}
