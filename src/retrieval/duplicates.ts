/** Which pictures of a collection are the same, and which are nearly: the first by their pixels, the second by their vectors. */
import { setImmediate as breathe } from "node:timers/promises";
import { OcellusError, throwIfAborted } from "../core/base/index.js";
import type { Collection } from "./collection.js";
import type { Entry } from "./entry.js";

export interface DuplicateGroup {
  /** "pixels": the same picture, whatever its file. "vector": alike to the model; a person should look. */
  readonly by: "pixels" | "vector";
  /** Of the least similar pair that was linked; 1 for equal pixels. */
  readonly score: number;
  readonly entries: readonly Entry[];
}

/** Of one picture at first; more where all of these are alike. */
const fewestNeighbours = 16;
/** Each costs a search; more take minutes in a server. */
const mostCompared = 20_000;

/** The largest groups first. @throws `too_large` for near duplicates among more than 20,000 different pictures, `aborted`. */
export async function duplicates(
  collection: Collection,
  { minScore, signal }: { readonly minScore?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<DuplicateGroup[]> {
  const images = byPixels(collection);
  const same = [...images.values()].filter((entries) => entries.length > 1);
  const groups = same.map((entries): DuplicateGroup => ({ by: "pixels", score: 1, entries }));
  const near = minScore === undefined ? [] : await nearGroups(collection, images, minScore, signal);
  return [...groups, ...near].sort((a, b) => b.entries.length - a.entries.length || b.score - a.score);
}

function byPixels(collection: Collection): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of collection.entries()) {
    const group = groups.get(entry.pixels);
    if (group) group.push(entry);
    else groups.set(entry.pixels, [entry]);
  }
  return groups;
}

/**
 * Components of the graph whose links are pairs of pictures at least so alike. Each picture is searched from once, by the
 * first of its entries, when its component reaches it.
 */
async function nearGroups(
  collection: Collection,
  images: ReadonlyMap<string, readonly Entry[]>,
  minScore: number,
  signal?: AbortSignal,
): Promise<DuplicateGroup[]> {
  if (images.size > mostCompared)
    throw new OcellusError("too_large", `near duplicates are looked for among at most ${mostCompared} images`);
  const first = new Map([...images.values()].map((entries) => [entries[0]!.id, entries]));
  const unseen = new Set(first.keys());
  const groups: DuplicateGroup[] = [];
  for (const id of first.keys()) {
    if (!unseen.delete(id)) continue;
    const members = [id];
    let score = 1;
    for (const member of members) {
      await breathe();
      throwIfAborted(signal);
      for (const link of await linksOf(collection, member, minScore, unseen)) {
        unseen.delete(link.id);
        members.push(link.id);
        score = Math.min(score, link.score);
      }
    }
    if (members.length > 1)
      groups.push({ by: "vector", score, entries: members.flatMap((member) => first.get(member)!) });
  }
  return groups;
}

/** Those of `unseen` that are alike enough: so many are asked for that one is among them that is not. */
async function linksOf(
  collection: Collection,
  id: number,
  minScore: number,
  unseen: ReadonlySet<number>,
): Promise<{ id: number; score: number }[]> {
  const vector = collection.vector(id)?.slice();
  if (!vector) return []; // removed meanwhile
  for (let count = fewestNeighbours; ; count *= 4) {
    const hits = await collection.search({ vector, count }, unseen);
    if (hits.length === count && hits.at(-1)!.score >= minScore) continue;
    return hits.filter(({ score }) => score >= minScore).map(({ entry, score }) => ({ id: entry.id, score }));
  }
}
