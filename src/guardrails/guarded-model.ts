/**
 * The one door to a model: the same model, of which nothing is asked and from which nothing comes without the guards. The
 * server's shelf and the command line hand out no other, so that a new route or command cannot go around it.
 */
import { invariant, OcellusError } from "../core/base/index.js";
import { type ImageInput, SampledVideo, type VideoFile } from "../core/image/node/index.js";
import type { ImageDetail, RgbImage } from "../core/image/spec/index.js";
import {
  type Capabilities,
  type ChatMessage,
  type ChatOptions,
  type DualEncoderModel,
  type EmbeddedText,
  type EmbedderInput,
  type EmbedderModel,
  type LanguageModel,
  type LocalFacts,
  type LocalStats,
  type Middleware,
  MiddlewareModel,
  type Prepared,
  type RerankerInput,
  type Trace,
  zoomOnDoubt,
} from "../core/runtime/index.js";
import { guardedAnswer } from "./answer.js";
import { guardedConversation, guardedStrings, openingOf } from "./conversation.js";
import { type Evaluation, findingsOf, refusal } from "./evaluation.js";
import type { ImageReader } from "./image-reader.js";
import { plainJson, redacted } from "./layout.js";
import type { Reach } from "./verdict.js";

type Shown = Pick<LanguageModel, "modelView">;

/** A model that embeds, as far as guardrails stand before it. */
export type EmbeddingModel = Shown &
  Pick<DualEncoderModel, "info" | "embedImage" | "embedText" | "embedCounted" | "vectorVersion" | "close"> &
  Partial<Pick<EmbedderModel, "embed">>;

/** What checks at the door. */
export interface Gatekeeper {
  readonly images: ImageReader;
  /** @param opening of a question that is answered: the texts that its conversation begins with */
  begin(model: string, opening?: readonly string[]): Promise<Evaluation>;
}

/** A model that answers, behind the guardrails. */
export class GuardedModel extends MiddlewareModel {
  readonly #viewer: Viewer;
  readonly #guards: Gatekeeper;

  constructor(model: LanguageModel, guards: Gatekeeper) {
    const guarded = new MiddlewareModel(model, [guardrails(model, guards)]);
    super(guarded, [zoomOnDoubt(guarded)]); // each of its questions passes the guardrails
    this.#viewer = model;
    this.#guards = guards;
  }

