/**
 * Which sequences run in the next step: policy over counts and durations, no tensors and no waiting. First come, first served.
 * While answers are written, prompts get at most half of the time: what a prefill step took is given back in decode steps
 * before the next one, and none runs beside the vision encoder (docs/decisions/0014-running-answers.md).
 */
import { invariant, OcellusError } from "../base/index.js";
import type { Sequence } from "./sequence.js";
import type { Turn } from "./turn.js";
import type { Batch } from "./types.js";

export interface SchedulerOptions {
  readonly numSlots: number;
  /** Tokens of prompt that one prefill step may read, padding included. */
  readonly prefillChunk: number;
  /** The same while answers are written, which wait for the step. */
  readonly sharedChunk: number;
  /** Taken to read prompts while answers are written, from a prompt's first step until its time is given back. */
  readonly turn: Turn;
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
  /** The sequence that the turn is for. */
  #reader: Sequence<P> | undefined;
  /** There are answers being written. */
  #isShared = false;
  /** A decode step comes before the next prefill step. */
  #lastWasPrefill = false;
  /** Milliseconds of prefill steps that running answers have waited for and not been given back. */
  #owedMs = 0;

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
    const first = this.#firstUnread();
    const decoding = this.#slots.filter((sequence) => sequence !== undefined && this.#decodes(sequence));
    this.#isShared = decoding.length > 0;
    if (!this.#isShared) this.#owedMs = 0;
    this.#endTurn(first);
    if (first && (!this.#isShared || this.#mayRead(first))) return this.#prefill(first);
    if (!this.#isShared) return undefined;
    this.#lastWasPrefill = false;
    return this.#batch("decode", decoding, this.#options.prefillChunk);
  }

  /** The step that was picked last has taken so long. */
  settled({ kind }: Batch<P>, ms: number): void {
    if (kind === "decode") this.#owedMs = Math.max(0, this.#owedMs - ms);
    else if (this.#isShared) this.#owedMs += ms;
  }

  #mayRead(first: Sequence<P>): boolean {
    if (this.#lastWasPrefill || this.#owedMs > 0) return false;
    this.#reader = first;
    return this.#options.turn.take();
  }

  /** A turn lasts until the prompt that it was taken for is read and its time given back. */
  #endTurn(first: Sequence<P> | undefined): void {
    if (first === this.#reader || this.#owedMs > 0) return;
    this.#reader = undefined;
    this.#options.turn.giveBack();
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

  #prefill(first: Sequence<P>): Batch<P> {
    const { prefillChunk, sharedChunk } = this.#options;
    const chunk = this.#isShared ? sharedChunk : prefillChunk;
    this.#reader = first;
    this.#lastWasPrefill = true;
    return this.#batch("prefill", this.#group(first, chunk), chunk);
  }

  #batch(kind: Batch<P>["kind"], sequences: readonly (Sequence<P> | undefined)[], chunk: number): Batch<P> {
    return { kind, rows: sequences.map((sequence) => sequence!.nextRow(sequence!.slot!, chunk)) };
  }

  #decodes(sequence: Sequence<P>): boolean {
    return this.#begun.has(sequence) && sequence.isPrefilled;
  }

  /** The first in line that has prompt to read; those that turn out to have none decode next. */
  #firstUnread(): Sequence<P> | undefined {
    for (const sequence of this.#active) {
      this.#beginOnce(sequence);
      if (!sequence.isPrefilled) return sequence;
    }
    return undefined;
  }

  /**
   * With a whole unread prompt whoever follows it in arrival and in the next slot with one too, as long as the prompts
   * padded to the longest fit into one chunk.
   */
  #group(first: Sequence<P>, chunk: number): Sequence<P>[] {
    const group = [first];
    if (first.numCached > 0) return group;
    let longest = first.numUnread;
    for (const sequence of this.#active.slice(this.#active.indexOf(first) + 1)) {
      longest = Math.max(longest, sequence.numUnread);
      const isNeighbour = sequence.slot === group.at(-1)!.slot! + 1;
      if (!isNeighbour || longest * (group.length + 1) > chunk) break;
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
