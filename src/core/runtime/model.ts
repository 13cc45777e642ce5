/**
 * A vision-language model, ready to answer: joins the packed model, its tokenizer, the two sessions and the engine.
 *
 *   messages ─ processor ─→ ids + pixels ─ vision graph ─→ visual tokens ─ engine (decoder graph) ─→ ids ─→ text stream
 */

import { type Device, defaultThreads, type Graph, type SessionOptions } from "../backend/index.js";
import {
  Closing,
  invariant,
  OcellusError,
  openWhole,
  optionNames,
  refuseUnknownOptions,
  Semaphore,
  throwIfAborted,
} from "../base/index.js";
import type { Features } from "../cache/index.js";
import { bundledModel } from "../checkpoint/index.js";
import { type Constraint, Engine } from "../engine/index.js";
import { Grammars } from "../grammar/index.js";
import type { ImageInput, SeenImage } from "../image/node/index.js";
import {
  gridOf,
  modelView,
  type PixelBudget,
  type PixelValues,
  type RgbImage,
  viewsOf,
  wholeOf,
  withPixelBudget,
} from "../image/spec/index.js";
import { openPacked, type PackedModel } from "../pack/index.js";
import { type ChatMessage, checkContextLength, type Prompt, type PromptImage } from "../processor/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import {
  type ChatEvent,
  type ChatImage,
  type ChatOptions,
  type ChatResult,
  chatOptionNames,
  collect,
  type Prepared,
  type PreparedChat,
  streamChat,
} from "./chat.js";
import type { LanguageModel, LoadTimings, ModelInfo, ModelStats } from "./language-model.js";
import { type Memory, openMemory, type SharedMemory, seeingFor, snapshotPoints, tokenKeys } from "./memory.js";
import {
  findPacked,
  loadingNames,
  openDecoder,
  openGraph,
  openImageThreads,
  type PackingChoice,
  type Threading,
} from "./open.js";
import { openText, type TextSide } from "./open-text.js";
import type { PrefillChoice } from "./packing-plan.js";
import {
  choosePlacement,
  type DeviceChoice,
  type Placement,
  placementFor,
  placementNotes,
  stateNotes,
} from "./placement.js";
import { prefillUse } from "./prefill-weights.js";
import { opensReasoning } from "./reasoning.js";
import { type CachedPrefix, DecoderRunner, type PlacedImage, type RowOutput, type SequenceInputs } from "./runner.js";
import {
  TokenRecorder,
  type Trace,
  type TraceOptions,
  tracedSampling,
  traceOptionNames,
  traceStages,
} from "./trace.js";
import { type EncodedImage, encodeImage, imageFeatures, lookAgain, placed, pooledVector } from "./vision.js";

export interface LoadOptions extends PackingChoice, PrefillChoice, Threading, DeviceChoice, SharedMemory {
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
  /** Sequences that can run at once. Default 8. */
  readonly maxSequences?: number;
  /** Context limit in tokens; default and most: what the model was made for. */
  readonly maxLength?: number;
}

const loadOptionNames = optionNames<LoadOptions>({
  ...loadingNames,
  prefillWeights: true,
  memory: true,
  encoderCache: true,
  maxSequences: true,
  maxLength: true,
});

/**
 * Opens a checkpoint folder (packing it into the cache the first time) or a packed model; without a path, the small model
 * that is part of the package.
 * @throws `invalid_request` (an unknown option), `not_found`, `invalid_file`, `invalid_config`, `unsupported`, `unavailable` (device), `io` (a full disk).
 */
export async function loadModel(path = bundledModel, options: LoadOptions = {}): Promise<VisionLanguageModel> {
  refuseUnknownOptions("loadModel", options, loadOptionNames);
  const open: OpenGraph = (packed, name, session, usesPrefill) =>
    name === "decoder"
      ? openDecoder(packed, session, options, { usesPrefill })
      : openGraph(packed, name, session, options);
  return loadWith(open, path, options);
}

/** @internal How a graph of a packed model is opened; a decoder with the graph that reads prompts, if it is to be used. */
export type OpenGraph = (
  packed: PackedModel,
  name: string,
  options: SessionOptions,
  usesPrefill: boolean,
) => Promise<Graph>;

