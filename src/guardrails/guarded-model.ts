/**
 * The one door to a model: the same model, of which nothing is asked and from which nothing comes without the guards. The
 * server's shelf and the command line hand out no other, so that a new route or command cannot go around it.
 */
import { invariant, OcellusError } from "../core/base/index.js";
import type { ImageInput, SampledVideo, VideoFile } from "../core/image/node/index.js";
import type { ImageDetail, RgbImage } from "../core/image/spec/index.js";
import {
  type Capabilities,
  type ChatMessage,
  type ChatOptions,
  type LanguageModel,
  type LocalFacts,
  type LocalStats,
  type Middleware,
  MiddlewareModel,
  type Prepared,
  type Trace,
  zoomOnDoubt,
} from "../core/runtime/index.js";
import {
  type Asking,
  admittedImage,
  admittedText,
  type Gatekeeper,
  guardedImage,
  guardedVideo,
  recorded,
  signalOf,
  type Viewer,
} from "./admitted.js";
import { guardedAnswer } from "./answer.js";
import { guardedConversation, guardedStrings, openingOf } from "./conversation.js";
import { type Evaluation, findingsOf, refusal } from "./evaluation.js";
import { plainJson, redacted } from "./layout.js";
import type { Reach } from "./verdict.js";

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
