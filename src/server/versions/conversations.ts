/** Which version a conversation began with, and at which step of a canary. Of this process: a balancer in front of several sends a conversation to one. */
import { LRUCache } from "lru-cache";

/** Some bytes each; the least recently asked are forgotten first, and then drawn again as everybody is. */
const maxConversations = 100_000;

export interface Begun {
  readonly tag: string;
  /** Undefined: without a canary. */
  readonly stepSeq: number | undefined;
}

export class Conversations {
  readonly #begun = new LRUCache<string, Begun>({ max: maxConversations });

  find(alias: string, conversation: string): Begun | undefined {
    return this.#begun.get(keyOf(alias, conversation));
  }

  keep(alias: string, conversation: string, begun: Begun): void {
    this.#begun.set(keyOf(alias, conversation), begun);
  }
}

function keyOf(alias: string, conversation: string): string {
  return `${alias} ${conversation}`;
}
