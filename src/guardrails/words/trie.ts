/**
 * Aho–Corasick: the words as a tree whose nodes also know the longest shorter match. Two forms of one tree, both typed arrays:
 * any symbol by a hash table (shapes: thousands of characters), or the whole table of steps where there are few symbols
 * (sounds: the 26 letters of pinyin). [Aho & Corasick 1975, Efficient string matching]
 */
import { invariant } from "../../core/base/index.js";

/** A tree that grows; symbols are 1 to 65,535. Node 0 is the root. */
export class Trie {
  /** [node, 2]: its parent and its symbol, side by side for the cache. */
  #keys = new Int32Array(2048);
  #depth = new Uint16Array(1024);
  /** Node → 1 + the last pattern that ends there. */
  #pattern = new Int32Array(1024);
  /** Pattern → 1 + an earlier one at the same node. */
  #samePlace: number[] = [];
  #slots = new Int32Array(4096); // node or 0, open addressing, at most a quarter full
  size = 1;

  /** Adds a word; its number is how many were added before it. */
  add(symbols: ArrayLike<number>): void {
    let node = 0;
    for (let i = 0; i < symbols.length; i++) node = this.step(node, symbols[i]!) || this.#grow(node, symbols[i]!);
    this.#samePlace.push(this.#pattern[node]!);
    this.#pattern[node] = this.#samePlace.length;
  }

