/**
 * Which keys share a node of an HNSW graph. A graph links each node with those that are nearest to it; of many equal vectors
 * most get no link from outside, and once the others are removed nothing leads to the one that stays. So vectors that are equal as
 * the graph holds them, in bfloat16, are one node, which stays until the last of its keys is removed.
 */
import { toBFloat16Bits, toFloat32 } from "../tensor/index.js";

/** The vector of a key that is in the index. */
export type VectorOf = (key: number) => Float32Array;

export class GraphNodes {
  readonly #vectorOf: VectorOf;
  readonly #keysOf = new Map<number, Set<number>>();
  readonly #nodeOf = new Map<number, number>();
  /** Nodes by a hash of their vectors: those of one hash are compared. */
  readonly #byHash = new Map<number, number[]>();
  #next = 0;

  constructor(vectorOf: VectorOf) {
    this.#vectorOf = vectorOf;
  }

  /** The node of each key. */
  entries(): [key: number, node: number][] {
    return [...this.#nodeOf];
  }

  keys(node: number): Iterable<number> {
    return this.#keysOf.get(node) ?? [];
  }

  /** As it was saved. */
  restore(key: number, node: number): void {
    this.#put(key, node, hashOf(toBFloat16Bits(this.#vectorOf(key))));
    this.#next = Math.max(this.#next, node + 1);
  }

  /** Puts a key to the node of its vector. @returns the node if it is a new one, which the graph must be given */
  add(key: number): number | undefined {
    const codes = toBFloat16Bits(this.#vectorOf(key));
    const hash = hashOf(codes);
    const known = this.#byHash.get(hash)?.find((node) => isEqual(codes, this.#codesOf(node)));
    this.#put(key, known ?? this.#next, hash);
    return known === undefined ? this.#next++ : undefined;
  }

  /** Before the vector is removed. @returns the node that has no key any more, if there is one */
  remove(key: number): number | undefined {
    const node = this.#nodeOf.get(key)!;
    const keys = this.#keysOf.get(node)!;
    const hash = hashOf(toBFloat16Bits(this.#vectorOf(key)));
    this.#nodeOf.delete(key);
    keys.delete(key);
    if (keys.size > 0) return undefined;
    this.#keysOf.delete(node);
    const others = this.#byHash.get(hash)!.filter((other) => other !== node);
    if (others.length > 0) this.#byHash.set(hash, others);
    else this.#byHash.delete(hash);
    return node;
  }

  #put(key: number, node: number, hash: number): void {
    this.#nodeOf.set(key, node);
    const keys = this.#keysOf.get(node);
    if (keys) keys.add(key);
    else {
      this.#keysOf.set(node, new Set([key]));
      this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), node]);
    }
  }

  #codesOf(node: number): Uint16Array {
    const [key] = this.#keysOf.get(node)!;
    return toBFloat16Bits(this.#vectorOf(key!));
  }
}

/** The vector as a graph in bfloat16 holds it: rounded here, so that nothing depends on how usearch does it. */
export function rounded(vector: Float32Array): Float32Array {
  const codes = toBFloat16Bits(vector);
  return toFloat32(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength), "bf16");
}

/** FNV-1a, 16 bits at a time. */
function hashOf(codes: Uint16Array): number {
  let hash = 0x811c9dc5;
  for (const code of codes) hash = Math.imul(hash ^ code, 0x01000193);
  return hash;
}

function isEqual(a: Uint16Array, b: Uint16Array): boolean {
  return a.every((code, i) => code === b[i]);
}
