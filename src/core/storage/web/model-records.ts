/**
 * Which models the browser has stored, one record each: its address and its packed.json, which names its parts. Of an address
 * the newest whole model is kept, and a newer one that is still being downloaded.
 */
import { z } from "zod";
import type { EntryStore } from "./entry-store.js";
import { type FileList, parseFileList, partEntry } from "./file-list.js";

const recordSchema = z.object({
  url: z.string(),
  /** The text of packed.json. */
  manifest: z.string(),
  /** Milliseconds since 1970. */
  storedAt: z.number(),
  isWhole: z.boolean(),
});
type Fields = z.infer<typeof recordSchema>;

export interface ModelRecord extends Fields {
  /** SHA-256 of packed.json. */
  readonly digest: string;
  readonly files: FileList;
}

const recordEntry = (digest: string) => `model-${digest}.json`;

export async function writeRecord(store: EntryStore, digest: string, record: Fields): Promise<void> {
  await store.write(recordEntry(digest), new TextEncoder().encode(JSON.stringify(record)));
}

/** The newest first. One that a crash has damaged is none. */
export async function readRecords(store: EntryStore): Promise<ModelRecord[]> {
  const names = (await store.names()).filter((name) => /^model-[0-9a-f]{64}\.json$/.test(name));
  const found = await Promise.all(names.map((name) => readRecord(store, name)));
  return found.flatMap((record) => record ?? []).sort((a, b) => b.storedAt - a.storedAt);
}

async function readRecord(store: EntryStore, name: string): Promise<ModelRecord | undefined> {
  const bytes = await store.read(name);
  try {
    const record = recordSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return {
      ...record,
      digest: name.slice("model-".length, -".json".length),
      files: parseFileList(JSON.parse(record.manifest), record.url),
    };
  } catch {
    return undefined;
  }
}

/** Removes what no kept record names. Only while no other page of the site opens or reads a model. */
export async function removeUnused(store: EntryStore, keep: readonly ModelRecord[]): Promise<void> {
  const digests = new Set(keep.flatMap(({ files }) => files.list.flatMap(({ parts }) => parts)));
  const wanted = new Set([...[...digests].map(partEntry), ...keep.map(({ digest }) => recordEntry(digest))]);
  for (const name of await store.names()) if (!wanted.has(name)) await store.remove(name);
}

/** Of each address the newest whole model, and the newest of those that are newer and not whole. */
export function keptRecords(newestFirst: readonly ModelRecord[]): ModelRecord[] {
  const whole = new Set<string>();
  const begun = new Set<string>();
  return newestFirst.filter(({ url, isWhole }) => {
    if (whole.has(url) || (!isWhole && begun.has(url))) return false;
    (isWhole ? whole : begun).add(url);
    return true;
  });
}
