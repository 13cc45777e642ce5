/**
 * Which keys share a node of an HNSW graph. A graph links each node with those that are nearest to it; of many equal vectors
 * most get no link from outside, and once the others are removed nothing leads to the one that stays. So vectors that are equal as
 * the graph holds them, in bfloat16, are one node. A node whose keys are all removed stays in the graph as a way to others, and
 * takes the next equal vector: usearch (2.25) writes beyond its memory when it loads a file that has removed nodes.
 */
import { createHash } from "node:crypto";
import { toBFloat16Bits, toFloat32 } from "../core/tensor/index.js";

/** The vector of a key that is in the index. */
export type VectorOf = (key: number) => Float32Array;

export class GraphNodes {
  readonly #vectorOf: VectorOf;
  readonly #keysOf = new Map<number, Set<number>>();
  readonly #nodeOf = new Map<number, number>();
  /** By the digests of their vectors, empty ones too. */
  readonly #byDigest = new Map<string, number>();
  /** Greater than every node's number. */
  next = 0;

  constructor(vectorOf: VectorOf) {
    this.#vectorOf = vectorOf;
  }

  /** Those that have keys. */
  get size(): number {
    return this.#keysOf.size;
  }

  /** The node of each key. */
  entries(): [key: number, node: number][] {
    return [...this.#nodeOf];
  }

  /** Nodes without keys. */
  empty(): [digest: string, node: number][] {
    return [...this.#byDigest].filter(([, node]) => !this.#keysOf.has(node));
  }

  keys(node: number): Iterable<number> {
    return this.#keysOf.get(node) ?? [];
  }

  /** As it was saved. */
  restore(key: number, node: number): void {
    this.#put(key, node, digestOf(this.#vectorOf(key)));
  }

  restoreEmpty(digest: string, node: number): void {
    this.#byDigest.set(digest, node);
  }

  /** Puts a key to the node of its vector. @returns the node if it is a new one, which the graph must be given */
  add(key: number): number | undefined {
    const digest = digestOf(this.#vectorOf(key));
    const known = this.#byDigest.get(digest);
    this.#put(key, known ?? this.next, digest);
    return known === undefined ? this.next++ : undefined;
  }

  remove(key: number): void {
    const node = this.#nodeOf.get(key)!;
    const keys = this.#keysOf.get(node)!;
    this.#nodeOf.delete(key);
    keys.delete(key);
    if (keys.size === 0) this.#keysOf.delete(node);
  }

  #put(key: number, node: number, digest: string): void {
    this.#nodeOf.set(key, node);
    this.#byDigest.set(digest, node);
    const keys = this.#keysOf.get(node);
    if (keys) keys.add(key);
    else this.#keysOf.set(node, new Set([key]));
  }
}

/** The vector as a graph in bfloat16 holds it: rounded here, so that nothing depends on how usearch does it. */
export function rounded(vector: Float32Array): Float32Array {
  const codes = toBFloat16Bits(vector);
  return toFloat32(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength), "bf16");
}

function digestOf(vector: Float32Array): string {
  return createHash("sha256").update(toBFloat16Bits(vector)).digest("base64");
}
