/** Formats compared task by task: each question is asked in both, so what counts are the answers that changed. */
import { scoreAnswers, z95 } from "./eval-score.js";
import type { EvalCase } from "./eval-set.js";

/** One task in one format. Points are per cent of the questions. */
export interface TaskScore {
  readonly task: string;
  readonly questions: number;
  /** 0..1 */
  readonly accuracy: number;
  /** Against the exact format; below zero is worse. */
  readonly points: number;
  /** Half of the 95 % interval of `points`. */
  readonly margin: number;
  /** More than `maxPoints` lost. */
  readonly isBeyond: boolean;
}

/** What a small format may lose. */
export const maxPoints = 1;

/** By kind, all scenes and languages together. The two lists are of the same questions, in the order of `cases`. */
export function taskScores(
  cases: readonly EvalCase[],
  correct: readonly boolean[],
  exact: readonly boolean[],
): TaskScore[] {
  const answers = cases.map((found, i) => {
    return { case: { ...found, scene: "", language: "all" }, text: "", correct: correct[i]! };
  });
  return scoreAnswers(answers).map(({ group, questions, accuracy }) => {
    const indices = [...cases.keys()].filter((i) => cases[i]!.kind === group);
    const gained = indices.filter((i) => correct[i]! && !exact[i]!).length;
    const lost = indices.filter((i) => !correct[i]! && exact[i]!).length;
    const points = (100 * (gained - lost)) / questions;
    const margin = 100 * pairedMargin(gained, lost, questions);
    return { task: group, questions, accuracy, points, margin, isBeyond: points < -maxPoints };
  });
}

/**
 * Half of the 95 % interval of a difference of two shares of the same questions: Wald's after adding half an answer to
 * each of the four outcomes, which keeps it honest where few answers changed. [Agresti & Min 2005, Statistics in Medicine 24]
 */
export function pairedMargin(gained: number, lost: number, total: number): number {
  const n = total + 2;
  return (z95 / n) * Math.sqrt(gained + lost + 1 - (gained - lost) ** 2 / n);
}
