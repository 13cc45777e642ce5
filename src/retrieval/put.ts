/** What an addition replaces: a source's page is in a collection once, and what is unchanged stays. */
import { OcellusError } from "../core/base/index.js";
import { type Entry, type NewEntry, titleOf } from "./entry.js";
import type { EntryTable } from "./entry-table.js";

export interface PutEntry {
  readonly entry: Entry;
  /** Not there with the same stamp. */
  readonly isNew: boolean;
  /** Of its source, how many entries went with it; said once a source. */
  readonly replaced: number;
}

interface PutPlan {
  /** By the place in the list; undefined for what is new. */
  readonly known: readonly (Entry | undefined)[];
  readonly fresh: readonly NewEntry[];
  readonly replaced: readonly Entry[];
}

/** @throws `invalid_request` for a source and page that is named twice. */
export function planPut(news: readonly NewEntry[], table: EntryTable, whole: boolean): PutPlan {
  const places = new Set(news.map(placeOf));
  if (places.size < news.length) throw namedTwice(news);
  const known = news.map((each) => unchanged(each, table));
  const isReplaced = (entry: Entry) => !known.includes(entry) && (whole || places.has(placeOf(entry)));
  const sources = [...new Set(news.map(({ source }) => source))];
  return {
    known,
    fresh: news.filter((_, i) => !known[i]),
    replaced: sources.flatMap((each) => table.ofSource(each).filter(isReplaced)),
  };
}

export function putEntries(
  known: readonly (Entry | undefined)[],
  added: readonly Entry[],
  replaced: readonly Entry[],
): PutEntry[] {
  const left = new Map<string, number>();
  for (const { source } of replaced) left.set(source, (left.get(source) ?? 0) + 1);
  const rest = added.values();
  return known.map((before) => {
    const entry = before ?? rest.next().value!;
    const numReplaced = left.get(entry.source) ?? 0;
    left.delete(entry.source);
    return { entry, isNew: !before, replaced: numReplaced };
  });
}

function placeOf({ source, page }: Pick<Entry, "source" | "page">): string {
  return `${page ?? ""}:${source}`;
}

function unchanged({ source, page, stamp }: NewEntry, table: EntryTable): Entry | undefined {
  if (stamp === undefined) return undefined;
  return table.ofSource(source).find((entry) => entry.page === page && entry.stamp === stamp);
}

function namedTwice(news: readonly NewEntry[]): OcellusError {
  const places = news.map(placeOf);
  const twice = titleOf(news[places.findIndex((place, i) => places.indexOf(place) < i)]!);
  return new OcellusError("invalid_request", `${twice} is named twice; each source and page may be there once`, {
    details: { source: twice },
  });
}
