/** Scoring: normalised exact match, counts by group and language, and how sure a counted share is. */
import { groupBy } from "../core/base/index.js";
import { fitsPattern, satisfiesSchema } from "../core/grammar/index.js";
import { isSame, itemsOf, normaliseAnswer } from "./answer-text.js";
import { type EvalCase, groupName } from "./eval-set.js";

/** What was answered to one case. */
export interface EvalAnswer {
  readonly case: EvalCase;
  readonly text: string;
  readonly correct: boolean;
}

export type ExpectedAnswer = Pick<EvalCase, "answer" | "accept"> &
  Partial<Pick<EvalCase, "set" | "pattern" | "schema">>;

/** One of the expected answers, the items of the set, or what fits the pattern or the schema. */
export function isCorrect(text: string, { answer, accept, set, pattern, schema }: ExpectedAnswer): boolean {
  const found = normaliseAnswer(text);
  if (accept.concat(answer ?? []).some((wanted) => normaliseAnswer(wanted) === found)) return true;
  if (set && isSame(itemsOf(text), set.flatMap(itemsOf))) return true;
  try {
    if (pattern !== undefined && fitsPattern(text.trim(), pattern)) return true;
    return schema !== undefined && satisfiesSchema(text, schema);
  } catch {
    return false; // no JSON, or one of the texts on which no pattern may spend more time
  }
}

/** 97.5th percentile of the normal distribution: 95 % lie within ± this many standard deviations. */
export const z95 = 1.959963984540054;

/**
 * Wilson's score interval of a share, which stays honest near 0 and 1 where the textbook interval does not.
 * [Wilson 1927; https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval]
 */
export function wilsonInterval(correct: number, total: number): { low: number; high: number } {
  if (total === 0) return { low: 0, high: 1 };
  const share = correct / total;
  const z2 = z95 * z95;
  const centre = (share + z2 / (2 * total)) / (1 + z2 / total);
  const margin = (z95 / (1 + z2 / total)) * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total));
  return { low: Math.max(0, centre - margin), high: Math.min(1, centre + margin) };
}

/** Accuracy of one group in one language, or in "all". Shares are 0..1. */
export interface Score {
  /** A kind in one scene ("class/one"), or a kind over all its scenes ("class"). */
  readonly group: string;
  readonly language: string;
  readonly questions: number;
  readonly correct: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Kinds in the order of their first answer: first over all scenes, then by scene; each in all languages, then by language.
 * Where there is but one scene or one language, the row for all would only repeat it and is left out.
 */
export function scoreAnswers(answers: readonly EvalAnswer[]): Score[] {
  return groupBy(answers, (a) => a.case.kind).flatMap(([kind, ofKind]) => {
    const scenes = groupBy(ofKind, (a) => groupName(a.case)).flatMap(([group, members]) => byLanguage(group, members));
    const isSplit = scenes.some((score) => score.group !== scenes[0]!.group);
    return isSplit ? [...byLanguage(kind, ofKind), ...scenes] : scenes;
  });
}

function byLanguage(group: string, answers: readonly EvalAnswer[]): Score[] {
  const languages = groupBy(answers, (a) => a.case.language).sort(([a], [b]) => (a < b ? -1 : 1));
  const scores = languages.map(([language, members]) => scoreOf(group, language, members));
  return scores.length > 1 ? [scoreOf(group, "all", answers), ...scores] : scores;
}

function scoreOf(group: string, language: string, answers: readonly EvalAnswer[]): Score {
  const correct = answers.filter((answer) => answer.correct).length;
  const questions = answers.length;
  return { group, language, questions, correct, accuracy: correct / questions, ...wilsonInterval(correct, questions) };
}
