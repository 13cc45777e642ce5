/**
 * What a decoder cached while it read, kept for whoever begins with the same tokens: a tree of blocks of tokens, each with
 * its keys and values, within a byte budget. A token is named by a key, not by its id: all pictures have the same
 * placeholder ids, so a picture's tokens are named by what is in the picture. Two blocks are the same when all keys from
 * the first token on are equal, compared one by one: no hash decides what anybody is answered. A prompt's last block is
 * kept as far as it goes, and of the block in which two prompts part what they share is found.
 *
 *   [system …] ─ [… picture A …] ─ [… picture A, question …]
 *             │                  └─ [… picture A, other]
 *             └─ [… picture B …]
 */
import { sha256 } from "../../base/index.js";
import type { KvValues } from "../../tensor/index.js";
import type { HashKey } from "../encoder/frequency-sketch.js";
import { TinyLfu } from "../encoder/tiny-lfu.js";
import type { CachedBlocks, PromptCache, TokenKey } from "./prompt-cache.js";

/** Tokens of a block: few enough that little is kept twice, many enough to be copied in long pieces. */
export const prefixBlockLength = 16;

export interface PrefixCacheOptions {
  readonly maxBytes: number;
  /** For tests: of the policy, and of a block's name in it. */
  readonly hash?: HashKey;
  readonly nameOf?: (text: string) => string;
}

interface Node {
  /** Of the whole prefix, for the policy's counts only. */
  readonly name: string;
  readonly keys: readonly TokenKey[];
  /** The keys as text that no others have. */
  readonly text: string;
  readonly parent: Node | undefined;
  readonly values: KvValues;
  readonly children: Map<string, Node>;
}

export class PrefixCache implements PromptCache {
  readonly needsStates = false;
  readonly #policy: TinyLfu;
  readonly #nameOf: (text: string) => string;
  readonly #roots = new Map<string, Node>();
  readonly #nodes = new Map<string, Node>();

  constructor({ maxBytes, hash, nameOf = sha256 }: PrefixCacheOptions) {
    this.#policy = new TinyLfu(maxBytes, hash);
    this.#nameOf = nameOf;
  }

  get bytes(): number {
    return this.#policy.bytes;
  }

  /** Of the last block perhaps only the first tokens. */
  find(keys: readonly TokenKey[], counts = true): CachedBlocks {
    const texts = blocksOf(keys).map(textOf);
    const found: Node[] = [];
    let level = this.#roots;
    for (const text of texts.slice(0, Math.floor((keys.length - 1) / prefixBlockLength))) {
      const node = level.get(text);
      if (!node) break;
      found.push(node);
      level = node.children;
    }
    const length = found.length * prefixBlockLength;
    const next = keys.slice(length, Math.min(length + prefixBlockLength, keys.length - 1));
    // the opening of a template, which all prompts share, is not worth it: a prompt that continues somewhere is read alone
    const { node, count } = found.length > 0 ? mostAlike(level, next) : nothingAlike;
    if (node) found.push(node);
    if (counts)
      for (const name of new Set([...this.#names(texts), ...(node ? [node.name] : [])])) this.#policy.touch(name);
    const blocks = found.map(({ values, keys: own }, i) => {
      const start = i * prefixBlockLength;
      return { start, count: Math.min(own.length, length + count - start), values };
    });
    return { blocks, length: length + count };
  }

  /**
   * Keeps the blocks of these tokens, the last one as far as it goes; `read` copies the values of one that is not known yet.
   * One call after another.
   */
  async add(keys: readonly TokenKey[], read: (firstToken: number, count: number) => Promise<KvValues>): Promise<void> {
    const blocks = blocksOf(keys);
    const names = this.#names(blocks.map(textOf));
    let parent: Node | undefined;
    for (const [i, block] of blocks.entries()) {
      const level: Map<string, Node> = parent?.children ?? this.#roots;
      const isPart = block.length < prefixBlockLength;
      if (isPart && (!parent || mostAlike(level, block).count === block.length)) return;
      const node: Node | undefined =
        level.get(textOf(block)) ??
        (await this.#grow(parent, names[i]!, block, () => read(i * prefixBlockLength, block.length)));
      if (!node) return;
      parent = node;
    }
  }

  /** Undefined when there is no room for it. */
  async #grow(
    parent: Node | undefined,
    name: string,
    keys: readonly TokenKey[],
    read: () => Promise<KvValues>,
  ): Promise<Node | undefined> {
    if (this.#nodes.has(name)) return undefined; // two prefixes of one name: the first keeps it
    const node: Node = { name, keys, text: textOf(keys), parent, values: await read(), children: new Map() };
    const level = parent?.children ?? this.#roots;
    level.set(node.text, node);
    this.#nodes.set(name, node);
    for (const gone of this.#policy.add(name, node.values.byteLength)) this.#forget(gone);
    if (!this.#nodes.has(name)) return undefined;
    for (const other of parent ? level.values() : []) // parts of it say nothing that it does not
      if (other !== node && sharedLength(other.keys, keys) === other.keys.length) this.#forget(other.name);
    return node;
  }

  /** With all that begins with it: no one would find that any more. */
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

function blocksOf(keys: readonly TokenKey[]): (readonly TokenKey[])[] {
  const count = Math.ceil(keys.length / prefixBlockLength);
  return Array.from({ length: count }, (_, i) => keys.slice(i * prefixBlockLength, (i + 1) * prefixBlockLength));
}

function textOf(block: readonly TokenKey[]): string {
  return JSON.stringify(block);
}

const nothingAlike: { readonly node?: Node; readonly count: number } = { count: 0 };

/** Which block begins with most of these keys, and with how many. */
function mostAlike(level: ReadonlyMap<string, Node>, keys: readonly TokenKey[]): typeof nothingAlike {
  let most = nothingAlike;
  for (const node of level.values()) {
    const count = sharedLength(node.keys, keys);
    if (count > most.count) most = { node, count };
  }
  return most;
}

function sharedLength(a: readonly TokenKey[], b: readonly TokenKey[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
