/**
 * The engine's ModelRunner over ONNX Runtime: turns rows of token ids into embeddings, rotary angles and cache
 * lengths, runs the decoder graph, and cuts the logits apart. It knows no text and keeps no queue.
 */

import { type CachedGraph, type Feeds, float32, type Graph, int32, int64, withCache } from "../backend/index.js";
import { invariant } from "../base/index.js";
import {
  type CachedBlocks,
  nothingCached,
  type PromptCache,
  prefixBlockLength,
  type TokenKey,
} from "../cache/index.js";
import type { Batch, ModelRunner, Row } from "../engine/index.js";
import { isRecurrent } from "../graph/index.js";
import { indexPositions, type ModelDimensions, type PromptPositions } from "../models/index.js";
import type { PackedModel } from "../pack/index.js";

/** What the decoder is given of one picture. */
export interface ImageFeatures {
  /** [numTokens, hidden_size] */
  readonly tokens: Float32Array;
  /** Further features, for the outputs of the first decoder layers: each shaped like `tokens`. */
  readonly deepstack: readonly Float32Array[];
}

/** One picture's place in a prompt, or that of some of its rows: they stand from `start` on. */
export interface PlacedImage extends ImageFeatures {
  readonly start: number;
  readonly numTokens: number;
}

/** A prompt as caches know it. */
export interface PromptKeys {
  /** Of every token of the prompt: its id, or what is in its picture. */
  readonly keys: readonly TokenKey[];
  /** Numbers of first tokens after which states may be kept, ascending. Default none. */
  readonly points?: readonly number[];
}

/** The beginning of a prompt as earlier sequences may have read it. */
export interface CachedPrefix extends PromptKeys {
  /** What of the prompt was known when it was prepared, and is held since: the pictures in there need no features. */
  readonly known: CachedBlocks;
}

/** What a sequence brings beside its token ids. */
export interface SequenceInputs {
  /** Those that are in a known prefix are left out. */
  readonly images: readonly PlacedImage[];
  readonly positions: PromptPositions;
  /** Absent: nothing is taken over from earlier sequences, nor kept for later ones. */
  readonly prefix?: CachedPrefix;
}

/** An output of the decoder with one row for each of `logits_rows`. */
export interface RowOutput {
  readonly name: string;
  readonly width: number;
}

