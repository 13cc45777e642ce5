/**
 * A request, read and checked before anything costly: its messages become token ids and pixel values, its options get the
 * checkpoint's defaults, its constraint is compiled, and what the engine would refuse is refused here.
 */
import { OcellusError, throwIfAborted } from "../base/index.js";
import type { Constraint, Engine, EngineRequest } from "../engine/index.js";
import { behindThoughts, Grammars } from "../grammar/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { ChatMessage, Prompt } from "../processor/portable.js";
import { citedFormat, PlacesReader } from "./boxes.js";
import type { ChatOptions, PreparedChat } from "./chat.js";
import { checkFields, fieldTop } from "./field-confidence.js";
import { type Memory, seeingFor, snapshotPoints, tokenKeys } from "./memory.js";
import type { TextSide } from "./open-text.js";
import { type ReasoningStart, reasoningStart, thinkingOf } from "./reasoning.js";
import type { DecoderRunner } from "./runner.js";
import type { CachedPrefix, SequenceInputs } from "./sequence-inputs.js";
import { renderingOf } from "./template-options.js";

/** English has about four; text that is longer than this for every token of the context need not be tokenised to be refused. */
const charactersPerToken = 8;

/** Long enough for a description, short enough that a model that never stops costs seconds, not minutes. */
export const defaultMaxTokens = 512;

/** Of thoughts that have no budget: minutes, too. The least budget that published services take is 1024. */
export const defaultThoughts = 4096;

export interface RequestReaderParts extends TextSide {
  readonly packed: PackedModel;
  readonly memory: Memory;
}

/** A request whose images are not encoded yet. */
export interface ReadRequest extends Pick<PreparedChat, "options" | "newConstraint" | "places" | "reasoning"> {
  readonly prompt: Prompt;
}

export class RequestReader {
  readonly #parts: RequestReaderParts;
  readonly #runner: DecoderRunner;
  readonly #engine: Engine<SequenceInputs>;
  readonly #grammars: Grammars;

  constructor(parts: RequestReaderParts, runner: DecoderRunner, engine: Engine<SequenceInputs>) {
    this.#parts = parts;
    this.#runner = runner;
    this.#engine = engine;
    this.#grammars = new Grammars(parts.tokenizer);
  }

  async read(messages: readonly ChatMessage[], asked: ChatOptions): Promise<ReadRequest> {
    const given = this.#withDefaults(asked);
    const { memory, processor, seeImage, chatTemplate, packed, imageSpec } = this.#parts;
    const { signal, reuse = memory.reuse, citeFields = false, boxes = citeFields } = given;
    const rendering = renderingOf(given, chatTemplate);
    const seeing = { seeImage: seeingFor(reuse, seeImage, memory) };
    const prompt = await processor.process(messages, { ...this.#limits(given), ...seeing, ...rendering });
    const places = boxes ? new PlacesReader(packed.family, prompt, imageSpec) : undefined;
    const cited = citeFields && places ? { responseFormat: citedFormat(given, places) } : {};
    const start = reasoningStart(prompt.text, thinkingOf(chatTemplate), prompt.begun);
    const options = withRoomToThink({ ...given, ...cited }, start);
    const newConstraint = this.#checked(prompt.ids, options, start);
    throwIfAborted(signal);
    return { prompt, newConstraint, options, places, ...(start && { reasoning: start }) };
  }

  /** A text without turns and images, or its ids. */
  async readText(text: string | readonly number[], asked: ChatOptions): Promise<ReadRequest> {
    const options = this.#withDefaults(asked);
    refusePlaces(options);
    const { maxLength } = this.#runner;
    const most = charactersPerToken * maxLength;
    if (text.length > most)
      throw new OcellusError("too_large", `the prompt has ${text.length} characters, at most ${most} are accepted`);
    const encoding = { addSpecialTokens: true, maxTokens: maxLength };
    const { textWorkers } = this.#parts;
    const ids = Int32Array.from(
      typeof text === "string" ? await textWorkers.encode(text, encoding, options.signal) : text,
    );
    return { prompt: { ids, images: [], text: "" }, newConstraint: this.#checked(ids, options), options };
  }

  pixelBytes(messages: readonly ChatMessage[], options: ChatOptions): Promise<number> {
    return this.#parts.processor.pixelBytes(messages, this.#limits(options));
  }

  /** What the decoder has cached of a prompt, and where it may add to that. */
  prefixOf(prompt: Pick<Prompt, "ids" | "images">): CachedPrefix {
    const { memory, eosTokenIds } = this.#parts;
    const keys = tokenKeys(prompt, memory.keyOf);
    const named = { keys, points: snapshotPoints(prompt, eosTokenIds) };
    return { ...named, known: this.#runner.cachedBlocks(named) };
  }

  /** In the engine's words. */
  engineRequest(
    ids: Int32Array,
    { maxTokens = defaultMaxTokens, sampling = {}, stopTokenIds = [], fields = false }: ChatOptions,
  ): Omit<EngineRequest<SequenceInputs>, "payload"> {
    const { eosTokenIds } = this.#parts;
    const ends = [...eosTokenIds, ...stopTokenIds];
    const asked = { promptIds: Array.from(ids), sampling, maxTokens, stopTokenIds: ends };
    return { ...asked, ...(fields && { constrainedTop: fieldTop }) };
  }

  #limits({ minPixels, maxPixels, imageTokens, detail, signal, tools }: ChatOptions) {
    const maxTokens = this.#runner.maxLength;
    const bounds = {
      minPixels,
      maxPixels,
      imageTokens,
      detail,
      maxTokens,
      maxCharacters: charactersPerToken * maxTokens,
    };
    return { ...bounds, ...(tools && { tools }), ...(signal && { signal }) };
  }

  /** The checkpoint's own defaults under what the caller says. */
  #withDefaults(options: ChatOptions): ChatOptions {
    const { defaults } = this.#parts;
    return { ...defaults, ...options, sampling: { ...defaults.sampling, ...options.sampling } };
  }

  /** What makes the constraints of its answers. @throws what the engine refuses of a request, and a grammar of its schema. */
  #checked(ids: Int32Array, options: ChatOptions, start?: ReasoningStart): (() => Constraint) | undefined {
    checkFields(options);
    const answer = this.#grammars.constraint(options.responseFormat, options.toolConstraint);
    this.#engine.check(this.engineRequest(ids, options));
    if (!start) return answer;
    return behindThoughts(
      answer,
      { isOpened: start === "opened", budget: options.thinkingBudget },
      this.#parts.tokenizer,
    );
  }
}

/** @throws `invalid_request`: a text without turns has no image. */
function refusePlaces({ boxes, citeFields }: ChatOptions): void {
  if (!boxes && !citeFields) return;
  throw new OcellusError("invalid_request", "boxes: expected a question with one image, found a plain text", {
    details: { param: "boxes", expected: 1, found: 0 },
  });
}

function withRoomToThink(options: ChatOptions, start: ReasoningStart | undefined): ChatOptions {
  const { maxTokens, thinkingBudget = defaultThoughts } = options;
  return start && maxTokens === undefined ? { ...options, maxTokens: defaultMaxTokens + thinkingBudget } : options;
}
