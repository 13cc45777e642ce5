/**
 * Asks labelled questions and grades the answers: for `eval`, for golden sets, for the comparison of formats, and for the
 * judge of a canary. Greedily, so that one model gives one answer; who answers is the caller's.
 */
import { throwIfAborted } from "../core/base/index.js";
import { type ChatMessage, type ChatResult, collect, image, type LanguageModel } from "../core/runtime/index.js";
import { isCorrect } from "./eval-score.js";
import { type EvalCase, imagesOf } from "./eval-set.js";
import { mapConcurrently } from "./map-concurrently.js";

/** Most tokens of an answer. The longest that our own files expect, four items described, has 60. */
export const evalTokens = 128;
/** The same of a golden set, whose answers may be any that are known. */
export const goldenTokens = 256;

interface AnswerOptions {
  readonly maxTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/** A model, guarded or not. */
export type Answering = Pick<LanguageModel, "prepare" | "generate">;

/** @throws as the model's `prepare` and `generate`. */
export async function answerGreedily(
  model: Answering,
  messages: readonly ChatMessage[],
  { maxTokens, signal }: AnswerOptions,
): Promise<ChatResult> {
  const options = { maxTokens, sampling: { temperature: 0 }, ...(signal && { signal }) };
  return collect(model.generate(await model.prepare(messages, options)));
}

/** The conversation that a question is. */
export function messagesOf(found: EvalCase): ChatMessage[] {
  return [{ role: "user", content: [...imagesOf(found).map((picture) => image(picture)), found.question] }];
}

interface Answer {
  readonly text: string;
  /** Why there is no answer: it counts as wrong. */
  readonly failure?: string;
}

export type Graded<Q, A> = A & { readonly case: Q; readonly correct: boolean };

export interface AskOptions<G> {
  /** Questions in work at once. */
  readonly parallel: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with each answer as it comes, and how many there are by then. */
  readonly onAnswer?: (graded: G, done: number) => void | Promise<void>;
}

/** In the order of the questions. @throws what `ask` and `onAnswer` throw, first of all; `aborted`. */
export function askAll<Q extends EvalCase, A extends Answer>(
  questions: readonly Q[],
  ask: (question: Q) => Promise<A>,
  { parallel, signal, onAnswer }: AskOptions<Graded<Q, A>>,
): Promise<Graded<Q, A>[]> {
  let done = 0;
  return mapConcurrently(questions, parallel, async (question) => {
    throwIfAborted(signal);
    const answer = await ask(question);
    throwIfAborted(signal); // an answer cut short is no answer
    const correct = answer.failure === undefined && isCorrect(answer.text, question);
    const graded = { ...answer, case: question, correct };
    await onAnswer?.(graded, ++done);
    return graded;
  });
}