export interface RunnerOptions {
  readonly numSlots: number;
  readonly maxLength: number;
  /** With states where the decoder has such. Absent: of a prompt only what it holds is taken over, and nothing is kept. */
  readonly prefixes?: PromptCache | undefined;
  /** What a step gives of a row. Default: the logits. */
  readonly output?: RowOutput | undefined;
}

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
    const sequence = kind === "prefill" && this.#keepsPrompts ? longest + (longest % 2) : longest;
    const ends = rows.map((row) => row.position + sequence);
    const wanted = rows.flatMap((row, b) => (row.wantsLogits ? [b * sequence + row.tokens.length - 1] : []));
    const inputs: Feeds = {
      ...(await this.#tokenInputs(rows, sequence)),
      seqlens_k: int32(ends.map((end) => end - 1)),
      total_sequence_length: int32([Math.max(...ends)], []),
      logits_rows: int64(wanted.length > 0 || this.#keepsPrompts ? wanted : [0]),
    };
    const slots = { first: rows[0]!.slot, count: rows.length };
    const added = rows.map(({ position, tokens }) => ({ position, count: tokens.length }));
    const length = Math.min(this.maxLength, Math.max(...ends, ...rows.map(({ slot }) => this.#promptLengths[slot]!)));
    const lengths = { length, cached: this.#lengths, added };
    if (kind === "prefill" && this.#decoder.hasPrefill) {
      await this.#decoder.step(inputs, slots, lengths, [], "prefill"); // prompts want no rows
      return [];
    }
    const { name, width } = this.#output;
    const data = (await this.#decoder.step(inputs, slots, lengths, [name]))[name]!.data as Float32Array;
    return wanted.map((_, i) => data.subarray(i * width, (i + 1) * width));
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
    return { slot, tokens: [], position, payload: { images: [], positions: indexPositions }, wantsLogits: false };
  }

  /** Embeddings and angles, right-padded to [rows, sequence]; what the padding holds is never read by a real token. */
  async #tokenInputs(rows: readonly Row<SequenceInputs>[], sequence: number): Promise<Feeds> {
    const { hiddenSize } = this.#dimensions;
    const angles = rows.map(({ position, tokens, payload }) =>
      this.#model.family.rotary(this.#model.config, {
        start: position,
        count: tokens.length,
        positions: payload.positions,
      }),
    );
    const busy = rows.findIndex(({ tokens }) => tokens.length > 0); // not an idle one
    const half = angles[busy]!.cos.length / rows[busy]!.tokens.length;
    const numTokens = rows.length * sequence;
    const embeds = new Float32Array(numTokens * hiddenSize);
    const deepstack = Array.from(
      { length: this.#model.family.numDeepstack(this.#model.config) },
      () => new Float32Array(numTokens * hiddenSize), // zero where there is no picture
    );
    const cos = new Float32Array(numTokens * half);
    const sin = new Float32Array(numTokens * half);
    for (const [b, row] of rows.entries()) {
      await this.#model.embedding.read(row.tokens, embeds, b * sequence * hiddenSize);
      placeVisual(row, embeds, b * sequence, hiddenSize, (image) => image.tokens);
      for (const [n, layer] of deepstack.entries())
        placeVisual(row, layer, b * sequence, hiddenSize, (image) => image.deepstack[n]!);
      cos.set(angles[b]!.cos, b * sequence * half);
      sin.set(angles[b]!.sin, b * sequence * half);
    }
    return {
      ...Object.fromEntries(
        deepstack.map((layer, n) => [`deepstack.${n}`, float32(layer, [rows.length, sequence, hiddenSize])]),
      ),
      inputs_embeds: float32(embeds, [rows.length, sequence, hiddenSize]),
      cos: float32(cos, [numTokens, half]),
      sin: float32(sin, [numTokens, half]),
      position_ids: int64(
        Array.from({ length: numTokens }, (_, i) => i),
        [rows.length, sequence],
      ),
    };
  }
}

/**
 * The row in pieces that end where its prompt may be resumed: also where nothing is kept, so that what is computed does not depend
 * on that. [docs/decisions/0011-same-answer.md]
 */
function cutAtPoints(row: Row<SequenceInputs>): Row<SequenceInputs>[] {
  const { position, tokens } = row;
  const ends = (row.payload.prefix?.points ?? []).map((point) => point - position);
  const inside = [...ends.filter((end) => end > 0 && end < tokens.length), tokens.length];
  return inside.map((end, i) => {
    const from = inside[i - 1] ?? 0;
    const isLast = end === tokens.length;
    return {
      ...row,
      tokens: tokens.slice(from, end),
      position: position + from,
      wantsLogits: row.wantsLogits && isLast,
    };
  });
}

/** The first point, which is the system's, and those before the end: a state has megabytes, and most chats continue at their end. */
const mostKept = 8;

function isKept(points: readonly number[], end: number): boolean {
  const at = points.indexOf(end);
  return at === 0 || (at > 0 && at > points.length - mostKept);
}

/** Writes the part of each picture that is in this row's tokens; `firstToken` is the row's place in `out`. */
function placeVisual(
  row: Row<SequenceInputs>,
  out: Float32Array,
  firstToken: number,
  hiddenSize: number,
  featuresOf: (image: PlacedImage) => Float32Array,
): void {
  const end = row.position + row.tokens.length;
  for (const image of row.payload.images) {
    const from = Math.max(image.start, row.position);
    const to = Math.min(image.start + image.numTokens, end);
    if (from >= to) continue;
    const features = featuresOf(image).subarray((from - image.start) * hiddenSize, (to - image.start) * hiddenSize);
    out.set(features, (firstToken + from - row.position) * hiddenSize);
  }
}