  /** An image that is kept to be shown to the model later. @throws `blocked`, `unavailable`. */
  admitImage(input: ImageInput, options: Asking = {}): Promise<ImageInput> {
    return admittedImage(input, this.#viewer, this.#guards, options);
  }

  /** A text that is kept, as it may be. @throws `blocked`, `unavailable`. */
  admitText(text: string, options: Asking = {}): Promise<string> {
    return admittedText(text, this.#viewer, this.#guards, options);
  }
}

/** One of this process, which does all that such a model does. */
export type GuardedVisionLanguageModel = GuardedModel &
  Required<Capabilities> & { readonly info: LocalFacts; readonly stats: LocalStats };

/** What was found in a prompt, with the prompt: whichever choice of it is answered. */
const evaluationOf = Symbol("evaluation");
type Evaluated = Prepared & { readonly [evaluationOf]?: Evaluation };

/**
 * The guardrails as a middleware: nothing comes into the model or out of it without them. All calls throw as the model's,
 * `blocked`, and `unavailable` of a guardrail that must look and cannot; a blocked answer ends with `content_filter`.
 */
export function guardrails(model: LanguageModel, guards: Gatekeeper): Required<Middleware> {
  const { digest } = model.info;
  const admit = (input: ImageInput, options: Asking = {}) => admittedImage(input, model, guards, options);
  return {
    async prepare(next, messages, options = {}) {
      const { evaluation, conversation, given } = await enter(model, guards, messages, options);
      return { ...(await next(conversation, { ...options, ...given })), [evaluationOf]: evaluation };
    },
    /** Ids are checked as the text that they spell. */
    async prepareText(next, prompt, options = {}) {
      const evaluation = await guards.begin(digest, []);
      const text = typeof prompt === "string" ? prompt : textOfIds(model, prompt);
      const checked = await recorded(evaluation, () => evaluation.text(text, signalOf(options)));
      return { ...(await next(checked === text ? prompt : checked, options)), [evaluationOf]: evaluation };
    },
    generate(next, prepared) {
      const evaluation = (prepared as Evaluated)[evaluationOf];
      invariant(evaluation, "a prompt is answered behind the guardrails that it came in by");
      return guardedAnswer(next(prepared), { evaluation, prepared });
    },
    embedImage: async (next, input, options) => next(await admit(input, options), options),
    pin: async (next, input, options) => next(await admit(input, options), options),
    /** What the caller brings is checked, the answer too; numbers come out. */
    async answerAttention(next, messages, answer, options = {}) {
      const { conversation, given } = await enter(model, guards, [...messages, said(answer)], options);
      const checked = conversation.at(-1)!.content;
      invariant(typeof checked === "string", "a text that guardrails cut is a text");
      return next(conversation.slice(0, -1), checked, { ...options, ...given });
    },
    /** A trace shows every token: what a guardrail would cut out of it, it blocks. */
    async trace(next, messages, options = {}) {
      const { evaluation, conversation, given } = await enter(model, guards, messages, options);
      return checkedTrace(await next(conversation, { ...options, ...given }), evaluation, signalOf(options));
    },
  };
}

function said(content: string): ChatMessage {
  return { role: "assistant", content };
}

/** @throws `unsupported` where no one here can spell them: what is not read is not let through. */
function textOfIds({ tokenizer }: LanguageModel, ids: readonly number[]): string {
  if (tokenizer) return tokenizer.decode([...ids], { skipSpecialTokens: false });
  throw new OcellusError("unsupported", "prompt: expected a text, found token ids, which only the engine can spell", {
    details: { param: "prompt", expected: "text", found: "token ids" },
  });
}

async function checkedTrace(trace: Trace, evaluation: Evaluation, signal: AbortSignal): Promise<Trace> {
  const { reasoning = "" } = trace;
  const written = reasoning === "" ? trace.text : `${reasoning}\n${trace.text}`;
  const checks = await evaluation.look({ kind: "text", text: written }, evaluation.guards("output", "text"), signal);
  const refused = checks.find(({ verdict: { verdict } }) => verdict === "block" || verdict === "redact");
  const text = redacted(written, findingsOf(checks));
  await evaluation.record("output", { text, finishReason: refused ? "content_filter" : trace.finishReason });
  if (refused) throw refusal(refused, "the answer", evaluation.reports);
  return trace;
}

/** The conversation as it may be shown to the model. */
async function enter(model: LanguageModel, guards: Gatekeeper, messages: readonly ChatMessage[], options: ChatOptions) {
  const { digest } = model.info;
  const evaluation = await guards.begin(digest, openingOf(messages));
  const signal = signalOf(options);
  const { minPixels, maxPixels, imageTokens, detail: ofAll } = options;
  const viewAt = (detail: ImageDetail | undefined) => {
    const budget = { minPixels, maxPixels, imageTokens, detail };
    return {
      frame: `${digest} ${minPixels ?? ""}-${maxPixels ?? ""} ${imageTokens ?? ""} ${detail ?? ""}`,
      modelView: model.modelView && ((image: RgbImage) => model.modelView!(image, budget)),
    };
  };
  return recorded(evaluation, async () => {
    const seen = new Map<ImageInput, Map<ImageDetail | undefined, Promise<ImageInput>>>(); // what stands twice stays one
    const picture = (input: ImageInput, detail = ofAll) => {
      const checks = seen.get(input) ?? new Map<ImageDetail | undefined, Promise<ImageInput>>();
      const found = checks.get(detail) ?? guardedImage(input, evaluation, viewAt(detail), guards, signal);
      seen.set(input, checks.set(detail, found));
      return found;
    };
    const text = (words: string) => evaluation.text(words, signal);
    const json = (value: string) => evaluation.text(value, signal, plainJson);
    const seams = (texts: readonly string[], reach: Reach) => evaluation.seams(texts, reach, signal);
    const video = (file: VideoFile | SampledVideo) => guardedVideo(file, evaluation, model, guards, signal);
    const conversation = await guardedConversation(messages, { text, json, image: picture, video, seams });
    const { tools, templateVariables } = options;
    const given = {
      ...(tools && { tools: await guardedStrings(tools, text) }),
      ...(templateVariables && { templateVariables: await guardedStrings(templateVariables, text) }),
    };
    return { evaluation, conversation, given };
  });
}

/** A model that embeds, behind the guards. */
export class GuardedEmbedder {
  readonly #model: EmbeddingModel;
  readonly #guards: Gatekeeper;

  constructor(model: EmbeddingModel, guards: Gatekeeper) {
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
    return admittedImage(input, this.#model, this.#guards, options);
  }

  /** As `GuardedModel.admitText`. */
  admitText(text: string, options: Asking = {}): Promise<string> {
    return admittedText(text, this.#model, this.#guards, options);
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedImage(input: ImageInput, options: Asking = {}): Promise<Float32Array> {
    return this.#model.embedImage(await this.admitImage(input, options), options);
  }

  /** A text, an image or both as one, and what for. @throws as the model's, `unsupported` where it cannot, `blocked`, `unavailable`. */
  async embed({ instruction, ...input }: EmbedderInput, options: Asking = {}): Promise<EmbeddedText> {
    if (!this.#model.embed)
      throw new OcellusError(
        "unsupported",
        "this model embeds a text or an image; both as one, or with an instruction, take Qwen3-VL-Embedding",
        { details: { param: "input" } },
      );
    const parts = await admittedParts(input, this.#model, this.#guards, options);
    const said = instruction && (await this.admitText(instruction, options));
    return this.#model.embed({ ...parts, ...(said && { instruction: said }) }, options);
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedText(text: string): Promise<Float32Array> {
    return this.#model.embedText(await this.admitText(text));
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedCounted(text: string): Promise<EmbeddedText> {
    return this.#model.embedCounted(await this.admitText(text));
  }
}

/** A text, an image or both, as they may be shown. */
export async function admittedParts(
  { text, image }: RerankerInput,
  model: Viewer,
  guards: Gatekeeper,
  options: Asking,
): Promise<RerankerInput> {
  return {
    ...(text !== undefined && { text: await admittedText(text, model, guards, options) }),
    ...(image !== undefined && { image: await admittedImage(image, model, guards, options) }),
  };
}

type Asking = Pick<ChatOptions, "signal">;
type Viewer = Shown & { readonly info: { readonly digest: string } };

/** A picture that is shown to a model, or kept to be. @param model the one, if it is known, that it is shown to. */
export async function admittedImage(
  input: ImageInput,
  model: Viewer,
  guards: Gatekeeper,
  options: Asking,
): Promise<ImageInput> {
  const { digest } = model.info;
  const evaluation = await guards.begin(digest);
  const view = { frame: digest, modelView: model.modelView?.bind(model) };
  return recorded(evaluation, () => guardedImage(input, evaluation, view, guards, signalOf(options)));
}

/** A text that is kept and comes back. */
export async function admittedText(
  text: string,
  { info }: Pick<Viewer, "info">,
  guards: Gatekeeper,
  options: Asking,
): Promise<string> {
  const evaluation = await guards.begin(info.digest);
  return recorded(evaluation, () => evaluation.text(text, signalOf(options)));
}

/** The input's checks, in the audit log whether they let it pass or not. */
async function recorded<T>(evaluation: Evaluation, check: () => Promise<T>): Promise<T> {
  return check().finally(() => evaluation.record("input"));
}

function signalOf({ signal }: { readonly signal?: AbortSignal }): AbortSignal {
  return signal ?? new AbortController().signal;
}

interface View {
  readonly frame: string;
  readonly modelView: ((image: RgbImage) => RgbImage) | undefined;
}

/** The bytes that were checked are the bytes that are passed on. */
async function guardedImage(
  input: ImageInput,
  evaluation: Evaluation,
  { frame, modelView }: View,
  { images }: Gatekeeper,
  signal: AbortSignal,
): Promise<ImageInput> {
  if (evaluation.guards("input", "image").length === 0) return input;
  const { image, whole } = await images.read(input, signal);
  const seen = modelView && {
    ...whole,
    view: "seen" as const,
    frame,
    pixels: async () => modelView(await whole.pixels()),
  };
  await evaluation.image(seen ? [whole, seen] : [whole], signal);
  return image;
}

/**
 * The frames that were checked are the frames that are passed on. One after another, since a video has many; they come in the
 * size that the model is shown, so that there is no other view of them.
 * @throws `unsupported` for a model that is shown no videos.
 */
async function guardedVideo(
  file: VideoFile | SampledVideo,
  evaluation: Evaluation,
  model: LanguageModel,
  guards: Gatekeeper,
  signal: AbortSignal,
): Promise<VideoFile | SampledVideo> {
  if (evaluation.guards("input", "image").length === 0) return file;
  if (!(file instanceof SampledVideo) && !model.sampleVideo)
    throw new OcellusError("unsupported", "this model is shown no video files; send a few frames as images", {
      details: { found: "videos", supported: ["text", "images"] },
    });
  const sampled = file instanceof SampledVideo ? file : await model.sampleVideo!(file, { signal });
  const view = { frame: model.info.digest, modelView: undefined };
  for (const frame of await sampled.frames({ signal })) await guardedImage(frame, evaluation, view, guards, signal);
  return sampled;
}
