/**
 * Does a text belong to a picture? Asked of a model that answers: one token, and how its probability is shared between
 * yes and no, in any of their spellings. Asked of two towers: the cosine. Of a classifier, whose label the text is: its probability.
 * How good the shares are: docs/benchmarks.md.
 */
import { nearestHint, nearestNames, OcellusError } from "../core/base/index.js";
import type { ImageInput } from "../core/image/node/index.js";
import { image } from "../core/processor/index.js";
import {
  type ChatNote,
  type ChatOptions,
  type ChatToken,
  collect,
  cosine,
  type DualEncoderModel,
  type ImageClassifier,
  type LanguageModel,
  noteText,
  spellingOf,
} from "../core/runtime/index.js";

export interface MatchOptions {
  /** Minimum score that counts as a match. Default 0.5 of a probability; 0.25 of CLIP's cosine, and of SigLIP's where its own probability is 0.5. */
  readonly threshold?: number;
  readonly signal?: AbortSignal;
}

export interface Match {
  readonly matches: boolean;
  /** The share of "yes" in the probability of yes and no; or the cosine, which is no probability. */
  readonly score: number;
  readonly by: "answer" | "cosine";
  readonly threshold: number;
  /** Why, for a person: the score against the threshold, and what the model says it sees. */
  readonly reason: string;
  /** What the model was not trained for, of those that answer. */
  readonly notes?: readonly ChatNote[];
}

/** What a match needs of a model that answers: a server hands in the one it guards. */
export type Answering = Pick<LanguageModel, "tokenizer" | "prepare" | "generate">;

/** A caption or a product text; a page is no claim about a picture. */
const maxTextLength = 2000;
/** Cosines of pairs that fit lie around 0.3 in published CLIP checkpoints, of others around 0.15. */
const defaultCosine = 0.25;
/** OpenAI's most: yes and no are among the first few, or the model did not understand. */
const numAlternatives = 20;
/** Below this share of all probability, yes and no are not what the model was about to say. */
const leastAnswered = 0.05;

/**
 * Asks in the text's own language. @throws `invalid_request`, `unsupported` when the model has no yes or no to say; as
 * `prepare`.
 */
export async function matchByAnswer(
  model: Answering,
  picture: ImageInput,
  text: string,
  { threshold = 0.5, signal }: MatchOptions = {},
): Promise<Match> {
  checkText(text);
  const isChinese = /\p{Script=Han}/u.test(text);
  const options = { ...(signal && { signal }), maxTokens: 1 };
  const sampling = { temperature: 0, logprobs: true, top_logprobs: numAlternatives };
  const claim = isChinese ? `这段文字和图片相符吗：${text}？` : `Does this text match the picture: ${text}?`;
  const { tokens, notes } = await ask(model, picture, claim, { ...options, sampling });
  const score = shareOfYes(tokens[0], model.tokenizer, notes);
  const view = isChinese ? "描述这张图片。" : "Describe this picture in one sentence.";
  const { text: seen } = await ask(model, picture, view, {
    ...options,
    maxTokens: 48,
    sampling: { temperature: 0 },
  });
  const sure = `the model says yes with probability ${score.toFixed(3)}, ${compared(score, threshold)}`;
  const reason = `${sure}; it sees: ${seen.trim()}`;
  return { matches: score >= threshold, score, by: "answer", threshold, reason, ...(notes && { notes }) };
}

/** @throws `invalid_request`, `too_large` for a text past the model's context; as `embedImage`. */
export async function matchByCosine(
  model: Pick<DualEncoderModel, "embedImage" | "embedCounted">,
  picture: ImageInput,
  text: string,
  { threshold: given, signal }: MatchOptions = {},
): Promise<Match> {
  checkText(text);
  const image = await model.embedImage(picture, signal ? { signal } : {});
  const { direction, scale, bias } = await model.embedCounted(text);
  const score = cosine(image, direction);
  const threshold = given ?? (bias === undefined ? defaultCosine : -bias / scale);
  const reason = `picture and text have the cosine ${score.toFixed(3)}, ${compared(score, threshold)}`;
  return { matches: score >= threshold, score, by: "cosine", threshold, reason };
}

export interface LabelMatch extends Omit<Match, "by"> {
  readonly by: "label";
}

/** @throws `invalid_request` for a text that is none of the labels; as `classify`. */
export async function matchByLabel(
  classifier: Pick<ImageClassifier, "labels" | "classify">,
  picture: ImageInput,
  text: string,
  { threshold = 0.5, signal }: MatchOptions = {},
): Promise<LabelMatch> {
  const { labels } = classifier;
  if (!labels.includes(text))
    throw new OcellusError(
      "invalid_request",
      `text: expected one of the classifier's ${labels.length} labels, found ${JSON.stringify(text)}${nearestHint(text, labels)}`,
      { details: { param: "text", found: text, nearest: nearestNames(text, labels) } },
    );
  const found = await classifier.classify(picture, signal ? { signal } : {});
  const score = found.find(({ label }) => label === text)!.probability;
  const likeliest = found.reduce((best, each) => (each.probability > best.probability ? each : best));
  const reason = `the label has probability ${score.toFixed(3)}, ${compared(score, threshold)}; likeliest: ${likeliest.label}`;
  return { matches: score >= threshold, score, by: "label", threshold, reason };
}

function checkText(text: string): void {
  if (text.trim() !== "" && text.length <= maxTextLength) return;
  const found = text.trim() === "" ? "none" : `${text.length}`;
  throw new OcellusError("invalid_request", `text: expected 1 to ${maxTextLength} characters, found ${found}`, {
    details: { param: "text" },
  });
}

function compared(score: number, threshold: number): string {
  return `${score >= threshold ? "not below" : "below"} the threshold ${threshold}`;
}

async function ask(model: Answering, picture: ImageInput, question: string, options: ChatOptions) {
  const prepared = await model.prepare([{ role: "user", content: [image(picture), question] }], options);
  return collect(model.generate(prepared));
}

/** Longest first where one begins another; `no` also begins `not`, which says no too. */
const yes = /^(yes|true|是|对|相符|一致|正确)/i;
const no = /^(no|false|否|不|错)/i;

function shareOfYes(
  token: ChatToken | undefined,
  tokenizer: Answering["tokenizer"],
  notes: readonly ChatNote[] | undefined = [],
): number {
  const sum = (pattern: RegExp) =>
    (token?.topLogprobs ?? [])
      .filter((top) => pattern.test(spellingOf(top, tokenizer).text.trim()))
      .reduce((total, { logprob }) => total + Math.exp(logprob), 0);
  const [agreed, denied] = [sum(yes), sum(no)];
  if (agreed + denied >= leastAnswered) return agreed / (agreed + denied);
  const said = token ? JSON.stringify(spellingOf(token, tokenizer).text) : "nothing";
  const why = notes.map((note) => `; ${noteText(note)}`).join("");
  throw new OcellusError("unsupported", `the model was asked for yes or no, and was about to answer ${said}${why}`, {
    details: { found: said, ...(notes.length > 0 && { notes }) },
  });
}
