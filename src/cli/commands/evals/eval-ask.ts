/** Asking the questions of evaluation files: greedily, many at once, in the order of the list. */

import { type EvalAnswer, type EvalCase, isCorrect, mapConcurrently, picturesOf } from "../../../evals/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { greedy, questionAbout } from "../ask/answer.js";

export interface AskOptions {
  /** Questions in work at once. */
  readonly parallel: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export async function askAll(
  model: Pick<GuardedVisionLanguageModel, "answer">,
  cases: readonly EvalCase[],
  { parallel, signal, onProgress }: AskOptions,
): Promise<EvalAnswer[]> {
  let done = 0;
  return mapConcurrently(cases, parallel, async (found) => {
    const { text } = await askOne(model, found, signal);
    onProgress?.(++done, cases.length);
    return { case: found, text, correct: isCorrect(text, found) };
  });
}

export function askOne(model: Pick<GuardedVisionLanguageModel, "answer">, found: EvalCase, signal?: AbortSignal) {
  return model.answer(questionAbout(picturesOf(found), found.question), { ...greedy, ...(signal && { signal }) });
}
