/**
 * States of a decoder whose layers keep such, with the keys and values of its other layers, at chosen points of prompts: a state is
 * of all tokens so far and cannot be cut back. The points follow from the tokens before them (runtime/memory.ts), so a prompt looks
 * for snapshots at its own points, and what it resumes is what it would have computed, to the last bit. Tokens are named as in
 * prefix-cache.ts, and compared one by one.
 *
 *   system … ◆ image A ◆ question ◆      ◆ a snapshot: the states there, and keys and values since the one before it
 *           └─ image B ◆
 */
import { invariant, sha256 } from "../../base/index.js";
import type { KvValues } from "../../tensor/index.js";
import { TinyLfu } from "../encoder/tiny-lfu.js";
import { type CachedBlocks, nothingCached, type PromptCache, type TokenKey } from "./prompt-cache.js";

interface Snapshot {
  /** Of the whole prefix, to look it up; the keys decide. */
  readonly name: string;
  /** From the first token on. */
  readonly keys: readonly TokenKey[];
  readonly parent: Snapshot | undefined;
  /** Keys and values of the tokens behind the parent's. */
  readonly values: KvValues;
  readonly states: Float32Array;
  readonly children: Set<Snapshot>;
}

export interface SnapshotCacheOptions {
  readonly maxBytes: number;
  /** For tests: how a prefix is named. */
  readonly nameOf?: (text: string) => string;
}

export class SnapshotCache implements PromptCache {
  readonly needsStates = true;
  readonly #policy: TinyLfu;
  readonly #nameOf: (text: string) => string;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor({ maxBytes, nameOf = sha256 }: SnapshotCacheOptions) {
    this.#policy = new TinyLfu(maxBytes);
    this.#nameOf = nameOf;
  }

  get bytes(): number {
    return this.#policy.bytes;
  }

  find(keys: readonly TokenKey[], counts = true, points: readonly number[] = []): CachedBlocks {
    const names = this.#names(keys, points);
    if (counts) for (const name of new Set(names)) this.#policy.touch(name);
    const found = this.#latest(keys, names, keys.length - 1);
    if (!found) return nothingCached;
    const chain: Snapshot[] = [];
    for (let next: Snapshot | undefined = found; next; next = next.parent) chain.unshift(next);
    const blocks = chain.map(({ keys: { length }, parent, values }) => {
      const start = parent?.keys.length ?? 0;
      return { start, count: length - start, values };
    });
    return { blocks, length: found.keys.length, states: found.states };
  }

  async add(
    keys: readonly TokenKey[],
    read: (firstToken: number, count: number) => Promise<KvValues>,
    points: readonly number[] = [],
    readStates?: () => Promise<Float32Array>,
  ): Promise<void> {
    invariant(readStates && points.includes(keys.length), "a snapshot is taken at a point of its prompt");
    const names = this.#names(
      keys,
      points.filter((point) => point <= keys.length),
    );
    const name = names.at(-1)!;
    if (this.#snapshots.has(name)) return; // of two prefixes of one name the first keeps it
    const parent = this.#latest(keys, names, keys.length - 1);
    const start = parent?.keys.length ?? 0;
    const [values, states] = [await read(start, keys.length - start), await readStates()];
    const snapshot: Snapshot = { name, keys, parent, values, states, children: new Set() };
    parent?.children.add(snapshot);
    this.#snapshots.set(name, snapshot);
    const bytes = values.byteLength + states.byteLength + keys.length * Float64Array.BYTES_PER_ELEMENT;
    for (const gone of this.#policy.add(name, bytes)) this.#forget(this.#snapshots.get(gone));
  }

  /** The last of these prefixes that is known, of `most` tokens at most. */
  #latest(keys: readonly TokenKey[], names: readonly string[], most: number): Snapshot | undefined {
    return names
      .map((name) => this.#snapshots.get(name))
      .findLast((found) => found && found.keys.length <= most && found.keys.every((key, i) => key === keys[i]));
  }

  /** With all that continues it: their keys and values begin where it ends. */
  #forget(snapshot: Snapshot | undefined): void {
    if (!snapshot) return;
    snapshot.parent?.children.delete(snapshot);
    this.#snapshots.delete(snapshot.name);
    this.#policy.remove(snapshot.name);
    for (const child of snapshot.children) this.#forget(child);
  }

  #names(keys: readonly TokenKey[], points: readonly number[]): string[] {
    let [name, from] = ["", 0];
    return points.map((point) => {
      name = this.#nameOf(`${name} ${JSON.stringify(keys.slice(from, point))}`);
      from = point;
      return name;
    });
  }
}
