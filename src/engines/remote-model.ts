/**
 * A model that an engine elsewhere runs, as a model like one of this process: behind the same guardrails, metrics, audit log and
 * canaries. Images are decoded, turned and sized here; what an engine cannot be asked for is refused by its name.
 *
 *   messages ─ images written ─→ request ─ engine ─→ events ─→ text, thoughts, calls as <tool_call> blocks
 */
import { Closing, invariant, OcellusError, refuseUnknownOptions, throwIfAborted } from "../core/base/index.js";
import { type PixelBudget, type RgbImage, resize } from "../core/image/spec/index.js";
import {
  type ChatEvent,
  type ChatMessage,
  type ChatOptions,
  chatOptionNames,
  checkFields,
  defaultMaxTokens,
  defaultThoughts,
  fieldTop,
  type LanguageModel,
  type ModelInfo,
  type ModelStats,
  type Prepared,
} from "../core/runtime/index.js";
import { descriptionDigest, type EngineDescription } from "./description.js";
import { askedImages, engineMessages } from "./messages.js";
import { budgetOf, OutgoingImages, type OutgoingOptions, sizeWithin } from "./outgoing-images.js";
import type { AnsweringEngine } from "./pinned.js";
import { type PreparedRemote, remoteAnswer } from "./remote-answer.js";
import { checkFields as checkExtraFields, type EngineRequest } from "./request.js";

export interface RemoteParts extends Pick<OutgoingOptions, "decode" | "limits"> {
  readonly description: EngineDescription;
  readonly engine: AnsweringEngine;
}

export class RemoteModel implements LanguageModel {
  readonly info: ModelInfo;
  readonly #parts: RemoteParts;
  readonly #images: OutgoingImages;
  readonly #closing = new Closing("the model");
  #running = 0;

  constructor(parts: RemoteParts) {
    const { description, decode, limits } = parts;
    this.#parts = parts;
    this.info = infoOf(description);
    this.#images = new OutgoingImages({ decode, limits, modelDigest: this.info.digest });
  }

  get stats(): ModelStats {
    const { description, engine } = this.#parts;
    const { imageTraffic } = engine;
    return { waiting: 0, running: this.#running, slots: description.maxSequences, imageTraffic };
  }

  async pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    this.#closing.check();
    let numBytes = 0;
    for (const { image, detail } of this.#asked(messages, options))
      numBytes += await this.#images.pixelBytes(image, this.#budget(options, detail), options.signal);
    return numBytes;
  }

  /** @throws `invalid_request`, `unsupported`, as `decodeImage`, `aborted`, `closed` */
  async prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<PreparedRemote> {
    this.#closing.check();
    const started = performance.now();
    this.#checkOptions(options);
    this.#asked(messages, options);
    const { signal } = options;
    const visionStarted = performance.now();
    const written = await engineMessages(messages, (image, detail = options.detail) =>
      this.#images.write(image, this.#budget(options, detail), signal),
    );
    throwIfAborted(signal);
    const images = written.images.map(({ digest, sent, shown }) => ({
      ...{ digest, sent, shown, source: "encoded" as const, known: false },
    }));
    const visionMs = images.length > 0 ? performance.now() - visionStarted : 0;
    return { messages: written.messages, outgoing: written.images, images, options, started, visionMs };
  }

  async prepareText(): Promise<never> {
    throw unsupported("prompt", "an engine elsewhere is asked by messages; use /v1/chat/completions");
  }

  /** @throws as `EngineClient.chat` */
  async *generate(prepared: Prepared): AsyncGenerator<ChatEvent> {
    this.#closing.check();
    invariant("outgoing" in prepared, "a prompt is answered by the model that has prepared it");
    const asked = prepared as PreparedRemote;
    this.#running++;
    try {
      const events = this.#parts.engine.chat(requestOf(asked, this.#parts.description), asked.options.signal);
      yield* remoteAnswer(events, asked);
    } catch (error) {
      if (this.#closing.isClosed) throw this.#closing.error();
      throw error;
    } finally {
      this.#running--;
    }
  }

  /** The engine sizes it once more, by rules of its own. */
  modelView(image: RgbImage, budget: PixelBudget = {}): RgbImage {
    const { width, height } = sizeWithin(image, budgetOf(budget, this.#parts.description.maxPixels));
    return width === image.width && height === image.height ? image : resize(image, width, height, "lanczos");
  }

  close(): Promise<void> {
    return this.#closing.run(() => this.#parts.engine.close());
  }

  /** @throws `unsupported` where there are images and it reads none */
  #asked(messages: readonly ChatMessage[], options: ChatOptions) {
    const images = askedImages(messages);
    if (images.length > 0 && !this.info.readsImages)
      throw unsupported("image_url", `the engine reads no images with ${this.info.engine!.model}`);
    this.#budget(options, undefined);
    return images;
  }

  #budget(options: ChatOptions, detail = options.detail): number {
    return budgetOf({ ...options, detail }, this.#parts.description.maxPixels);
  }

  #checkOptions(options: ChatOptions): void {
    refuseUnknownOptions("chat", options, chatOptionNames);
    checkFields(options);
    const { can, kind } = this.#parts.description;
    checkExtraFields(kind, options);
    for (const field of ["boxes", "citeFields"] as const)
      if (options[field])
        throw unsupported(field, "how the model of an engine elsewhere writes places is not known here");
    if (options.zoom) throw unsupported("zoom", "it is a wish of withMiddleware(model, zoomOnDoubt(model))");
    if (options.reuse === "near") throw unsupported("reuse", "an engine elsewhere knows images by their pixels only");
    if (options.tools?.length && !can.tools) throw unsupported("tools", "the engine takes none with this model");
    const format = options.responseFormat?.type ?? "text";
    if (format !== "text" && !can.schema)
      throw unsupported("response_format", `the engine does not keep answers to ${format}`);
    if ((options.sampling?.logprobs || options.fields) && !can.logprobs)
      throw unsupported(options.fields ? "fields" : "logprobs", "the engine reports no probabilities");
  }
}

function infoOf(description: EngineDescription): ModelInfo {
  const { kind, url, model, can, maxLength, maxSequences } = description;
  return {
    engine: { kind, url, model },
    modelType: kind,
    digest: descriptionDigest(description),
    ...{ maxLength, maxSequences },
    readsImages: can.images,
    readsTools: can.tools,
    ...(can.thinking && { thinking: can.thinking }),
    notes: [],
  };
}

/** Fields need the probabilities of all tokens, whether its client asked for them or not. */
function requestOf({ messages, options }: PreparedRemote, { can }: EngineDescription): EngineRequest {
  const { fields, sampling, thinkingBudget = defaultThoughts } = options;
  const { maxTokens = defaultMaxTokens + (can.thinking ? thinkingBudget : 0) } = options;
  const forFields = fields ? { sampling: { ...sampling, logprobs: true, top_logprobs: fieldTop } } : {};
  return { ...options, maxTokens, ...forFields, messages };
}

function unsupported(param: string, problem: string): OcellusError {
  return new OcellusError("unsupported", `${param}: ${problem}`, { details: { param } });
}
