/**
 * Who runs in the next step: policy over counts only, no tensors and no waiting. First come, first served; between two
 * decode steps at most one prefill step, so that a long prompt never stalls the answers that are being written.
 */
import { invariant, OcellusError } from "../base/index.js";
import type { Sequence } from "./sequence.js";
import type { Batch } from "./types.js";

export interface SchedulerOptions {
  readonly numSlots: number;
  /** Tokens of prompt that one prefill step may read, padding included. */
  readonly prefillChunk: number;
  /** Sequences that may wait for a slot. */
  readonly maxQueue: number;
}

/** Called once, right before a sequence reads the first part of its prompt. */
export type BeginSequence<P> = (sequence: Sequence<P>) => void;

export class Scheduler<P> {
  readonly #options: SchedulerOptions;
  readonly #begin: BeginSequence<P>;
  /** Those that have read, or are about to. */
  readonly #begun = new WeakSet<Sequence<P>>();
  readonly #waiting: Sequence<P>[] = [];
  /** By slot; the lowest free slot is taken first, so that a decode step covers few idle ones. */
  readonly #slots: (Sequence<P> | undefined)[];
  /** Sequences with a slot, in order of arrival. */
  readonly #active: Sequence<P>[] = [];
  #lastWasPrefill = false;

  constructor(options: SchedulerOptions, begin: BeginSequence<P> = () => {}) {
    this.#options = options;
    this.#begin = begin;
    this.#slots = new Array<Sequence<P> | undefined>(options.numSlots).fill(undefined);
  }

  get numWaiting(): number {
    return this.#waiting.length;
  }

  get numActive(): number {
    return this.#active.length;
  }

  /** @throws `overloaded` when the queue is full. */
  add(sequence: Sequence<P>): void {
    const { maxQueue } = this.#options;
    if (this.#waiting.length >= maxQueue) {
      throw new OcellusError("overloaded", `${maxQueue} requests are waiting already; try again later`, {
        details: { maxQueue },
      });
    }
    this.#waiting.push(sequence);
  }

  /** Forgets the sequence; returns the slot it held. */
  remove(sequence: Sequence<P>): number | undefined {
    const { slot } = sequence;
    drop(this.#waiting, sequence);
    drop(this.#active, sequence);
    if (slot === undefined) return undefined;
    invariant(this.#slots[slot] === sequence, `slot ${slot} belongs to another sequence`);
    this.#slots[slot] = undefined;
    sequence.slot = undefined;
    return slot;
  }

  /** The sequence that holds a slot. */
  at(slot: number): Sequence<P> {
    const sequence = this.#slots[slot];
    invariant(sequence, `no sequence holds slot ${slot}`);
    return sequence;
  }

  /** Gives free slots to those who wait, and picks the next step; undefined when there is nothing to do. */
  schedule(): Batch<P> | undefined {
    this.#admit();
    const isDecoding = this.#active.some((sequence) => this.#decodes(sequence));
    const group = isDecoding && this.#lastWasPrefill ? [] : this.#nextPrompts();
    this.#lastWasPrefill = group.length > 0;
    if (this.#lastWasPrefill) return { kind: "prefill", rows: group.map((s) => this.#row(s)) };
    const decoding = this.#slots.filter((sequence) => sequence !== undefined && this.#decodes(sequence));
    if (decoding.length === 0) return undefined;
    return { kind: "decode", rows: decoding.map((s) => this.#row(s!)) };
  }

  #admit(): void {
    for (let slot = 0; slot < this.#slots.length && this.#waiting.length > 0; slot++) {
      if (this.#slots[slot]) continue;
      const sequence = this.#waiting.shift()!;
      sequence.slot = slot;
      this.#slots[slot] = sequence;
      this.#active.push(sequence);
    }
  }

  #row(sequence: Sequence<P>) {
    return sequence.nextRow(sequence.slot!, this.#options.prefillChunk);
  }

  #decodes(sequence: Sequence<P>): boolean {
    return this.#begun.has(sequence) && sequence.isPrefilled;
  }

  /** The first in line that has prompt to read, with its company; those that turn out to have none decode next. */
  #nextPrompts(): Sequence<P>[] {
    for (const [i, first] of this.#active.entries()) {
      this.#beginOnce(first);
      if (!first.isPrefilled) return this.#group(first, this.#active.slice(i + 1));
    }
    return [];
  }

  /**
   * With a whole unread prompt whoever follows it in arrival and in the next slot with one too, as long as the prompts
   * padded to the longest fit into one chunk.
   */
  #group(first: Sequence<P>, rest: readonly Sequence<P>[]): Sequence<P>[] {
    const group = [first];
    if (first.numCached > 0) return group;
    let longest = first.numUnread;
    for (const sequence of rest) {
      longest = Math.max(longest, sequence.numUnread);
      const isNeighbour = sequence.slot === group.at(-1)!.slot! + 1;
      if (!isNeighbour || longest * (group.length + 1) > this.#options.prefillChunk) break;
      this.#beginOnce(sequence);
      if (sequence.numCached > 0 || sequence.isPrefilled) break; // it continues alone
      group.push(sequence);
    }
    return group;
  }

  /** As late as can be: what it shares with those before it in the queue is known by then. */
  #beginOnce(sequence: Sequence<P>): void {
    if (this.#begun.has(sequence)) return;
    this.#begun.add(sequence);
    this.#begin(sequence);
  }
}

function drop<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