/** @internal `loadModel` with graphs opened in another way. */
export async function loadWith(open: OpenGraph, path: string, options: LoadOptions): Promise<VisionLanguageModel> {
  const chosen = await choosePlacement(options);
  const started = performance.now();
  const { path: packedPath, written, notes } = await findPacked(path, options, "language");
  const packedAt = performance.now();
  return openWhole(async (keep) => {
    const packed = await keep(openPacked(packedPath));
    const layers = packed.family.states(packed.config);
    const placement = placementFor(layers, chosen);
    const { device, towers } = placement;
    const threads = options.threads ?? defaultThreads();
    const { images: pictures, closeImages } = openImageThreads(options);
    await keep(Promise.resolve({ close: closeImages }));
    const prefill = prefillUse(packed, options.prefillWeights ?? "auto", device);
    // Beside each other where graphs have threads of their own: opening a large one is the work of one core.
    const [vision, decoder, text] = await Promise.all([
      packed.family.image && keep(open(packed, "vision", { device: towers, threads }, false)),
      keep(open(packed, "decoder", { device, threads }, prefill.isUsed)),
      openText(packed, pictures, options.imageLimits, keep),
    ]);
    throwIfAborted(options.signal);
    const timings = { packMs: packedAt - started, openMs: performance.now() - packedAt, packed: written };
    const imageProcessors = text.imageSpec && [text.imageSpec.imageProcessor, text.imageSpec.video?.videoProcessor];
    const memory = await keep(openMemory(options, packed, towers, imageProcessors, pictures !== undefined));
    const ofPlacement = [...placementNotes(placement, packed.manifest.weights), ...stateNotes(layers, chosen)];
    const told = [...notes, ...text.notes, ...ofPlacement, ...prefill.notes];
    const parts = { packed, vision, decoder, closeImages, memory, ...text, placement, threads, timings, notes: told };
    return new VisionLanguageModel(parts, options);
  });
}

interface Parts extends TextSide {
  readonly packed: PackedModel;
  /** Absent in a model that reads text only. */
  readonly vision: Graph | undefined;
  readonly decoder: Graph;
  readonly closeImages: () => Promise<void>;
  readonly memory: Memory;
  readonly placement: Placement;
  readonly threads: number;
  readonly timings: LoadTimings;
  readonly notes: readonly string[];
}

/** A request whose images are not encoded yet. */
interface ReadRequest extends Pick<PreparedChat, "options" | "newConstraint"> {
  readonly prompt: Prompt;
}

export class VisionLanguageModel implements LanguageModel {
  readonly tokenizer: Tokenizer;
  readonly timings: LoadTimings;
  readonly device: Device;
  readonly #parts: Parts;
  readonly #runner: DecoderRunner;
  readonly #engine: Engine<SequenceInputs>;
  /** One picture at a time through the vision graph: each run uses all threads, and the decoder needs some too. */
  readonly #vision = new Semaphore(1);
  readonly #closing = new Closing("the model");
  readonly #grammars: Grammars;

