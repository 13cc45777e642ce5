/**
 * All conversations of this browser as one store: answers go on being written while the reader looks at another one. IndexedDB holds
 * the truth, each conversation with a revision; tabs tell each other what they have saved. What two tabs write at once becomes two
 * conversations as soon as the second is saved, and what is asked again in the middle of one becomes another: nothing is lost.
 */
import { useEffect, useSyncExternalStore } from "react";
import { type AskOptions, waitingAnswer, writeAnswer } from "./answering.js";
import type { Source } from "./citing/cited.js";
import type { Answer, Conversation, Picture, Turn } from "./conversation.js";
import { isOpen, newId, question } from "./conversation.js";
import {
  dropConversation,
  holdPictures,
  keepConversation,
  keepHeldPictures,
  readConversation,
  readConversations,
  sweep,
} from "./history.js";
import type { Region } from "./region.js";

export type { AskOptions };

/** How often an answer is saved while it is written. */
const saveEveryMs = 1000;
/** How long a deleted conversation can be brought back. */
const undoMs = 10_000;

class Chats {
  #all: readonly Conversation[] = [];
  #titles: readonly Titled[] = [];
  #removed: Conversation | undefined;
  #undoTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #writing = new Map<string, Writing>();
  /** As this tab last read or wrote them. */
  readonly #revisions = new Map<string, number>();
  readonly #saving = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<() => void>();
  readonly #partListeners = new Set<PartListener>();
  readonly #tabs = new BroadcastChannel("ocellus-conversations");

