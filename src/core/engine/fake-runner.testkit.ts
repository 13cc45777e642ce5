/**
 * A runner without a model: the logits are a hash of everything the slot has read, so a wrong position, a stale cache
 * or two sequences in one slot change the answer, and reading out of order throws.
 */
import { expect } from "vitest";
import type { Batch, EngineRequest, ModelRunner } from "./types.js";

export const fakeVocabSize = 17;

export class FakeRunner implements ModelRunner<string> {
  readonly vocabSize = fakeVocabSize;
  readonly numSlots: number;
  readonly maxLength: number;
  /** What each slot has read, and whose it is. */
  readonly slots: { ids: number[]; owner: string | undefined }[];
  readonly batches: Batch<string>[] = [];
  /** Called before each step, to fail or to act in the middle of things. */
  onStep: (batch: Batch<string>) => void | Promise<void> = () => {};
  readonly maxRun: number;

  constructor(numSlots: number, maxLength = 64, maxRun = 1) {
    this.numSlots = numSlots;
    this.maxLength = maxLength;
    this.maxRun = maxRun;
    this.slots = Array.from({ length: numSlots }, () => ({ ids: [], owner: undefined }));
  }

  async step(batch: Batch<string>): Promise<Float32Array[]> {
    await this.onStep(batch);
    this.batches.push(batch);
    expect(batch.rows.map((r) => r.slot)).toEqual([...new Set(batch.rows.map((r) => r.slot))].sort((a, b) => a - b));
    if (batch.kind === "decode") {
      expect(batch.rows.every((r) => r.tokens.length >= 1 && r.tokens.length <= this.maxRun)).toBe(true);
      expect(batch.rows.every((r) => r.numLogits >= 1 && r.numLogits <= r.tokens.length)).toBe(true);
    }
    if (batch.kind === "prefill") expect(batch.rows.every((r) => r.tokens.length > 0 && r.numLogits === 0)).toBe(true);
    if (batch.rows.length > 1 && batch.kind === "prefill") {
      expect(batch.rows.every((r, i) => r.slot === batch.rows[0]!.slot + i)).toBe(true);
      expect(batch.rows.every((r) => r.position === 0)).toBe(true);
    }
    return batch.rows.flatMap((row) => {
      const slot = this.slots[row.slot]!;
      slot.owner ??= row.payload;
      expect(slot.owner, "one sequence owns a slot until it is released").toBe(row.payload);
      expect(row.position, "rows continue where the cache ends").toBeLessThanOrEqual(slot.ids.length);
      if (batch.kind === "prefill") expect(row.position).toBe(slot.ids.length);
      slot.ids.length = row.position; // what a run wrote in vain is void
      slot.ids.push(...row.tokens);
      expect(slot.ids.length).toBeLessThanOrEqual(this.maxLength);
      return Array.from({ length: row.numLogits }, (_, i) =>
        fakeLogits(slot.ids.slice(0, slot.ids.length - row.numLogits + 1 + i)),
      );
    });
  }

  async provesRuns(): Promise<boolean> {
    return true;
  }

  release(slot: number): void {
    this.slots[slot] = { ids: [], owner: undefined };
  }
}

export function fakeLogits(ids: readonly number[]): Float32Array {
  let hash = 2166136261;
  for (const id of ids) hash = Math.imul(hash ^ id, 16777619);
  return Float32Array.from({ length: fakeVocabSize }, (_, i) => {
    hash = Math.imul(hash ^ i, 16777619);
    return ((hash >>> 8) / 2 ** 24) * 4;
  });
}

/** What the fake model answers greedily: the reference for every schedule. */
export function fakeAnswer({ promptIds, maxTokens, stopTokenIds }: EngineRequest<string>, maxLength = 64): number[] {
  const ids = [...promptIds];
  const answer: number[] = [];
  while (answer.length < maxTokens && ids.length <= maxLength) {
    const logits = fakeLogits(ids);
    const next = logits.indexOf(Math.max(...logits));
    answer.push(next);
    ids.push(next);
    if (stopTokenIds.includes(next)) break;
  }
  return answer;
}
