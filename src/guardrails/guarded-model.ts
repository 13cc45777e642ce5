/**
 * The one door to a model: the same model, of which nothing is asked and from which nothing comes without the guards. The
 * server's shelf and the command line hand out no other, so that a new route or command cannot go around it.
 */
import { invariant } from "../core/base/index.js";
import type { ImageInput } from "../core/image/node/index.js";
import type { RgbImage } from "../core/image/spec/index.js";
import type {
  ChatEvent,
  ChatMessage,
  ChatOptions,
  ChatResult,
  ClipModel,
  PreparedChat,
  Trace,
  TraceOptions,
  VisionLanguageModel,
} from "../core/runtime/index.js";
import { collect } from "../core/runtime/index.js";
import { guardedAnswer } from "./answer.js";
import { answerForm } from "./answer-form.js";
import { guardedConversation, guardedStrings, openingOf } from "./conversation.js";
import { type Evaluation, findingsOf, refusal } from "./evaluation.js";
import type { ImageReader } from "./image-reader.js";
import { plainJson, redacted } from "./layout.js";
import type { Reach } from "./verdict.js";

type Shown = Partial<Pick<VisionLanguageModel, "shown">>;

/** What the door asks of a model that answers: tests script one. */
export type AnsweringModel = Partial<Pick<VisionLanguageModel, "shown" | "embedImage" | "vectorVersion" | "pin">> &
  Pick<
    VisionLanguageModel,
    "info" | "stats" | "tokenizer" | "pixelBytes" | "prepare" | "prepareText" | "generate" | "close"
  >;
/** Of one that embeds. */
export type EmbeddingModel = Shown &
  Pick<ClipModel, "info" | "embedImage" | "embedText" | "embedCounted" | "vectorVersion" | "close">;

/** Whoever stands at the door. */
export interface DoorKeeper {
  readonly pictures: ImageReader;
  /** @param opening of a question that is answered: the texts that its conversation begins with */
  begin(model: string, opening?: readonly string[]): Promise<Evaluation>;
}

/** A model that answers, behind the guards. */
export class GuardedModel {
  readonly #model: AnsweringModel;
  readonly #guards: DoorKeeper;
  /** Prompts that have come in by this door. */
  readonly #passages = new WeakMap<PreparedChat, Evaluation>();

  constructor(model: AnsweringModel, guards: DoorKeeper) {
    this.#model = model;
    this.#guards = guards;
  }

  get info() {
    return this.#model.info;
  }

  get stats() {
    return this.#model.stats;
  }

  get tokenizer() {
    return this.#model.tokenizer;
  }