  constructor() {
    this.#tabs.onmessage = ({ data }: MessageEvent<{ id: string }>) => void this.#reread(data.id);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Calls when this tab's words of a conversation have become a conversation of their own. */
  readonly onPart = (listener: PartListener): (() => void) => {
    this.#partListeners.add(listener);
    return () => this.#partListeners.delete(listener);
  };

  /** The same list until a title or the order changes: what lists conversations does not follow each word of an answer. */
  readonly titles = (): readonly Titled[] => this.#titles;
  /** The conversation that was deleted last, while it can be brought back. */
  readonly removed = (): Conversation | undefined => this.#removed;

  readonly find = (id: string | undefined): Conversation | undefined =>
    this.#all.find((conversation) => conversation.id === id);

  turnsBefore(id: string, answer: Answer): readonly Turn[] {
    return before(this.find(id)?.turns ?? [], answer.id);
  }

  async load(): Promise<void> {
    await sweep();
    const known = new Set(this.#all.map(({ id }) => id));
    const kept = (await readConversations()).filter(({ id }) => !known.has(id));
    for (const { id, revision = 0 } of kept) this.#revisions.set(id, revision);
    // A page that was closed in the middle of an answer left it as it was.
    this.#set([...this.#all, ...kept.map(ended)]);
  }

  /** @returns the conversation's id; without one it begins a new one. */
  send(
    id: string | undefined,
    text: string,
    pictures: readonly Picture[],
    options: AskOptions,
    region?: Region,
    source?: Source,
  ): string {
    const old = this.find(id);
    const asked = question(text, pictures, region, source);
    const title = text || (asked.pictures[0]?.name ?? "");
    const next = old
      ? { ...old, turns: [...old.turns, asked] }
      : { id: newId(), title, changedMs: Date.now(), turns: [asked] };
    void this.#answer(next, waitingAnswer(options));
    return next.id;
  }

  /** All of them, the newest first. */
  readonly all = (): readonly Conversation[] => this.#all;

  rename(id: string, title: string): void {
    const conversation = this.find(id);
    if (!conversation || title === conversation.title) return;
    this.#set(this.#all.map((each) => (each.id === id ? { ...each, title } : each)));
    void this.#save(id);
  }

  /** One that was read from a file. */
  add(conversation: Conversation): void {
    this.#put(conversation);
    void this.#save(conversation.id);
  }

  stop(id: string): void {
    this.#writing.get(id)?.stopping.abort();
  }

  /** Asks again for an answer: beside the old one where it is the last, else in a conversation of its own. @returns that one's id. */
  retry(id: string, answer: Answer, options: AskOptions): string {
    const conversation = this.find(id)!;
    const turns = before(conversation.turns, answer.id);
    const empty = waitingAnswer(options);
    const isLast = conversation.turns.at(-1)?.id === answer.id;
    if (!isLast) return this.#branch({ ...conversation, turns }, empty);
    void this.#answer({ ...conversation, turns }, { ...empty, others: [...(answer.others ?? []), alone(answer)] });
    return id;
  }

  /** Puts another of the answers to the last question in its place. */
  choose(id: string, answer: Answer, other: Answer): void {
    const conversation = this.find(id)!;
    const others = answer.others!.map((each) => (each.id === other.id ? alone(answer) : each));
    this.#put({ ...conversation, turns: [...before(conversation.turns, answer.id), { ...other, others }] });
    void this.#save(id);
  }

  /** Asks a question in other words, in a conversation of its own. @returns its id. */
  edit(id: string, turnId: string, text: string, options: AskOptions): string {
    const conversation = this.find(id)!;
    const old = conversation.turns.find((turn) => turn.id === turnId);
    const turns = before(conversation.turns, turnId);
    const asked = old?.role === "user" ? { ...old, id: newId(), text } : question(text, []);
    const title = turns.length === 0 ? text : conversation.title;
    return this.#branch({ ...conversation, title, turns: [...turns, asked] }, waitingAnswer(options));
  }

  /** At once; for some seconds it can be brought back, and its pictures stay as long. */
  remove(id: string): void {
    this.stop(id);
    this.#endUndo();
    this.#removed = this.find(id);
    if (this.#removed) void holdPictures(this.#removed);
    this.#set(this.#all.filter((conversation) => conversation.id !== id));
    void dropConversation(id).then(() => this.#tabs.postMessage({ id }));
    this.#undoTimer = setTimeout(() => this.#endUndo(), undoMs);
  }

  bringBack(): void {
    const removed = this.#removed;
    clearTimeout(this.#undoTimer);
    this.#removed = undefined;
    if (!removed) return;
    this.#put(ended(removed));
    void this.#save(removed.id);
    void keepHeldPictures(removed);
  }

  #endUndo(): void {
    clearTimeout(this.#undoTimer);
    if (!this.#removed) return;
    this.#removed = undefined;
    void sweep();
    this.#tell();
  }

  #branch(conversation: Conversation, empty: Answer): string {
    const id = newId();
    void this.#answer({ ...conversation, id }, empty);
    return id;
  }

  async #answer(conversation: Conversation, empty: Answer): Promise<void> {
    this.stop(conversation.id);
    const writing: Writing = { id: conversation.id, stopping: new AbortController() };
    const isCurrent = () => this.#writing.get(writing.id) === writing;
    this.#writing.set(writing.id, writing);
    let savedAt = 0;
    const put = (answer: Answer) => {
      const { id } = writing;
      if (!isCurrent() || (answer.state !== "waiting" && !this.find(id))) return;
      this.#put({ ...conversation, id, changedMs: Date.now(), turns: [...conversation.turns, answer] });
      if (performance.now() - savedAt < saveEveryMs) return;
      savedAt = performance.now(); // the question, and the words so far, outlive a page that is closed now
      void this.#save(id);
    };
    put(empty);
    await writeAnswer(empty, conversation.turns, writing.stopping.signal, put);
    if (isCurrent()) await this.#save(writing.id);
    if (isCurrent()) this.#writing.delete(writing.id);
  }

  /** After what is being saved of it. If another tab has saved it meanwhile, this tab's becomes a conversation of its own. */
  #save(id: string): Promise<unknown> {
    const earlier = this.#saving.get(id) ?? Promise.resolve();
    const saved = earlier.then(async () => {
      const conversation = this.find(id);
      if (!conversation) return;
      const revision = await keepConversation(conversation, this.#revisions.get(id) ?? 0);
      if (revision === undefined) return this.#part(id);
      this.#revisions.set(id, revision);
      this.#tabs.postMessage({ id });
    });
    this.#saving.set(id, saved);
    return saved;
  }

  async #part(from: string): Promise<void> {
    const conversation = this.find(from);
    if (!conversation) return;
    const id = newId();
    const writing = this.#writing.get(from);
    if (writing) {
      this.#writing.delete(from);
      this.#writing.set(id, writing);
      writing.id = id;
    }
    this.#set(this.#all.map((each) => (each === conversation ? { ...conversation, id } : each)));
    for (const listener of this.#partListeners) listener(from, id);
    await this.#save(id);
    void this.#reread(from);
  }

  /** Another tab has saved or deleted it. */
  async #reread(id: string): Promise<void> {
    await this.#saving.get(id);
    const known = this.find(id);
    const kept = await readConversation(id);
    if (this.#writing.has(id) || this.find(id) !== known) return; // what this tab has changed compares revisions when it is saved
    const others = this.#all.filter((conversation) => conversation.id !== id);
    this.#revisions.set(id, kept?.revision ?? 0);
    this.#set(kept ? [kept, ...others].sort((a, b) => b.changedMs - a.changedMs) : others);
  }

  #put(conversation: Conversation): void {
    this.#set([conversation, ...this.#all.filter(({ id }) => id !== conversation.id)]);
  }

  #set(all: readonly Conversation[]): void {
    this.#all = all;
    const isSame =
      all.length === this.#titles.length &&
      all.every(({ id, title }, i) => id === this.#titles[i]!.id && title === this.#titles[i]!.title);
    if (!isSame) this.#titles = all.map(({ id, title }) => ({ id, title }));
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** An answer that is being written. */
interface Writing {
  /** Of its conversation: another one once that has parted. */
  id: string;
  readonly stopping: AbortController;
}

type PartListener = (from: string, to: string) => void;

export type Titled = Pick<Conversation, "id" | "title">;

function before(turns: readonly Turn[], id: string): readonly Turn[] {
  return turns.slice(
    0,
    turns.findIndex((turn) => turn.id === id),
  );
}

/** Answers that are kept beside another keep none themselves. */
function alone({ others: _, ...answer }: Answer): Answer {
  return answer;
}

function ended(conversation: Conversation): Conversation {
  const turns = conversation.turns.map((turn) =>
    turn.role === "assistant" && isOpen(turn) ? { ...turn, state: "stopped" as const } : turn,
  );
  return { ...conversation, turns };
}

export const chats = new Chats();

/** Titles of all conversations, the newest first. */
export function useTitles(): readonly Titled[] {
  useEffect(() => void chats.load(), []);
  return useSyncExternalStore(chats.subscribe, chats.titles);
}

export function useConversation(id: string | undefined): Conversation | undefined {
  return useSyncExternalStore(chats.subscribe, () => chats.find(id));
}

export function useRemoved(): Conversation | undefined {
  return useSyncExternalStore(chats.subscribe, chats.removed);
}