  /** @internal Use `loadModel`. */
  constructor(parts: Parts, options: LoadOptions) {
    this.#parts = parts;
    this.tokenizer = parts.tokenizer;
    this.timings = parts.timings;
    this.device = parts.placement.device;
    const { maxLength } = parts.packed.family.dimensions(parts.packed.config);
    this.#runner = new DecoderRunner(parts.packed, parts.decoder, {
      numSlots: options.maxSequences ?? 8,
      maxLength: Math.min(options.maxLength ?? maxLength, maxLength),
      prefixes: parts.memory.prefixes,
    });
    const { prefillChunk } = parts.placement;
    this.#engine = new Engine(this.#runner, { ...(prefillChunk && { prefillChunk }) });
    this.#grammars = new Grammars(parts.tokenizer);
  }

  get info(): ModelInfo {
    const { packed } = this.#parts;
    const { manifest } = packed;
    return {
      path: packed.path,
      modelType: manifest.model_type,
      weights: manifest.weights,
      blockSize: manifest.block_size,
      digest: manifest.source_digest,
      device: this.device,
      maxLength: this.#runner.maxLength,
      maxSequences: this.#runner.numSlots,
      readsImages: this.#parts.vision !== undefined,
      ...(this.#parts.imagesPerQuestion !== undefined && { imagesPerQuestion: this.#parts.imagesPerQuestion }),
      readsTools: /\btools\b/.test(this.#parts.chatTemplate ?? ""),
      notes: this.#parts.notes,
    };
  }

  get stats(): ModelStats {
    const { cacheBytes, cacheUsage, prefixCacheBytes } = this.#runner;
    const { features: store, near } = this.#parts.memory;
    const { stats: features } = store;
    const nearDuplicateBytes = near?.bytes ?? 0;
    return {
      ...this.#engine.stats(),
      cacheBytes,
      cacheUsage,
      prefixCacheBytes,
      nearDuplicateBytes,
      encoderCacheBytes: features.bytes,
      features,
    };
  }

  /**
   * Answers a conversation, streaming. Several calls at once share the decoder as one running batch; leaving the loop
   * early, or aborting `options.signal`, frees the sequence within one step.
   * @throws `invalid_request`, `unsupported` (a JSON schema's keyword, a checkpoint's vocabulary), `invalid_image`,
   * `too_large` (the prompt does not fit the context; before any picture is encoded), `overloaded`, `aborted`.
   */
  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    yield* this.generate(await this.prepare(messages, options));
  }

  /** All of `chat` up to the first token: several answers to one prompt share it. @throws as `chat`. */
  async prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<PreparedChat> {
    this.#begin("chat", options);
    const started = performance.now();
    return this.#see(await this.#read(messages, this.#settled(options)), started);
  }

  /**
   * Bytes of pixel values that `prepare` holds until the pictures are encoded, by their headers: asked before guardrails
   * and the tokenizer read the messages. @throws as `prepare`, of what needs no pixels: too long a text too.
   */
  async pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    this.#begin("pixelBytes", options);
    const maxTokens = this.#runner.maxLength;
    const maxCharacters = charactersPerToken * maxTokens;
    const bounds = { maxTokens, maxCharacters, ...(options.tools && { tools: options.tools }) };
    return this.#parts.processor.pixelBytes(messages, { ...imageOptions(options), ...bounds });
  }

  /** A prompt without turns or pictures, for plain continuation; it may spell structure. @throws `invalid_request`, `too_large`. */
  async prepareText(prompt: string | readonly number[], options: ChatOptions = {}): Promise<PreparedChat> {
    this.#begin("prepareText", options);
    const started = performance.now();
    const { maxLength } = this.#runner;
    const most = charactersPerToken * maxLength;
    if (prompt.length > most)
      throw new OcellusError("too_large", `the prompt has ${prompt.length} characters, at most ${most} are accepted`);
    const encoding = { addSpecialTokens: true, maxTokens: maxLength };
    const ids =
      typeof prompt === "string" ? await this.#parts.textWorkers.encode(prompt, encoding, options.signal) : prompt;
    const promptIds = Int32Array.from(ids);
    const settled = this.#settled(options);
    const newConstraint = this.#checked(promptIds, settled);
    const { family, config } = this.#parts.packed;
    const prefix = this.#prefixOf({ ids: promptIds, images: [] });
    const inputs = { images: [], positions: family.positions(config, promptIds, []), prefix };
    return { promptIds, inputs, newConstraint, options: settled, images: [], started, visionMs: 0 };
  }

  /** The answer to a prepared prompt. @throws `overloaded`, `aborted`. */
  async *generate(prepared: Prepared): AsyncGenerator<ChatEvent> {
    this.#closing.check();
    invariant("inputs" in prepared, "a prompt is answered by the model that has prepared it");
    yield* this.#answer(prepared as PreparedChat);
  }

  /**
   * The whole answer and its measurements: each token's probability and top alternatives, the vision encoder's attention, and
   * how long each stage took. For the attention the picture goes once more through the vision graph, on the CPU.
   * @throws as `chat`.
   */
  async trace(messages: readonly ChatMessage[], options: TraceOptions = {}): Promise<Trace> {
    this.#begin("trace", options, traceOptionNames);
    const settled = this.#settled({ ...options, reuse: "exact", sampling: tracedSampling(options) }); // it looks at pixels
    const startedAt = performance.now();
    const read = await this.#read(messages, settled);
    const readAt = performance.now();
    const prepared = await this.#see(read, startedAt);
    const readyAt = performance.now();
    const recorder = new TokenRecorder();
    const { text, finishReason, usage } = await collect(this.#answer(prepared, recorder));
    const tokens = recorder.tokens(this.tokenizer);
    const stages = traceStages(startedAt, readAt, readyAt, tokens);
    const attention = await this.#lookAgain(read.prompt, options.signal);
    const pictures = prepared.images.map((picture, i) => {
      const { grid } = read.prompt.images[i]!;
      const { rows, columns } = viewsOf(grid).at(wholeOf(grid))!;
      return { ...picture, grid: { rows, columns }, attention: attention[i]! };
    });
    return { text, tokens, finishReason, usage, images: pictures, stages };
  }

  /** The whole answer at once. */
  async answer(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatResult> {
    return collect(this.chat(messages, options));
  }

  /**
   * What the model would have said next at each token of a given answer to a prepared prompt: logits [vocab_size] before
   * each of `ids` ("teacher forcing"). Runs beside the batch, in a cache of its own. @throws `too_large`.
   */
  async *score({ promptIds, inputs }: PreparedChat, ids: readonly number[]): AsyncGenerator<Float32Array> {
    const maxLength = promptIds.length + ids.length;
    this.#checkLength(maxLength);
    const { packed, decoder } = this.#parts;
    const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength });
    try {
      const all = [...promptIds, ...ids];
      const numKnown = runner.begin(0, all.slice(0, promptIds.length), inputs); // pictures in there have no features in `inputs`
      const numRead = promptIds.length - 1; // as the engine reads a prompt: its last token is the first decode step's
      const row = { slot: 0, payload: inputs };
      const unread = { ...row, tokens: all.slice(numKnown, numRead), position: numKnown, wantsLogits: false };
      if (numKnown < numRead) await runner.step({ kind: "prefill", rows: [unread] });
      for (let position = numRead; position < all.length - 1; position++) {
        const next = { ...row, tokens: [all[position]!], position, wantsLogits: true };
        const [logits] = await runner.step({ kind: "decode", rows: [next] });
        yield logits!;
      }
    } finally {
      await runner.close();
    }
  }

  /**
   * @internal What the decoder has at the last token of a prepared prompt, and of `more` ids behind it: its logits, or another
   * output that it was opened with. Beside the batch, in a cache of its own. @throws `too_large`.
   */
  async lastRow(
    { promptIds, inputs }: PreparedChat,
    more: readonly number[] = [],
    output?: RowOutput,
  ): Promise<Float32Array> {
    const tokens = [...promptIds, ...more];
    this.#checkLength(tokens.length);
    const { packed, decoder } = this.#parts;
    const maxLength = tokens.length + 1; // the runner reads an even number
    const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength, output });
    try {
      const position = runner.begin(0, tokens, inputs);
      const row = { slot: 0, tokens: tokens.slice(position), position, payload: inputs, wantsLogits: true };
      const [last] = await runner.step({ kind: "prefill", rows: [row] });
      return last!.slice();
    } finally {
      await runner.close();
    }
  }

  #checkLength(numTokens: number): void {
    this.#closing.check();
    const { maxLength: most } = this.#runner;
    if (numTokens <= most) return;
    const message = `prompt and answer have ${numTokens} tokens, at most ${most} fit`;
    throw new OcellusError("too_large", message, { details: { tokens: numTokens, most } });
  }

  /**
   * What of a picture the model is shown: for whoever must see exactly that, and no other.
   * @throws `unsupported` without a vision encoder, `too_large` where it alone is more than the context holds.
   */
  modelView(image: RgbImage, budget: PixelBudget = {}): RgbImage {
    const { imageSpec, packed } = this.#parts;
    if (!imageSpec) throw new OcellusError("unsupported", `${packed.path} reads text only: it is shown no images`);
    const imageProcessor = withPixelBudget(imageSpec.imageProcessor, budget);
    checkContextLength(0, [gridOf(image, imageProcessor)], imageSpec, { maxTokens: this.#runner.maxLength });
    return modelView(image, imageProcessor);
  }

  /**
   * Encodes a picture and keeps that, whatever else is asked about, until the returned function is called: for pictures that are
   * sent once and asked about for long. @throws `unsupported`, `too_large` (the budget `memory.pinnedBytes`), and as `chat`.
   */
  async pin(picture: ImageInput, { signal }: { readonly signal?: AbortSignal } = {}): Promise<() => void> {
    this.#closing.check();
    const { imageSpec, memory, packed } = this.#parts;
    if (!imageSpec) throw new OcellusError("unsupported", `${packed.path} reads text only: it has no images to pin`);
    const seen = await this.#readOne(picture, signal);
    this.#closing.check();
    return memory.features.pin(memory.keyOf(seen), this.#encode(seen), signal);
  }

  /** Names what makes this model's vectors of pictures: equal versions give comparable ones. */
  get vectorVersion(): string {
    return this.#parts.memory.vectorVersion;
  }

  /**
   * A vector to find the image by, of length one: the mean over the vision encoder's output, before a resampler where there
   * is one. What is cached of the image is not encoded again. @throws as `decodeImage`, `unsupported` without one, `aborted`.
   */
  async embedImage(picture: ImageInput, { signal }: Pick<ChatOptions, "signal"> = {}): Promise<Float32Array> {
    this.#checkReadsImages();
    const image = await this.#readOne(picture, signal);
    const { memory } = this.#parts;
    const { features } = await memory.features.get(memory.keyOf(image), this.#encode(image), signal);
    return pooledVector(features, image);
  }

  async #readOne(picture: ImageInput, signal: AbortSignal | undefined): Promise<PromptImage> {
    const content = [{ type: "image", image: picture } as const];
    const options = { maxTokens: this.#runner.maxLength, ...(signal && { signal }) };
    return (await this.#parts.processor.process([{ role: "user", content }], options)).images[0]!;
  }

  /** What the vision graph makes of a prepared picture. */
  async encodeImage(pixels: PixelValues): Promise<EncodedImage> {
    return encodeImage(this.#checkReadsImages(), this.#parts.packed, pixels);
  }

  #checkReadsImages(): Graph {
    this.#closing.check();
    const { vision, packed } = this.#parts;
    if (vision) return vision;
    throw new OcellusError("unsupported", `${packed.path} reads text only: it has no vision graph`);
  }

  /**
   * Frees all that the model holds. Answers that are being written end with `closed`, and so does whatever is asked later;
   * closing again waits for the first time.
   */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      await this.#engine.close();
      await this.#runner.close();
      await this.#parts.closeImages();
      await this.#parts.textWorkers.close();
      await this.#parts.memory.close();
      await this.#vision.run(async () => this.#parts.vision?.close()); // not under the feet of a run
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

  /** What the model is asked, checked, before anything costly. */
  async #read(messages: readonly ChatMessage[], options: ChatOptions): Promise<ReadRequest> {
    const { memory, seeImage } = this.#parts;
    const { tools, signal, reuse = memory.reuse } = options;
    const prompt = await this.#parts.processor.process(messages, {
      ...imageOptions(options),
      enableThinking: options.enableThinking,
      maxCharacters: charactersPerToken * this.#runner.maxLength,
      maxTokens: this.#runner.maxLength,
      ...(tools && { tools }),
      seeImage: seeingFor(reuse, seeImage, memory),
    });
    const newConstraint = this.#checked(prompt.ids, options);
    throwIfAborted(signal);
    return { prompt, newConstraint, options };
  }

  async #see({ prompt, ...request }: ReadRequest, started: number): Promise<PreparedChat> {
    const visionStarted = performance.now();
    const { inputs, images: pictures } = await this.#sequenceInputs(prompt, request.options.signal);
    const visionMs = performance.now() - visionStarted;
    return {
      ...request,
      promptIds: prompt.ids,
      inputs,
      images: pictures,
      started,
      visionMs,
      opensReasoning: opensReasoning(prompt.text),
    };
  }

  #answer(prepared: PreparedChat, recorder?: TokenRecorder): AsyncGenerator<ChatEvent> {
    const { promptIds, inputs, options, newConstraint } = prepared;
    const constraint = newConstraint?.();
    const request = { ...this.#request(promptIds, options), payload: inputs, ...(constraint && { constraint }) };
    const events = this.#engine.submit(request, options.signal);
    return streamChat(recorder?.record(events) ?? events, { tokenizer: this.tokenizer, prepared });
  }

  async #lookAgain({ images }: Prompt, signal: AbortSignal | undefined) {
    const { packed, threads } = this.#parts;
    return this.#vision.run(() => lookAgain(images, packed, { threads, signal }), signal);
  }

  /** Pictures that are in the known beginning of the prompt need no features: the decoder has read them. */
  async #sequenceInputs(prompt: Prompt, signal: AbortSignal | undefined) {
    const { packed, memory, familiar } = this.#parts;
    const { family, config } = packed;
    const prefix = this.#prefixOf(prompt);
    const images: PlacedImage[] = [];
    const pictures: ChatImage[] = [];
    for (const image of prompt.images) {
      const { start, numTokens, spans } = image;
      const isRead = start + numTokens <= prefix.known.length;
      const found = isRead ? undefined : await memory.features.get(memory.keyOf(image), this.#encode(image), signal);
      if (found) images.push(...placed(spans, imageFeatures(found.features, family.numDeepstack(config))));
      const familiarity = familiar?.of(memory.keyOf(image), () => found && pooledVector(found.features, image));
      const facts = imageFacts(image, found?.source ?? "prefix");
      pictures.push({ numTokens, ...facts, ...(familiarity && { familiarity }) });
    }
    const inputs: SequenceInputs = {
      images,
      positions: family.positions(config, prompt.ids, prompt.images),
      prefix,
    };
    return { inputs, images: pictures };
  }

  #prefixOf(prompt: Pick<Prompt, "ids" | "images">): CachedPrefix {
    const { memory, eosTokenIds } = this.#parts;
    const keys = tokenKeys(prompt, memory.keyOf);
    const named = { keys, points: snapshotPoints(prompt, eosTokenIds) };
    return { ...named, known: this.#runner.cachedBlocks(named) };
  }

  #encode(image: SeenImage): (unwanted: AbortSignal) => Promise<Features> {
    return async (unwanted) => {
      if (image.standsFor) return image.standsFor.features; // forgotten since
      const pixels = await image.pixels();
      return (await this.#vision.run(() => this.encodeImage(pixels), unwanted)).outputs; // checks that it is open
    };
  }

  /** The checkpoint's own defaults under what the caller says. */
  #settled(options: ChatOptions): ChatOptions {
    const { defaults } = this.#parts;
    return { ...defaults, ...options, sampling: { ...defaults.sampling, ...options.sampling } };
  }

  /** What makes the constraints of its answers. @throws what the engine refuses of a request, and a grammar of its schema. */
  #checked(ids: Int32Array, options: ChatOptions): (() => Constraint) | undefined {
    const newConstraint = this.#grammars.constraint(options.responseFormat, options.toolConstraint);
    this.#engine.check(this.#request(ids, options));
    return newConstraint;
  }

  #request(ids: Int32Array, { maxTokens = defaultMaxTokens, sampling = {}, stopTokenIds = [] }: ChatOptions) {
    return {
      promptIds: Array.from(ids),
      sampling,
      maxTokens,
      stopTokenIds: [...this.#parts.eosTokenIds, ...stopTokenIds],
    };
  }
}

function imageFacts({ digest, standsFor }: SeenImage, source: ChatImage["source"]): Omit<ChatImage, "numTokens"> {
  if (!standsFor) return { digest, source, known: source !== "encoded" };
  const { digest: own, similarity } = standsFor;
  return { digest: own, source: "near", known: true, near: { digest, similarity } };
}

/** How pictures are looked at, in the processor's words. */
function imageOptions({ minPixels, maxPixels, signal }: ChatOptions) {
  return { minPixels, maxPixels, ...(signal && { signal }) };
}

/** English has about four; text that is longer than this for every token of the context need not be tokenised to be refused. */
const charactersPerToken = 8;

/** Long enough for a description, short enough that a model that never stops costs seconds, not minutes. */
const defaultMaxTokens = 512;
