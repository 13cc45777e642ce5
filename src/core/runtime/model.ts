/**
 * A vision-language model, ready to answer: what reads requests, what encodes images, and the engine that decodes. Opened by
 * load-model.ts.
 *
 *   messages ─ request reader ─→ ids + pixels ─ vision encoder ─→ visual tokens ─ engine (decoder graph) ─→ ids ─→ text stream
 */
import type { Device, Graph } from "../backend/portable.js";
import { Closing, invariant, refuseUnknownOptions, Semaphore, throwIfAborted } from "../base/index.js";
import { Engine } from "../engine/index.js";
import type { ImageInput } from "../image/loaded/index.js";
import type { SampledVideo, VideoFile } from "../image/node/index.js";
import type { AttentionMap, PixelBudget, PixelValues, RgbImage } from "../image/spec/index.js";
import type { ChatMessage } from "../processor/portable.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { type AnswerAttention, type AttentionOptions, AttentionReader } from "./answer-attention.js";
import {
  type ChatEvent,
  type ChatOptions,
  type ChatResult,
  chatOptionNames,
  type LocalToken,
  type Prepared,
  type PreparedChat,
} from "./chat.js";
import type { DraftDecoder } from "./draft-model.js";
import { formsOf, trainingNotes } from "./familiarity.js";
import { FieldReader } from "./field-confidence.js";
import {
  type LanguageModel,
  type LoadTimings,
  type LocalFacts,
  type LocalStats,
  type ModelInfo,
  withMiddleware,
} from "./language-model.js";
import { infoOf, statsOf } from "./model-info.js";
import { placedAnswer } from "./placed-answer.js";
import type { Placement } from "./placement.js";
import { type ReadRequest, RequestReader, type RequestReaderParts } from "./request-reader.js";
import { DecoderRunner, type RowOutput } from "./runner.js";
import { lastRow, score } from "./score.js";
import type { SequenceInputs } from "./sequence-inputs.js";
import { collect, streamChat } from "./stream-chat.js";
import { budgetNotes } from "./template-options.js";
import { type TokenRecorder, type Trace, type TraceOptions, traceOf, traceOptionNames } from "./trace.js";
import type { EncodedImage } from "./vision.js";
import { VisionEncoder, type VisionEncoderParts } from "./vision-encoder.js";
import { refuseZoom, zoomOnDoubt } from "./zoom.js";

/** @internal What load-model.ts opens. */
export interface ModelParts extends RequestReaderParts, VisionEncoderParts {
  readonly decoder: Graph;
  readonly closeImages: () => Promise<void>;
  readonly placement: Placement;
  readonly timings: LoadTimings;
  readonly numSlots: number;
  readonly maxLength: number;
  readonly draftModel: DraftDecoder | undefined;
  /** What a step gives of a row, where that is not the logits. */
  readonly output?: RowOutput | undefined;
}

export class VisionLanguageModel implements LanguageModel {
  readonly tokenizer: Tokenizer;
  readonly timings: LoadTimings;
  readonly device: Device;
  readonly #parts: ModelParts;
  readonly #runner: DecoderRunner;
  readonly #engine: Engine<SequenceInputs>;
  readonly #reader: RequestReader;
  readonly #images: VisionEncoder;
  readonly #attention: AttentionReader;
  readonly #rows = new Semaphore(1);
  readonly #closing = new Closing("the model");

