/**
 * The engine's ModelRunner over ONNX Runtime: turns rows of token ids into embeddings, rotary angles and cache
 * lengths, runs the decoder graph, and cuts the logits apart. It knows no text and keeps no queue.
 */

import {
  type CachedGraph,
  type Feeds,
  type Graph,
  int32,
  int64,
  type SlotRun,
  type StepLengths,
  withCache,
} from "../backend/portable.js";
import { invariant, shorten } from "../base/index.js";
import { type CachedBlocks, nothingCached, type PromptCache, prefixBlockLength } from "../cache/portable.js";
import type { Batch, ModelRunner, Row } from "../engine/index.js";
import { isRecurrent } from "../graph/index.js";
import { indexPositions, type ModelDimensions } from "../models/index.js";
import type { PackedModel } from "../pack/portable.js";
import { runInputs, singleTokens, tokenInputs } from "./decoder-inputs.js";
import { cutAtPoints, isKept } from "./resume-points.js";
import type { PromptKeys, SequenceInputs } from "./sequence-inputs.js";

/** An output of the decoder with one row for each of `logits_rows`. */
export interface RowOutput {
  readonly name: string;
  /** Absent: it is cut evenly among the rows. */
  readonly width?: number;
}

export interface RunnerOptions {
  readonly numSlots: number;
  readonly maxLength: number;
  /** With states where the decoder has such. Absent: of a prompt only what it holds is taken over, and nothing is kept. */
  readonly prefixes?: PromptCache | undefined;
  /** What a step gives of a row. Default: the logits. */
  readonly output?: RowOutput | undefined;
}

/** Where a step of 16 tokens takes some six times as long as one of one token, a longer run gains little more. */
const longestRun = 16;
/** Odd, and more than the four rows that kernels take at once. */
const provingRun = 5;

export class DecoderRunner implements ModelRunner<SequenceInputs> {
  readonly numSlots: number;
  readonly maxLength: number;
  readonly vocabSize: number;
  readonly hasFixedCuts: boolean;
  readonly #model: PackedModel;
  readonly #dimensions: ModelDimensions;
  readonly #output: RowOutput;
  readonly #decoder: CachedGraph;
  /** Keys and values of prompts can be kept, so what a run computes must not depend on how much of a prompt it reads. */
  readonly #keepsPrompts: boolean;
  /** Layers keep states, into which a row of padding would be read. */
  readonly #isRecurrent: boolean;
  /** Tokens in the cache, by slot. */
  readonly #lengths: number[];
  /** Tokens that each slot's prompt will come to: room is made for it at once, not copied from chunk to chunk. */
  readonly #promptLengths: number[];
  readonly #prefixes: PromptCache | undefined;
  /** By slot: when the known beginning of its prompt is in the cache. */
  readonly #restored: (Promise<unknown> | undefined)[] = [];

  constructor(model: PackedModel, decoder: Graph, options: RunnerOptions) {
    this.#model = model;
    this.#dimensions = model.family.dimensions(model.config);
    this.numSlots = options.numSlots;
    this.maxLength = options.maxLength;
    this.vocabSize = this.#dimensions.vocabSize;
    this.#output = options.output ?? { name: "logits", width: this.vocabSize };
    const layers = model.family.states(model.config);
    this.#decoder = withCache(decoder, { layers, ...options });
    this.#isRecurrent = this.hasFixedCuts = isRecurrent(layers);
    this.#keepsPrompts = this.#decoder.save !== undefined && !this.#isRecurrent;
    this.#lengths = new Array<number>(options.numSlots).fill(0);
    this.#promptLengths = [...this.#lengths];
    this.#prefixes = this.#decoder.save && options.prefixes;
    invariant(
      !this.#prefixes || this.#prefixes.needsStates === this.#isRecurrent,
      "states are kept of layers that keep such",
    );
  }

  /** Bytes of kept cached prefixes. */
  get prefixCacheBytes(): number {
    return this.#prefixes?.bytes ?? 0;
  }

  /** What of a prompt is known. */
  cachedBlocks({ keys, points }: PromptKeys): CachedBlocks {
    return this.#prefixes?.find(keys, true, points) ?? nothingCached;
  }

