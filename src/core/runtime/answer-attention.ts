/**
 * Where a model looks as it writes each token of an answer: the attention of the token that comes before it over the rows of each image
 * in the prompt, mean over the heads, and over all layers or of one. A decoder with that as a further output reads the prompt and the
 * given answer once more, on the CPU, in a cache of its own; it stays open for a while, since who asks for one layer asks for the next.
 */
import type { Graph } from "../backend/portable.js";
import { type Closing, OcellusError, Semaphore, throwIfAborted } from "../base/index.js";
import { tokenAttention } from "../graph/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { ChatMessage } from "../processor/portable.js";
import type { ChatOptions } from "./chat.js";
import { lookingDecoder } from "./decoder-models.js";
import type { TextSide } from "./open-text.js";
import { OpenedForAWhile } from "./opened-for-a-while.js";
import type { RequestReader } from "./request-reader.js";
import { DecoderRunner } from "./runner.js";
import type { SequenceInputs } from "./sequence-inputs.js";
import { lookOf, type Spread, spreadOf, type TokenLook } from "./token-look.js";
import type { VisionEncoder, VisionEncoderParts } from "./vision-encoder.js";

export interface AnswerAttention {
  /** Layers of the decoder that look back. */
  readonly numLayers: number;
  /** Of each token of the answer its text, and of each image where it looked. */
  readonly tokens: readonly { readonly text: string; readonly images: readonly TokenLook[] }[];
}

export interface AttentionOptions extends Omit<ChatOptions, "zoom"> {
  /** Of which layer, from 0. Default: the mean of all. */
  readonly layer?: number | undefined;
  /** Called once the pixel values of the images are held no more: the decoder's steps follow. */
  readonly onImagesEncoded?: (() => void) | undefined;
}

/** Each takes a step of the decoder. */
const mostAnswerTokens = 512;
/** Of the packed model: the decoder is opened a second time while a request is looked at. */
const mostWeightBytes = 2 ** 33;
/** Numbers of all maps together. */
const mostCells = 2 ** 22;
/** Numbers of one step's attention: 64 MB. A long prompt is read in short pieces. */
const mostNumbers = 2 ** 24;
/** Its weights are held as long as somebody looks from layer to layer. */
const idleMs = 20_000;

type Parts = Pick<TextSide, "tokenizer" | "textWorkers"> &
  Pick<VisionEncoderParts, "packed" | "imageSpec" | "openHere">;

interface Sides {
  readonly reader: RequestReader;
  readonly images: VisionEncoder;
  /** Of the context. */
  readonly maxLength: number;
  readonly closing: Closing;
}

/** What is read once more. */
interface ReadAgain {
  readonly promptIds: ArrayLike<number> & Iterable<number>;
  /** Without a known prefix, for that is another cache's. */
  readonly inputs: SequenceInputs;
  readonly answerIds: readonly number[];
}

interface Layers {
  readonly numLayers: number;
  readonly numHeads: number;
  /** From 0. Absent: all. */
  readonly layer?: number | undefined;
}

/** What the token before each token of the answer looked at, [promptIds + answerIds so far], mean over the heads. */
export async function* attentionRows(
  packed: PackedModel,
  decoder: Graph,
  { promptIds, inputs, answerIds }: ReadAgain,
  { check, ...layers }: Layers & { readonly check: () => void },
): AsyncGenerator<Float32Array> {
  const maxLength = promptIds.length + answerIds.length;
  const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength, output: { name: tokenAttention } });
  try {
    const all = [...promptIds, ...answerIds];
    const row = { slot: 0, payload: inputs };
    const numRead = promptIds.length - 1;
    const chunk = Math.max(2, Math.floor(mostNumbers / (layers.numLayers * layers.numHeads * maxLength)));
    for (let position = 0; position < numRead; position += chunk) {
      check();
      const tokens = all.slice(position, Math.min(numRead, position + chunk));
      await runner.step({ kind: "prefill", rows: [{ ...row, tokens, position, numLogits: 0 }] });
    }
    for (let position = numRead; position < maxLength - 1; position++) {
      check();
      const next = { ...row, tokens: [all[position]!], position, numLogits: 1 };
      const [found] = await runner.step({ kind: "decode", rows: [next] });
      yield meanOf(found!, layers);
    }
  } finally {
    await runner.close();
  }
}

export class AttentionReader {
  readonly #parts: Parts;
  readonly #sides: Sides;
  readonly #decoder: OpenedForAWhile<Graph>;
  /** One answer at a time. */
  readonly #turn = new Semaphore(1);
  #form: ReturnType<typeof lookingDecoder> | undefined;