  /** @internal Use `loadModel`. */
  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.tokenizer = parts.tokenizer;
    this.timings = parts.timings;
    this.device = parts.placement.device;
    const { numSlots, maxLength, draftModel, output } = parts;
    const { prefixes } = parts.memory;
    this.#runner = new DecoderRunner(parts.packed, parts.decoder, { numSlots, maxLength, prefixes, output });
    const { prefillChunk } = parts.placement;
    const reading = new Semaphore(1);
    this.#engine = new Engine(this.#runner, { ...(prefillChunk && { prefillChunk }), reading, draftModel });
    const closing = this.#closing;
    const reader = new RequestReader(parts, this.#runner, this.#engine);
    const images = new VisionEncoder(parts, { maxTokens: maxLength, closing, reading });
    this.#attention = new AttentionReader(parts, { reader, images, maxLength, closing });
    [this.#reader, this.#images] = [reader, images];
  }

  get info(): ModelInfo & LocalFacts {
    return infoOf(this.#parts, this.#runner, this.#engine);
  }

  get stats(): LocalStats {
    return statsOf(this.#parts, this.#runner, this.#engine);
  }

  /**
   * Answers a conversation, streaming. Several calls at once share the decoder as one running batch; leaving the loop
   * early, or aborting `options.signal`, frees the sequence within one step.
   * @throws `invalid_request`, `unsupported` (a JSON schema's keyword, a checkpoint's vocabulary), `invalid_image`,
   * `too_large` (the prompt does not fit the context; before any picture is encoded), `overloaded`, `aborted`.
   */
  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatEvent<LocalToken>> {
    if (options.zoom) {
      const zooming = withMiddleware(this, zoomOnDoubt(this)); // its tokens are those of the first answer, this model's
      return yield* zooming.chat(messages, options) as AsyncGenerator<ChatEvent<LocalToken>>;
    }
    yield* this.generate(await this.prepare(messages, options));
  }

  /** All of `chat` up to the first token: several answers to one prompt share it. @throws as `chat`. */
  async prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<PreparedChat> {
    this.#begin("chat", options);
    refuseZoom(options);
    const started = performance.now();
    return this.#encode(await this.#reader.read(messages, options), started);
  }

  /**
   * Bytes of pixel values that `prepare` holds until the images are encoded, by their headers: asked before guardrails
   * and the tokenizer read the messages. @throws as `prepare`, of what needs no pixels: too long a text too.
   */
  async pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    this.#begin("pixelBytes", options);
    return this.#reader.pixelBytes(messages, options);
  }

  /** A prompt without turns or images, for plain continuation; it may spell structure. @throws `invalid_request`, `too_large`. */
  async prepareText(prompt: string | readonly number[], options: ChatOptions = {}): Promise<PreparedChat> {
    this.#begin("prepareText", options);
    refuseZoom(options);
    const started = performance.now();
    return this.#encode(await this.#reader.readText(prompt, options), started);
  }

  /** The answer to a prepared prompt. @throws `overloaded`, `aborted`. */
  async *generate(prepared: Prepared): AsyncGenerator<ChatEvent<LocalToken>> {
    this.#closing.check();
    invariant("inputs" in prepared, "a prompt is answered by the model that has prepared it");
    yield* this.#answer(prepared as PreparedChat);
  }

  /**
   * The whole answer and its measurements: each token's probability and top alternatives, the vision encoder's attention, and
   * how long each stage took. For the attention the image goes once more through the vision graph, on the CPU.
   * @throws as `chat`.
   */
  async trace(messages: readonly ChatMessage[], options: TraceOptions = {}): Promise<Trace> {
    this.#begin("trace", options, traceOptionNames);
    return traceOf(options, {
      tokenizer: this.tokenizer,
      read: (asked) => this.#reader.read(messages, asked),
      encode: (read: ReadRequest, startedAt) => this.#encode(read, startedAt),
      answer: (prepared, recorder) => this.#answer(prepared, recorder),
      attention: (prompt) => this.#images.attention(prompt, options.signal),
    });
  }

  /**
   * Where the model looks in each image as it writes each token of a given answer. The decoder is opened once more for that, on the
   * CPU, and closed some seconds later: memory for its weights, and a step for each token. @throws as `chat`; `too_large`,
   * `unsupported` for frames of videos.
   */
  async answerAttention(
    messages: readonly ChatMessage[],
    answer: string,
    { layer, onImagesEncoded, ...options }: AttentionOptions = {},
  ): Promise<AnswerAttention> {
    this.#begin("answerAttention", options);
    return this.#attention.read(messages, answer, { ...options, layer, onImagesEncoded });
  }

  /** The whole answer at once. */
  async answer(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatResult<LocalToken>> {
    return collect(this.chat(messages, options));
  }

  /**
   * What the model would have said next at each token of a given answer to a prepared prompt: logits [vocab_size] before
   * each of `ids` ("teacher forcing"). Runs beside the batch, in a cache of its own. @throws `too_large`.
   */
  async *score(prepared: PreparedChat, ids: readonly number[]): AsyncGenerator<Float32Array> {
    this.#closing.check();
    yield* score(this.#parts, prepared, ids, this.#runner.maxLength);
  }

  /**
   * @internal What the decoder has at the last token of a prepared prompt, and of `more` ids behind it: its logits, or the
   * output that it was opened with. One after another, in the model's own cache: such a model answers nothing.
   * @throws `too_large`, `aborted`, `closed`, `internal` for NaN.
   */
  async lastRow(prepared: PreparedChat, more: readonly number[] = []): Promise<Float32Array> {
    const { signal } = prepared.options;
    const check = () => {
      this.#closing.check();
      throwIfAborted(signal);
    };
    const { prefillChunk } = this.#engine;
    return this.#rows.run(() => lastRow(this.#runner, prepared, more, { prefillChunk, check }), signal);
  }

  /**
   * What of an image the model is shown: for callers that must see exactly that, and no other.
   * @throws `unsupported` without a vision encoder, `too_large` where it alone is more than the context holds.
   */
  modelView(image: RgbImage, budget: PixelBudget = {}): RgbImage {
    return this.#images.modelView(image, budget);
  }

  /** Where learned queries look in an image; undefined for a vision encoder without. Runs it once more, on the CPU. @throws as `chat`. */
  attentionMap(image: ImageInput, { signal }: Pick<ChatOptions, "signal"> = {}): Promise<AttentionMap | undefined> {
    return this.#images.attentionMap(image, signal);
  }

  /**
   * What of a video file the model is shown: frames, their times and their size. @throws as `VideoFile.sampled`, `unsupported`
   * for a model that is shown no videos, `too_large` where it alone is more than the context holds.
   */
  async sampleVideo(video: VideoFile, { signal }: Pick<ChatOptions, "signal"> = {}): Promise<SampledVideo> {
    return this.#images.sampleVideo(video, signal);
  }

  /**
   * Encodes an image and keeps that, whatever else is asked about, until the returned function is called: for images that are
   * sent once and asked about for long. @throws `unsupported`, `too_large` (the budget `memory.pinnedBytes`), and as `chat`.
   */
  async pin(image: ImageInput, { signal }: { readonly signal?: AbortSignal } = {}): Promise<() => void> {
    this.#closing.check();
    return this.#images.pin(image, signal);
  }

  /** Names what makes this model's vectors of images: equal versions give comparable ones. */
  get vectorVersion(): string {
    return this.#parts.memory.vectorVersion;
  }

  /**
   * A vector to find the image by, of length one: the mean over the vision encoder's output, before a resampler where there
   * is one. What is cached of the image is not encoded again. @throws as `decodeImage`, `unsupported` without one, `aborted`.
   */
  embedImage(image: ImageInput, { signal }: Pick<ChatOptions, "signal"> = {}): Promise<Float32Array> {
    return this.#images.embed(image, signal);
  }

  /** What the vision graph makes of a prepared image. */
  async encodeImage(pixels: PixelValues): Promise<EncodedImage> {
    return this.#images.encodePixels(pixels);
  }

  /**
   * Frees all that the model holds. Answers that are being written end with `closed`, and so does whatever is asked later;
   * closing again waits for the first time.
   */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      await this.#engine.close();
      await this.#rows.run(async () => {}); // the step in flight ends
      await this.#attention.close();
      await this.#runner.close();
      await this.#parts.draftModel?.close();
      await this.#parts.closeImages();
      await this.#parts.textWorkers.close();
      await this.#parts.memory.close();
      await this.#images.close();
      await this.#parts.decoder.close();
      await this.#parts.packed.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws `closed`, `invalid_request` for an unknown option. */
  #begin(call: string, options: ChatOptions, names = chatOptionNames): void {
    this.#closing.check();
    refuseUnknownOptions(call, options, names);
  }

  /** Its images encoded, or found in a cache: ready to be answered. */
  async #encode(read: ReadRequest, started: number): Promise<PreparedChat> {
    const { prompt, options, newConstraint, places, reasoning } = read;
    const visionStarted = performance.now();
    const { family, config } = this.#parts.packed;
    const prefix = this.#reader.prefixOf(prompt);
    const { rows, reports } = await this.#images.place(prompt, prefix.known.length, options.signal);
    const notes = [...trainingNotes(reports, formsOf(options), this.#parts), ...budgetNotes(options, reasoning)];
    const inputs = { images: rows, positions: family.positions(config, prompt.ids, prompt.images), prefix };
    return {
      ...{ promptIds: prompt.ids, promptTokens: prompt.ids.length, images: reports },
      ...{ inputs, newConstraint, options, places, started },
      visionMs: performance.now() - visionStarted,
      ...(reasoning && { reasoning }),
      ...(notes.length > 0 && { notes }),
    };
  }

  #answer(prepared: PreparedChat, recorder?: TokenRecorder): AsyncGenerator<ChatEvent<LocalToken>> {
    const { promptIds, inputs, options, newConstraint, places } = prepared;
    const constraint = newConstraint?.();
    const asked = this.#reader.engineRequest(promptIds, options);
    const events = this.#engine.submit(
      { ...asked, payload: inputs, ...(constraint && { constraint }) },
      options.signal,
    );
    const { tokenizer } = this;
    const fieldReader = options.fields ? new FieldReader(this.#parts, prepared) : undefined;
    const answer = streamChat(recorder?.record(events) ?? events, { tokenizer, prepared, fieldReader });
    if (!places) return answer;
    return placedAnswer(answer, { places, isCited: options.citeFields === true });
  }
}
