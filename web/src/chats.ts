/** All conversations of this browser as one store: answers go on being written while the reader looks at another one. */
import { useEffect, useSyncExternalStore } from "react";
import { waitingAnswer, writeAnswer } from "./answering.js";
import type { Answer, Conversation, Picture, Turn } from "./conversation.js";
import { newId, question } from "./conversation.js";
import { dropConversation, keepConversation, readConversations, sweep } from "./history.js";
import type { Settings } from "./preferences.js";

export interface AskOptions {
  readonly model: string;
  readonly settings: Settings;
}

class Chats {
  #all: readonly Conversation[] = [];
  readonly #writing = new Map<string, AbortController>();
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly all = (): readonly Conversation[] => this.#all;

  async load(): Promise<void> {
    await sweep();
    const kept = await readConversations();
    const known = new Set(this.#all.map(({ id }) => id));
    // A page that was closed in the middle of an answer left it as it was.
    this.#set([...this.#all, ...kept.filter(({ id }) => !known.has(id)).map(ended)]);
  }

  /** @returns the conversation's id; without one it begins a new one. */
  send(id: string | undefined, text: string, pictures: readonly Picture[], options: AskOptions): string {
    const old = this.#all.find((conversation) => conversation.id === id);
    const asked = question(text, pictures);
    const title = text || (pictures[0]?.name ?? "");
    const next = old
      ? { ...old, turns: [...old.turns, asked] }
      : { id: newId(), title, changedMs: Date.now(), turns: [asked] };
    void this.#answer(next, options);
    return next.id;
  }

  stop(id: string): void {
    this.#writing.get(id)?.abort();
  }

  /** Asks again for the answer `turnId`; what came after it goes. */
  retry(conversation: Conversation, turnId: string, options: AskOptions): void {
    void this.#answer({ ...conversation, turns: before(conversation.turns, turnId) }, options);
  }

  /** Puts new words in the place of a question; what came after it goes. */
  edit(conversation: Conversation, turnId: string, text: string, options: AskOptions): void {
    const old = conversation.turns.find((turn) => turn.id === turnId);
    if (old?.role !== "user") return;
    const turns = [...before(conversation.turns, turnId), question(text, old.pictures)];
    void this.#answer({ ...conversation, turns }, options);
  }

  remove(id: string): void {
    this.stop(id);
    this.#set(this.#all.filter((conversation) => conversation.id !== id));
    void dropConversation(id);
  }

  async #answer(conversation: Conversation, { model, settings }: AskOptions): Promise<void> {
    const { id, turns } = conversation;
    this.stop(id);
    const stopping = new AbortController();
    this.#writing.set(id, stopping);
    const put = (answer: Answer) => {
      if (this.#writing.get(id) === stopping && (answer.state === "waiting" || this.#has(id)))
        this.#put({ ...conversation, changedMs: Date.now(), turns: [...turns, answer] });
    };
    const empty = waitingAnswer(model, settings);
    put(empty);
    void keepConversation({ ...conversation, turns: [...turns, empty] }); // the question outlives a page that is closed now
    await writeAnswer(empty, turns, stopping.signal, put);
    const written = this.#all.find((each) => each.id === id);
    if (this.#writing.get(id) !== stopping) return;
    this.#writing.delete(id);
    if (written) await keepConversation(written);
  }

  #has(id: string): boolean {
    return this.#all.some((conversation) => conversation.id === id);
  }

  #put(conversation: Conversation): void {
    this.#set([conversation, ...this.#all.filter(({ id }) => id !== conversation.id)]);
  }

  #set(all: readonly Conversation[]): void {
    this.#all = all;
    for (const listener of this.#listeners) listener();
  }
}

function before(turns: readonly Turn[], id: string): readonly Turn[] {
  return turns.slice(
    0,
    turns.findIndex((turn) => turn.id === id),
  );
}

function ended(conversation: Conversation): Conversation {
  const turns = conversation.turns.map((turn) =>
    turn.role === "assistant" && (turn.state === "waiting" || turn.state === "writing")
      ? { ...turn, state: "stopped" as const }
      : turn,
  );
  return { ...conversation, turns };
}

export const chats = new Chats();

export function useConversations(): readonly Conversation[] {
  useEffect(() => void chats.load(), []);
  return useSyncExternalStore(chats.subscribe, chats.all);
}