  /** Copies the known beginning of a prompt into the slot; its first step waits for that. */
  begin(slot: number, promptIds: readonly number[], { prefix }: SequenceInputs): number {
    this.#promptLengths[slot] = promptIds.length;
    this.#restored[slot] = undefined;
    if (!prefix) return 0;
    const now = this.#prefixes?.find(prefix.keys, false, prefix.points);
    const { blocks, length, states } = now && now.length > prefix.known.length ? now : prefix.known;
    const lengths = { length: Math.max(length, promptIds.length), cached: this.#lengths };
    const restored = blocks.map(({ start, count, values }) =>
      this.#decoder.restore!(slot, start, count, values, lengths),
    );
    if (states) restored.push(this.#decoder.restoreStates!(slot, states));
    this.#restored[slot] = Promise.all(restored);
    this.#restored[slot].catch(() => {}); // the sequence's first step says so, if there is one
    this.#lengths[slot] = length;
    return length;
  }

  get cacheBytes(): number {
    return this.#decoder.bytes;
  }

  /** Tokens in the cache as a share of what fits: 0 to 1. */
  get cacheUsage(): number {
    return this.#lengths.reduce((sum, length) => sum + length, 0) / (this.numSlots * this.maxLength);
  }

  /** What came up since the model was loaded, in sentences. */
  get notes(): readonly string[] {
    const { prefillFault } = this.#decoder;
    if (prefillFault === undefined) return [];
    return [
      `prompts are read by the weights that answer: the 8-bit copy cannot be opened (${shorten(prefillFault, 200)})`,
    ];
  }

  get maxRun(): number {
    return this.#decoder.takesRuns ? longestRun : 1;
  }

  /**
   * By a run of a sequence that has room for it against its tokens one by one; which tokens does not matter. Products that have another kernel
   * for one row, or for the last of an odd number, show (docs/decisions/0011-same-answer.md).
   */
  async provesRuns({ rows }: Batch<SequenceInputs>): Promise<boolean | undefined> {
    const roomy = rows.find(({ position }) => this.maxLength - position >= provingRun);
    if (!roomy) return undefined;
    const { position, tokens, ...rest } = roomy;
    const run = Array.from({ length: provingRun }, (_, i) => (tokens[0]! + i * 7919) % this.vocabSize);
    const decode = async (ids: readonly number[], at: number) => {
      const row = { ...rest, tokens: ids, position: at, numLogits: ids.length };
      const logits = await this.step({ kind: "decode", rows: [row] });
      return logits.map((each) => each.slice());
    };
    const together = await decode(run, position);
    for (const [i, token] of run.entries()) {
      const [alone] = await decode([token], position + i);
      if (!hasSameBits(alone!, together[i]!)) return false;
    }
    return true;
  }

  async step(batch: Batch<SequenceInputs>): Promise<readonly Float32Array[]> {
    await Promise.all(batch.rows.map(({ slot }) => this.#restored[slot]));
    const logits: Float32Array[] = [];
    for (const rows of this.#runs(batch)) {
      logits.push(...(await this.#run(rows, batch.kind)));
      for (const row of rows) {
        if (row.tokens.length === 0) continue;
        this.#lengths[row.slot] = row.position + row.tokens.length;
        if (batch.kind === "prefill") await this.#keep(row);
      }
    }
    return logits;
  }

  async close(): Promise<void> {
    await this.#decoder.close();
  }

  /**
   * One run of the graph; the logits of the rows that want them. A prefill run has an even number of tokens: one token alone,
   * and the odd last row of a product in blocks of 64 or 128, take another kernel, whose sums have another order.
   */
  async #run(rows: readonly Row<SequenceInputs>[], kind: Batch<SequenceInputs>["kind"]): Promise<Float32Array[]> {
    const longest = Math.max(...rows.map((row) => row.tokens.length));
    if (kind === "decode" && longest > 1) return this.#runTokens(rows);
    const sequence = kind === "prefill" && this.#keepsPrompts ? longest + (longest % 2) : longest;
    const ends = rows.map((row) => row.position + sequence);
    const wanted = rows.flatMap((row, b) => (row.numLogits > 0 ? [b * sequence + row.tokens.length - 1] : []));
    const inputs: Feeds = {
      ...(await tokenInputs(this.#model, this.#dimensions, rows, sequence)),
      seqlens_k: int32(ends.map((end) => end - 1)),
      total_sequence_length: int32([Math.max(...ends)], []),
      logits_rows: int64(wanted.length > 0 || this.#keepsPrompts ? wanted : [0]),
    };
    const slots = { first: rows[0]!.slot, count: rows.length };
    const added = rows.map(({ slot, position, tokens }) => ({ slot, position, count: tokens.length }));
    const lengths = this.#room(rows, ends, added);
    if (kind === "prefill" && this.#decoder.hasPrefill) {
      await this.#decoder.step(inputs, slots, lengths, [], "prefill"); // prompts want no rows
      return [];
    }
    return this.#outputs(inputs, slots, lengths, wanted.length);
  }

  async #outputs(inputs: Feeds, slots: SlotRun, lengths: StepLengths, count: number): Promise<Float32Array[]> {
    const { name } = this.#output;
    const data = (await this.#decoder.step(inputs, slots, lengths, [name]))[name]!.data as Float32Array;
    const { width = data.length / Math.max(1, count) } = this.#output;
    return Array.from({ length: count }, (_, i) => data.subarray(i * width, (i + 1) * width));
  }

  /** One run of the graph in which each slot reads several tokens of its own; the logits of their last ones, as many as it wants. */
  async #runTokens(runs: readonly Row<SequenceInputs>[]): Promise<Float32Array[]> {
    const rows = singleTokens(runs);
    const wanted = rows.flatMap(({ numLogits }, r) => (numLogits > 0 ? [r] : []));
    const inputs: Feeds = {
      ...(await tokenInputs(this.#model, this.#dimensions, rows, 1)),
      ...runInputs(runs),
      logits_rows: int64(wanted),
    };
    const slots = { first: runs[0]!.slot, count: runs.length };
    const ends = rows.map(({ position }) => position + 1);
    const added = rows.map(({ slot, position }) => ({ slot, position, count: 1 }));
    return this.#outputs(inputs, slots, this.#room(runs, ends, added), wanted.length);
  }

  #room(rows: readonly Row<SequenceInputs>[], ends: readonly number[], added: StepLengths["added"]): StepLengths {
    const length = Math.max(...ends, ...rows.map(({ slot }) => this.#promptLengths[slot]!));
    return { length: Math.min(this.maxLength, length), cached: this.#lengths, added };
  }

  release(slot: number): void {
    this.#lengths[slot] = 0;
    this.#promptLengths[slot] = 0;
  }

  /**
   * Keeps what the slot has read of its prompt: whole blocks, and the rest where the next token is the last. Tokens that
   * decode steps computed are not kept: read by a prefill step, they would come out otherwise in the last bits.
   */
  async #keep({ slot, tokens, position, payload: { prefix } }: Row<SequenceInputs>): Promise<void> {
    if (!this.#prefixes || !prefix) return;
    const end = position + tokens.length;
    if (this.#isRecurrent) return this.#keepStates(slot, end, prefix);
    const isRead = end >= prefix.keys.length - 1;
    const kept = isRead ? end : end - (end % prefixBlockLength);
    if (kept <= position) return;
    await this.#prefixes.add(prefix.keys.slice(0, kept), (start, count) => this.#decoder.save!(slot, start, count));
  }

  async #keepStates(slot: number, end: number, { keys, points = [] }: PromptKeys): Promise<void> {
    if (!isKept(points, end)) return;
    const { save, saveStates } = this.#decoder;
    const read = (start: number, count: number) => save!(slot, start, count);
    await this.#prefixes!.add(keys.slice(0, end), read, points, () => saveStates!(slot));
  }

  /**
   * What a step is to one run of the graph each: all at once where the cache can lend these slots together, and where prompts of
   * different lengths need no padding.
   */
  #runs({ kind, rows }: Batch<SequenceInputs>): (readonly Row<SequenceInputs>[])[] {
    const { batchesAnywhere } = this.#decoder;
    if (kind === "prefill" && this.#isRecurrent) return rows.flatMap(cutAtPoints).map((row) => [row]);
    if (kind === "prefill" && !batchesAnywhere) return rows.map((row) => [row]);
    return [this.#withIdleSlots(rows, batchesAnywhere ? rows[0]!.slot : 0)];
  }

  /**
   * A run covers neighbouring slots. An idle slot among the busy ones gets a row without tokens: nothing of it is kept, or, on a
   * device, its key and value land just past what it has cached, where the sequence's next real token will overwrite them.
   */
  #withIdleSlots(rows: readonly Row<SequenceInputs>[], first: number): Row<SequenceInputs>[] {
    const bySlot = new Map(rows.map((row) => [row.slot, row]));
    const last = rows[rows.length - 1]!.slot;
    invariant(bySlot.size === rows.length && last >= rows[0]!.slot, "a batch names its slots once, in ascending order");
    return Array.from({ length: last - first + 1 }, (_, i) => bySlot.get(first + i) ?? this.#idleRow(first + i));
  }

  #idleRow(slot: number): Row<SequenceInputs> {
    const position = Math.min(this.#lengths[slot]!, this.maxLength - 1);
    return { slot, tokens: [], position, payload: { images: [], positions: indexPositions }, numLogits: 0 };
  }
}

function hasSameBits(a: Float32Array, b: Float32Array): boolean {
  const bits = (x: Float32Array) => new Int32Array(x.buffer, x.byteOffset, x.length);
  const [left, right] = [bits(a), bits(b)];
  return left.every((value, i) => value === right[i]);
}
