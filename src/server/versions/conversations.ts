/** Which version a conversation began with. Of this process: a balancer in front of several sends a conversation to one. */

/** Some bytes each; the least recently asked are forgotten first, and then drawn again as everybody is. */
const maxConversations = 100_000;

export class Conversations {
  readonly #tags = new Map<string, string>();

  tagOf(alias: string, conversation: string): string | undefined {
    return this.#tags.get(keyOf(alias, conversation));
  }

  keep(alias: string, conversation: string, tag: string): void {
    const key = keyOf(alias, conversation);
    this.#tags.delete(key); // the newest stand last
    this.#tags.set(key, tag);
    if (this.#tags.size > maxConversations) this.#tags.delete(this.#tags.keys().next().value!);
  }
}

function keyOf(alias: string, conversation: string): string {
  return `${alias} ${conversation}`;
}
