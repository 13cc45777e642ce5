/**
 * Conversations and their pictures in this browser's IndexedDB, within bounds: the oldest conversations go first, and
 * pictures that none names any more go with them. Where there is no IndexedDB (private windows), memory has to do.
 */
import { picturesIn } from "./citing/cited.js";
import type { Conversation } from "./conversation.js";
import { Database } from "./database.js";

const maxConversations = 100;
/** A browser may evict far more than this at once; a few hundred photos stay. */
const maxImageBytes = 300 * 2 ** 20;

/** A question that another tab is putting together names its pictures only when it is sent: young ones stay. */
const youngMs = 24 * 3_600_000;

interface StoredPicture {
  readonly id: string;
  readonly blob: Blob;
  /** Absent: of a time before this was noted. */
  readonly addedMs?: number;
}

const recent = new Map<string, Blob>();
const database = new Database("ocellus", ["conversations", "pictures"]);

/** The newest first. */
export async function readConversations(): Promise<Conversation[]> {
  const all = (await database.run<Conversation[]>("conversations", "readonly", (store) => store.getAll())) ?? [];
  return all.sort((a, b) => b.changedMs - a.changedMs);
}

export function readConversation(id: string): Promise<Conversation | undefined> {
  return database.run<Conversation>("conversations", "readonly", (store) => store.get(id));
}

/**
 * @param base the revision that it was changed from
 * @returns its revision now; undefined, and nothing is written, if another tab has written it since
 */
export async function keepConversation(conversation: Conversation, base: number): Promise<number | undefined> {
  let isFirst = true;
  const isDone = await database.transact("conversations", "readwrite", (transaction) => {
    const store = transaction.objectStore("conversations");
    const found = store.get(conversation.id) as IDBRequest<Conversation | undefined>;
    found.onsuccess = () => {
      isFirst = !found.result || (found.result.revision ?? 0) === base;
      if (isFirst) store.put({ ...conversation, revision: base + 1 });
    };
  });
  if (!isDone) return base; // a full disk: the conversation goes on, unkept
  return isFirst ? base + 1 : undefined;
}

/** Its pictures go with the next `sweep`. */
export async function dropConversation(id: string): Promise<void> {
  await database.run("conversations", "readwrite", (store) => store.delete(id));
}

export async function keepPicture(id: string, blob: Blob): Promise<void> {
  recent.set(id, blob);
  await database.run("pictures", "readwrite", (store) =>
    store.put({ id, blob, addedMs: Date.now() } satisfies StoredPicture),
  );
}

export async function pictureBlob(id: string): Promise<Blob | undefined> {
  const blob =
    recent.get(id) ?? (await database.run<StoredPicture>("pictures", "readonly", (store) => store.get(id)))?.blob;
  if (blob) recent.set(id, blob);
  return blob;
}

/** Reads pictures into memory, for a conversation that may be brought back after another tab has swept them. */
export async function holdPictures(conversation: Conversation): Promise<void> {
  for (const id of idsIn(conversation)) await pictureBlob(id);
}

/** Keeps them again where they were swept. */
export async function keepHeldPictures(conversation: Conversation): Promise<void> {
  for (const id of idsIn(conversation)) {
    const blob = recent.get(id);
    if (blob) await keepPicture(id, blob);
  }
}

function idsIn({ turns }: Conversation): string[] {
  return picturesIn(turns).flatMap(({ id, video }) => (video ? [id, video.id] : [id]));
}

/** Drops what is beyond the bounds. Called when the page opens and when a dropped conversation can no longer be brought back. */
export async function sweep(): Promise<void> {
  const conversations = await readConversations();
  const pictures = (await database.run<StoredPicture[]>("pictures", "readonly", (store) => store.getAll())) ?? [];
  const bytesOf = new Map(pictures.map(({ id, blob }) => [id, blob.size]));
  const kept = new Set<string>();
  let numBytes = 0;
  for (const [place, conversation] of conversations.entries()) {
    const { id } = conversation;
    const added = idsIn(conversation).filter((picture) => !kept.has(picture));
    numBytes += added.reduce((sum, picture) => sum + (bytesOf.get(picture) ?? 0), 0);
    if (place >= maxConversations || numBytes > maxImageBytes)
      await database.run("conversations", "readwrite", (store) => store.delete(id));
    else for (const picture of added) kept.add(picture);
  }
  for (const { id, addedMs = 0 } of pictures)
    if (!kept.has(id) && !recent.has(id) && Date.now() - addedMs > youngMs)
      await database.run("pictures", "readwrite", (store) => store.delete(id));
}