  close(): Promise<void> {
    return this.#model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As the model's: of headers, before anything is looked at. */
  pixelBytes(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<number> {
    return this.#model.pixelBytes(messages, options);
  }

  /** As the model's. @throws as it, `blocked`, `unavailable` (a guard that must look and cannot). */
  async prepare(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<PreparedChat> {
    const { passage, conversation, tools } = await this.enter(messages, options);
    const prepared = await this.#model.prepare(conversation, { ...options, ...tools });
    this.#passages.set(prepared, passage);
    return prepared;
  }

  /** A picture that is kept to be shown to the model later. @throws `blocked`, `unavailable`. */
  admitImage(input: ImageInput, options: Asking = {}): Promise<ImageInput> {
    return admittedPicture(input, this.#model, this.#guards, options);
  }

  /** A text that is kept, as it may be. @throws `blocked`, `unavailable`. */
  admitText(text: string, options: Asking = {}): Promise<string> {
    return admittedText(text, this.#model, this.#guards, options);
  }

  /** As the model's; ids are checked as the text that they spell. @throws as `prepare`. */
  async prepareText(prompt: string | readonly number[], options: ChatOptions = {}): Promise<PreparedChat> {
    const passage = await this.#guards.begin(this.info.digest, []);
    const text = typeof prompt === "string" ? prompt : this.tokenizer.decode([...prompt], { skipSpecialTokens: false });
    const checked = await recorded(passage, () => passage.text(text, signalOf(options)));
    const prepared = await this.#model.prepareText(checked === text ? prompt : checked, options);
    this.#passages.set(prepared, passage);
    return prepared;
  }

  /** As the model's; what a guard blocks ends with `content_filter`. @throws as the model's. */
  async *generate(prepared: PreparedChat, options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    const passage = this.#passages.get(prepared);
    invariant(passage, "a prompt is answered by the door that it came in by");
    const hasStops = (options.stop ?? []).length > 0;
    const context = { passage, prepared, form: answerForm(options), hasStops, signal: signalOf(options) };
    yield* guardedAnswer(this.#model.generate(prepared, options), context);
  }

  /** As the model's; undefined where it makes no vectors of pictures. */
  get vectorVersion(): string | undefined {
    return this.#model.vectorVersion;
  }

  /** As the model's, where it has a `vectorVersion`. @throws as it, `blocked`, `unavailable`. */
  async embedImage(input: ImageInput, options: Asking = {}): Promise<Float32Array> {
    invariant(this.#model.embedImage, "who is asked for a vector has a version of vectors");
    return this.#model.embedImage(await this.admitImage(input, options), options);
  }

  /** As the model's; undefined where it keeps no pictures. @throws as it, `blocked`, `unavailable`. */
  get pin(): VisionLanguageModel["pin"] | undefined {
    const { pin } = this.#model;
    if (!pin) return undefined;
    return async (input, options = {}) =>
      pin.call(this.#model as VisionLanguageModel, await this.admitImage(input, options), options);
  }

  /** @internal The conversation as it may be shown to the model. */
  async enter(messages: readonly ChatMessage[], options: ChatOptions) {
    const passage = await this.#guards.begin(this.info.digest, openingOf(messages));
    const signal = signalOf(options);
    const { minPixels = "", maxPixels = "" } = options;
    const budget = {
      ...(options.minPixels !== undefined && { minPixels: options.minPixels }),
      ...(options.maxPixels !== undefined && { maxPixels: options.maxPixels }),
    };
    const eye = {
      frame: `${this.info.digest} ${minPixels}-${maxPixels}`,
      shown: this.#model.shown && ((image: RgbImage) => this.#model.shown!(image, budget)),
    };
    return recorded(passage, async () => {
      const seen = new Map<ImageInput, Promise<ImageInput>>(); // an input that stands twice stays one
      const picture = (input: ImageInput) => {
        const found = seen.get(input) ?? guardedPicture(input, passage, eye, this.#guards, signal);
        seen.set(input, found);
        return found;
      };
      const text = (words: string) => passage.text(words, signal);
      const json = (value: string) => passage.text(value, signal, plainJson);
      const seams = (texts: readonly string[], reach: Reach) => passage.seams(texts, reach, signal);
      const conversation = await guardedConversation(messages, { text, json, picture, seams });
      const tools = options.tools && { tools: await guardedStrings(options.tools, text) };
      return { passage, conversation, tools: tools ?? {} };
    });
  }
}

/** The whole model of one command, behind the guards. */
export class GuardedVisionLanguageModel extends GuardedModel {
  readonly #model: VisionLanguageModel;

  constructor(model: VisionLanguageModel, guards: DoorKeeper) {
    super(model, guards);
    this.#model = model;
  }

  override get vectorVersion(): string {
    return this.#model.vectorVersion;
  }

  get timings() {
    return this.#model.timings;
  }

  get device() {
    return this.#model.device;
  }

  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    yield* this.generate(await this.prepare(messages, options), options);
  }

  async answer(messages: readonly ChatMessage[], options: ChatOptions = {}): Promise<ChatResult> {
    return collect(this.chat(messages, options));
  }

  /** As the model's. A trace shows every token: what a guard would cut out of it, it blocks. */
  async trace(messages: readonly ChatMessage[], options: TraceOptions = {}): Promise<Trace> {
    const { passage, conversation } = await this.enter(messages, options);
    const trace = await this.#model.trace(conversation, options);
    const checks = await passage.look(
      { kind: "text", text: trace.text },
      passage.guards("output", "text"),
      signalOf(options),
    );
    const refused = checks.find(({ verdict: { verdict } }) => verdict === "block" || verdict === "redact");
    const text = redacted(trace.text, findingsOf(checks));
    await passage.record("output", { text, finishReason: refused ? "content_filter" : trace.finishReason });
    if (refused) throw refusal(refused, "the answer", passage.reports);
    return trace;
  }
}

/** A model that embeds, behind the guards. */
export class GuardedEmbedder {
  readonly #model: EmbeddingModel;
  readonly #guards: DoorKeeper;

  constructor(model: EmbeddingModel, guards: DoorKeeper) {
    this.#model = model;
    this.#guards = guards;
  }

  get info() {
    return this.#model.info;
  }

  close(): Promise<void> {
    return this.#model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get vectorVersion(): string {
    return this.#model.vectorVersion;
  }

  /** As `GuardedModel.admitImage`. */
  admitImage(input: ImageInput, options: Asking = {}): Promise<ImageInput> {
    return admittedPicture(input, this.#model, this.#guards, options);
  }

  /** As `GuardedModel.admitText`. */
  admitText(text: string, options: Asking = {}): Promise<string> {
    return admittedText(text, this.#model, this.#guards, options);
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedImage(input: ImageInput, options: Asking = {}): Promise<Float32Array> {
    return this.#model.embedImage(await this.admitImage(input, options), options);
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedText(text: string): Promise<Float32Array> {
    return this.#model.embedText(await this.admitText(text));
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedCounted(text: string): Promise<{ direction: Float32Array; numTokens: number }> {
    return this.#model.embedCounted(await this.admitText(text));
  }
}

type Asking = Pick<ChatOptions, "signal">;
type Viewer = Shown & { readonly info: { readonly digest: string } };

/** A picture that is shown to a model, or kept to be. @param model the one, if it is known, that it is shown to. */
export async function admittedPicture(
  input: ImageInput,
  model: Viewer,
  guards: DoorKeeper,
  options: Asking,
): Promise<ImageInput> {
  const { digest } = model.info;
  const passage = await guards.begin(digest);
  const eye = { frame: digest, shown: model.shown?.bind(model) };
  return recorded(passage, () => guardedPicture(input, passage, eye, guards, signalOf(options)));
}

/** A text that is kept and comes back. */
export async function admittedText(
  text: string,
  { info }: Pick<Viewer, "info">,
  guards: DoorKeeper,
  options: Asking,
): Promise<string> {
  const passage = await guards.begin(info.digest);
  return recorded(passage, () => passage.text(text, signalOf(options)));
}

/** The input's checks, in the audit log whether they let it pass or not. */
async function recorded<T>(passage: Evaluation, check: () => Promise<T>): Promise<T> {
  return check().finally(() => passage.record("input"));
}

function signalOf({ signal }: { readonly signal?: AbortSignal }): AbortSignal {
  return signal ?? new AbortController().signal;
}

interface Eye {
  readonly frame: string;
  readonly shown: ((image: RgbImage) => RgbImage) | undefined;
}

/** The bytes that were checked are the bytes that go on. */
async function guardedPicture(
  input: ImageInput,
  passage: Evaluation,
  { frame, shown }: Eye,
  { pictures }: DoorKeeper,
  signal: AbortSignal,
): Promise<ImageInput> {
  if (passage.guards("input", "picture").length === 0) return input;
  const { image, whole } = await pictures.read(input, signal);
  const seen = shown && { ...whole, view: "seen" as const, frame, pixels: async () => shown(await whole.pixels()) };
  await passage.picture(seen ? [whole, seen] : [whole], signal);
  return image;
}
