/** Which pictures of a collection are the same, and which are nearly: the first by their pixels, the second by their vectors. */
import { setImmediate as breathe } from "node:timers/promises";
import { OcellusError, throwIfAborted } from "../base/index.js";
import type { Collection } from "./collection.js";
import type { Entry } from "./entry.js";

export interface DuplicateGroup {
  /** "pixels": the same picture, whatever its file. "vector": alike to the model; a person should look. */
  readonly by: "pixels" | "vector";
  /** Of the least similar pair that was linked; 1 for equal pixels. */
  readonly score: number;
  readonly entries: readonly Entry[];
}

/** Neighbours of one picture that are looked at: a larger group is still found, link by link. */
const neighbours = 16;
/** Each costs a search; more take minutes in a server. */
const mostCompared = 20_000;

/** The largest groups first. @throws `too_large` for near duplicates among more than 20,000 entries, `aborted`. */
export async function duplicates(
  collection: Collection,
  { minScore, signal }: { readonly minScore?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<DuplicateGroup[]> {
  const same = [...byPixels(collection).values()].filter((entries) => entries.length > 1);
  const groups = same.map((entries): DuplicateGroup => ({ by: "pixels", score: 1, entries }));
  const near = minScore === undefined ? [] : await nearGroups(collection, minScore, signal);
  return [...groups, ...near].sort((a, b) => b.entries.length - a.entries.length || b.score - a.score);
}

function byPixels(collection: Collection): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of collection.entries()) groups.set(entry.pixels, [...(groups.get(entry.pixels) ?? []), entry]);
  return groups;
}

/** Links between different pictures, joined into groups. */
async function nearGroups(collection: Collection, minScore: number, signal?: AbortSignal): Promise<DuplicateGroup[]> {
  if (collection.size > mostCompared)
    throw new OcellusError("too_large", `near duplicates are looked for among at most ${mostCompared} entries`);
  const groups = new Map<number, { score: number; entries: Entry[] }>();
  for (const entry of [...collection.entries()]) {
    await breathe();
    throwIfAborted(signal);
    const vector = collection.vector(entry.id);
    if (!vector) continue; // removed meanwhile
    for (const { entry: other, score } of await collection.search({ vector, count: neighbours })) {
      if (other.id <= entry.id || score < minScore || other.pixels === entry.pixels) continue;
      const [one, two] = [groups.get(entry.id), groups.get(other.id)];
      const joined = {
        score: Math.min(score, one?.score ?? 1, two?.score ?? 1),
        entries: [...new Set([...(one?.entries ?? [entry]), ...(two?.entries ?? [other])])],
      };
      for (const { id } of joined.entries) groups.set(id, joined);
    }
  }
  return [...new Set(groups.values())].map((group) => ({ by: "vector", ...group }));
}