  constructor(parts: Parts, sides: Sides) {
    this.#parts = parts;
    this.#sides = sides;
    this.#decoder = new OpenedForAWhile(() => parts.openHere(this.#looking().model), idleMs);
  }

  /** @throws as `VisionLanguageModel.answerAttention` */
  async read(
    messages: readonly ChatMessage[],
    answer: string,
    { layer, onImagesEncoded, ...options }: AttentionOptions,
  ): Promise<AnswerAttention> {
    const { numLayers } = this.#looking();
    if (layer !== undefined && !(Number.isInteger(layer) && layer >= 0 && layer < numLayers))
      throw noSuchLayer(layer, numLayers);
    const { signal } = options;
    return this.#turn.run(async () => {
      this.#check(signal);
      const { spreads, ...again } = await this.#prepare(messages, answer, options);
      onImagesEncoded?.();
      const tokens: AnswerAttention["tokens"][number][] = [];
      await this.#decoder.use(async (decoder) => {
        const reading = { ...this.#looking(), layer, check: () => this.#check(signal) };
        for await (const row of attentionRows(this.#parts.packed, decoder, again, reading)) {
          const text = this.#parts.tokenizer.decode([again.answerIds[tokens.length]!], { skipSpecialTokens: false });
          tokens.push({ text, images: spreads.map((spread) => lookOf(row, spread)) });
        }
      });
      return { numLayers, tokens };
    }, signal);
  }

  /** After the step in flight. */
  async close(): Promise<void> {
    await this.#turn.run(() => this.#decoder.close());
  }

  /** Not opened yet. @throws `unsupported` for a model whose weights are more than may be opened a second time. */
  #looking() {
    const { packed } = this.#parts;
    const numBytes = packed.files.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (numBytes > mostWeightBytes) throw tooHeavy(numBytes);
    this.#form ??= lookingDecoder(packed);
    return this.#form;
  }

  async #prepare(
    messages: readonly ChatMessage[],
    answer: string,
    options: ChatOptions,
  ): Promise<ReadAgain & { readonly spreads: readonly Spread[] }> {
    const { packed, imageSpec, textWorkers } = this.#parts;
    const { reader, images, maxLength } = this.#sides;
    const { signal } = options;
    const { prompt } = await reader.read(messages, { ...options, reuse: "exact" });
    const asked = { addSpecialTokens: false, maxTokens: mostAnswerTokens };
    const answerIds = await textWorkers.encode(answer, asked, signal);
    checkAnswer(answerIds.length, maxLength - prompt.ids.length);
    const looks = await images.attention(prompt, signal);
    const spreads = prompt.images.map((image, i) => spreadOf(image, looks[i]!, imageSpec!.imageProcessor));
    const numCells = spreads.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    checkAnswer(answerIds.length, Math.floor(mostCells / Math.max(1, numCells)));
    const { rows } = await images.place(prompt, 0, signal);
    const inputs = { images: rows, positions: packed.family.positions(packed.config, prompt.ids, prompt.images) };
    return { promptIds: prompt.ids, inputs, answerIds, spreads };
  }

  #check(signal: AbortSignal | undefined): void {
    this.#sides.closing.check();
    throwIfAborted(signal);
  }
}

/** [layers · heads, keys] → [keys] */
function meanOf(found: Float32Array, { numHeads, numLayers, layer }: Layers): Float32Array {
  const numKeys = found.length / (numHeads * numLayers);
  const [first, count] = layer === undefined ? [0, numHeads * numLayers] : [layer * numHeads, numHeads];
  const mean = new Float32Array(numKeys);
  for (let head = first; head < first + count; head++)
    for (let key = 0; key < numKeys; key++) mean[key]! += found[head * numKeys + key]! / count;
  return mean;
}

/** @throws `too_large` for an answer of more tokens than are looked at. */
function checkAnswer(numTokens: number, room: number): void {
  const most = Math.min(mostAnswerTokens, room);
  if (numTokens <= most) return;
  throw new OcellusError("too_large", `the answer has ${numTokens} tokens, at most ${most} are looked at`, {
    details: { param: "messages", tokens: numTokens, most },
  });
}

function noSuchLayer(layer: number, numLayers: number): OcellusError {
  return new OcellusError("invalid_request", `layer: expected 0 to ${numLayers - 1}, found ${layer}`, {
    details: { param: "layer", found: layer, most: numLayers - 1 },
  });
}

function tooHeavy(numBytes: number): OcellusError {
  return new OcellusError(
    "unsupported",
    `attention: the model's weights have ${numBytes} bytes and would be opened once more; at most ${mostWeightBytes} are`,
    { details: { param: "model", bytes: numBytes, most: mostWeightBytes } },
  );
}