  /** The child, or 0. */
  step(node: number, symbol: number): number {
    return find(this.#slots, this.#keys, node, symbol);
  }

  finish(): Links {
    const { size } = this;
    const keys = this.#keys.slice(0, 2 * size);
    const depth = this.#depth.slice(0, size);
    const order = byDepth(depth);
    const fail = new Int32Array(size);
    const pattern = this.#pattern.slice(0, size);
    const output = new Int32Array(size);
    for (const node of order) {
      if (node === 0) continue;
      fail[node] = this.#failOf(keys[2 * node]!, keys[2 * node + 1]!, fail);
      output[node] = pattern[node] ? node : output[fail[node]!]!;
    }
    const samePlace = Int32Array.from(this.#samePlace);
    return { keys, depth, fail, pattern, output, samePlace, slots: this.#slots, order };
  }

  #failOf(parent: number, symbol: number, fail: Int32Array): number {
    if (parent === 0) return 0;
    for (let at = fail[parent]!; ; at = fail[at]!) {
      const next = this.step(at, symbol);
      if (next !== 0 || at === 0) return next;
    }
  }

  #grow(parent: number, symbol: number): number {
    const node = this.size++;
    invariant(node < 2 ** 26, "a word automaton of 64 million nodes"); // 60,000 words have some 500,000
    if (node >= this.#depth.length) this.#widen();
    this.#keys[2 * node] = parent;
    this.#keys[2 * node + 1] = symbol;
    this.#depth[node] = this.#depth[parent]! + 1;
    if (node * 4 > this.#slots.length) this.#rehash();
    else this.#place(node);
    return node;
  }

  #widen(): void {
    const wider = <T extends Int32Array | Uint16Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const length = this.#depth.length * 2;
    this.#keys = wider(this.#keys, new Int32Array(2 * length));
    this.#depth = wider(this.#depth, new Uint16Array(length));
    this.#pattern = wider(this.#pattern, new Int32Array(length));
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (let node = 1; node < this.size; node++) this.#place(node);
  }

  #place(node: number): void {
    const mask = this.#slots.length - 1;
    let at = hash(this.#keys[2 * node]!, this.#keys[2 * node + 1]!) & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = node;
  }
}

/** All by node, but for `samePlace` (by pattern), `slots` and `order` (the nodes, shallow ones first). */
export interface Links {
  /** [num_nodes, 2]: parent and symbol. */
  readonly keys: Int32Array;
  readonly depth: Uint16Array;
  readonly fail: Int32Array;
  readonly pattern: Int32Array;
  /** The nearest node, this or on its way of fails, where a pattern ends; 0 for none. */
  readonly output: Int32Array;
  readonly samePlace: Int32Array;
  readonly slots: Int32Array;
  readonly order: Int32Array;
}

/** What a scanner asks of a finished tree, whatever the form. */
export type Outputs = Pick<Links, "depth" | "fail" | "output" | "pattern" | "samePlace">;

/**
 * Steps by hash table; a first step by a table of its own, as most text is at the root. Most steps fail: beside its fail a
 * node keeps a bit for each kind of child, so that a failure is mostly known without a look at the hash table.
 */
export class SparseAutomaton {
  readonly links: Links;
  readonly #fromRoot = new Int32Array(0x10000);
  /** [num_nodes, 4]: fail, the bits of its children's symbols, output; side by side for the cache. */
  readonly #nodes: Int32Array;

  constructor(trie: Trie) {
    this.links = trie.finish();
    const { keys, fail, output } = this.links;
    this.#nodes = new Int32Array(4 * fail.length);
    for (let node = 1; node < fail.length; node++) {
      const [parent, symbol] = [keys[2 * node]!, keys[2 * node + 1]!];
      this.#nodes[4 * node] = fail[node]!;
      this.#nodes[4 * node + 2] = output[node]!;
      this.#nodes[4 * parent + 1]! |= bitOf(symbol);
      if (parent === 0) this.#fromRoot[symbol] = node;
    }
  }

  output(node: number): number {
    return this.#nodes[4 * node + 2]!;
  }

  step(node: number, wanted: number): number {
    const { slots, keys } = this.links;
    const nodes = this.#nodes;
    const bit = bitOf(wanted);
    for (let at = node; at !== 0; at = nodes[4 * at]!) {
      if ((nodes[4 * at + 1]! & bit) === 0) continue;
      const next = find(slots, keys, at, wanted);
      if (next !== 0) return next;
    }
    return this.#fromRoot[wanted]!;
  }
}

function bitOf(symbol: number): number {
  return 1 << (Math.imul(symbol, 0x9e3779b1) >>> 27);
}

export interface DenseAutomaton extends Outputs {
  /** [num_nodes, width]: the next node by node and symbol; at 0, which is no symbol, the node's output. */
  readonly steps: Int32Array;
}

/** Steps by one look-up, for symbols below `width`. */
export function denseAutomaton(trie: Trie, width: number): DenseAutomaton {
  const { keys, fail, depth, output, pattern, samePlace, order } = trie.finish();
  const steps = new Int32Array(depth.length * width);
  for (let node = 1; node < depth.length; node++) steps[keys[2 * node]! * width + keys[2 * node + 1]!] = node;
  for (let i = 1; i < order.length; i++) {
    const [own, other] = [order[i]! * width, fail[order[i]!]! * width];
    steps[own] = output[order[i]!]!;
    for (let s = 1; s < width; s++) if (steps[own + s] === 0) steps[own + s] = steps[other + s]!;
  }
  return { depth, fail, output, pattern, samePlace, steps };
}

function hash(node: number, symbol: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(symbol, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function find(slots: Int32Array, keys: Int32Array, node: number, wanted: number): number {
  const mask = slots.length - 1;
  for (let at = hash(node, wanted) & mask; ; at = (at + 1) & mask) {
    const child = slots[at]!;
    if (child === 0 || (keys[2 * child] === node && keys[2 * child + 1] === wanted)) return child;
  }
}

/** Node numbers sorted by depth (a counting sort). */
function byDepth(depth: Uint16Array): Int32Array {
  const starts: number[] = [0];
  for (const d of depth) starts[d + 1] = (starts[d + 1] ?? 0) + 1;
  for (let d = 1; d < starts.length; d++) starts[d]! += starts[d - 1]!;
  const order = new Int32Array(depth.length);
  for (let node = 0; node < depth.length; node++) order[starts[depth[node]!]!++] = node;
  return order;
}
