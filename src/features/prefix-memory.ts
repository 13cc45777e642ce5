/**
 * What a decoder cached while it read, kept for whoever begins with the same tokens: a tree of blocks of tokens, each with
 * its keys and values, within a byte budget. A token is named by a key, not by its id: all pictures have the same
 * placeholder ids, so a picture's tokens are named by what is in the picture. Two blocks are the same when all keys from
 * the first token on are equal, compared one by one: no hash decides what anybody is answered.
 *
 *   [system …] ─ [… picture A …] ─ [… picture A, question …]
 *             └─ [… picture B …]
 */
import { digestOf } from "./feature-key.js";
import type { HashKey } from "./frequency-sketch.js";
import { TinyLfu } from "./tiny-lfu.js";

/** Equal keys at equal places behind equal keys: equal keys and values in every layer. Numbers are ids of text. */
export type TokenKey = number | string;

/** Tokens of a block: few enough that little is read twice, many enough to be copied in long pieces. */
export const prefixBlockLength = 16;

export interface PrefixMemoryOptions {
  readonly maxBytes: number;
  /** For tests: of the policy, and of a block's name in it. */
  readonly hash?: HashKey;
  readonly nameOf?: (text: string) => string;
}

interface Node {
  /** Of the whole prefix, for the policy's counts only. */
  readonly name: string;
  readonly text: string;
  readonly parent: Node | undefined;
  readonly values: Float32Array;
  readonly children: Map<string, Node>;
}

export class PrefixMemory {
  readonly #policy: TinyLfu;
  readonly #nameOf: (text: string) => string;
  readonly #roots = new Map<string, Node>();
  readonly #nodes = new Map<string, Node>();

  constructor({ maxBytes, hash, nameOf = digestOf }: PrefixMemoryOptions) {
    this.#policy = new TinyLfu(maxBytes, hash);
    this.#nameOf = nameOf;
  }

  get bytes(): number {
    return this.#policy.bytes;
  }

  /**
   * The blocks of the longest known prefix, leaving at least one token to be read. They stay valid for as long as they are
   * held, whatever is forgotten meanwhile. `counts`: whether this makes them more likely to stay; once a request.
   */
  find(keys: readonly TokenKey[], counts = true): readonly Float32Array[] {
    const texts = blockTexts(keys, keys.length - 1);
    const found: Float32Array[] = [];
    let level: Map<string, Node> | undefined = this.#roots;
    for (const text of texts) {
      const node: Node | undefined = level?.get(text);
      if (node) found.push(node.values);
      level = node?.children;
    }
    if (counts) for (const name of this.#names(texts)) this.#policy.touch(name);
    return found;
  }

  /** Keeps the whole blocks of these tokens; `read` copies the values of one that is not known yet. One call after another. */
  async add(keys: readonly TokenKey[], read: (firstToken: number) => Promise<Float32Array>): Promise<void> {
    const texts = blockTexts(keys, keys.length);
    const names = this.#names(texts);
    let parent: Node | undefined;
    for (const [i, text] of texts.entries()) {
      const level: Map<string, Node> = parent?.children ?? this.#roots;
      const node: Node | undefined =
        level.get(text) ?? (await this.#grow(parent, names[i]!, text, () => read(i * prefixBlockLength)));
      if (!node) return;
      parent = node;
    }
  }

  /** Undefined when there is no room for it. */
  async #grow(parent: Node | undefined, name: string, text: string, read: () => Promise<Float32Array>) {
    if (this.#nodes.has(name)) return undefined; // two prefixes of one name: the first keeps it
    const node: Node = { name, text, parent, values: await read(), children: new Map() };
    (parent?.children ?? this.#roots).set(text, node);
    this.#nodes.set(name, node);
    for (const gone of this.#policy.add(name, node.values.byteLength)) this.#forget(gone);
    return this.#nodes.get(name);
  }

  /** With all that begins with it: nobody would find that any more. */
  #forget(name: string): void {
    const node = this.#nodes.get(name);
    if (!node) return;
    (node.parent?.children ?? this.#roots).delete(node.text);
    const gone = [node];
    for (let next = gone.pop(); next; next = gone.pop()) {
      this.#nodes.delete(next.name);
      this.#policy.remove(next.name);
      gone.push(...next.children.values());
    }
  }

  #names(texts: readonly string[]): string[] {
    let name = "";
    return texts.map((text) => {
      name = this.#nameOf(`${name} ${text}`);
      return name;
    });
  }
}

/** The whole blocks of the first `count` keys, each as text that no other block has. */
function blockTexts(keys: readonly TokenKey[], count: number): string[] {
  const numBlocks = Math.max(0, Math.floor(count / prefixBlockLength));
  return Array.from({ length: numBlocks }, (_, i) =>
    JSON.stringify(keys.slice(i * prefixBlockLength, (i + 1) * prefixBlockLength)),
  );
}
