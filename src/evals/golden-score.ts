/** What golden results say: shares with their intervals, and two results compared question by question. */
import { groupBy } from "../core/base/index.js";
import { wilsonInterval } from "./eval-score.js";
import type { GoldenAnswer, GoldenResult } from "./golden-result.js";
import { pairedMargin } from "./task-score.js";

/** Shares are 0..1; low to high is the 95 % interval. */
export interface GroupScore {
  readonly group: string;
  readonly questions: number;
  readonly correct: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

export interface GoldenScore {
  readonly all: GroupScore;
  readonly byKind: readonly GroupScore[];
  /** By how answers are told right from wrong. */
  readonly byMatch: readonly GroupScore[];
}

export function scoreGolden(answers: readonly GoldenAnswer[]): GoldenScore {
  const scored = (keyOf: (answer: GoldenAnswer) => string) =>
    groupBy(answers, keyOf).map(([group, members]) => groupScore(group, members));
  return { all: groupScore("all", answers), byKind: scored(({ kind }) => kind), byMatch: scored(({ match }) => match) };
}

/** A result without its right answers. */
export function summaryOf({ answers, golden: _, ...result }: GoldenResult) {
  const { all, byKind, byMatch } = scoreGolden(answers);
  const wrong = answers.filter(({ correct }) => !correct);
  return { ...result, asked: answers.length, score: all, byKind, byMatch, wrong };
}

function groupScore(group: string, answers: readonly GoldenAnswer[]): GroupScore {
  const [questions, correct] = [answers.length, answers.filter((answer) => answer.correct).length];
  return {
    group,
    questions,
    correct,
    accuracy: correct / Math.max(1, questions),
    ...wilsonInterval(correct, questions),
  };
}

/** Everything, then its parts where there are several. */
export function partsOf<T>(all: T, byMatch: readonly T[], byKind: readonly T[]): T[] {
  return [all, ...(byMatch.length > 1 ? byMatch : []), ...(byKind.length > 1 ? byKind : [])];
}

/** Of the questions that both have answered. Points are per cent of them; below zero B is worse. */
export interface GroupComparison {
  readonly group: string;
  readonly questions: number;
  readonly correctA: number;
  readonly correctB: number;
  /** Right in B only, and in A only. */
  readonly gained: number;
  readonly lost: number;
  readonly points: number;
  /** The 95 % interval of `points`. */
  readonly low: number;
  readonly high: number;
  /** How probable so unequal a split of the changed answers is if neither is better. */
  readonly p: number;
}

export interface AnswerPair {
  readonly a: GoldenAnswer;
  readonly b: GoldenAnswer;
}

export interface GoldenComparison {
  readonly all: GroupComparison;
  readonly byKind: readonly GroupComparison[];
  readonly byMatch: readonly GroupComparison[];
  /** Right in one of them only: those that B has lost first. */
  readonly changed: readonly AnswerPair[];
  readonly sentence: string;
  readonly verdict: GoldenVerdict;
}

export type GoldenVerdict = "same" | "unsure" | "worse" | "better";

/** Undefined when they have no question in common. */
export function compareGolden(a: GoldenResult, b: GoldenResult): GoldenComparison | undefined {
  const ofB = new Map(b.answers.map((answer) => [answer.id, answer]));
  const pairs = a.answers.flatMap((answer) => {
    const other = ofB.get(answer.id);
    return other ? [{ a: answer, b: other }] : [];
  });
  if (pairs.length === 0) return undefined;
  const compared = (keyOf: (pair: AnswerPair) => string) =>
    groupBy(pairs, keyOf).map(([group, members]) => comparePairs(group, members));
  const all = comparePairs("all", pairs);
  return {
    all,
    byKind: compared((pair) => pair.a.kind),
    byMatch: compared((pair) => pair.a.match),
    changed: [...pairs.filter(isLost), ...pairs.filter(isGained)],
    sentence: sentenceOn(all),
    verdict: verdictOn(all),
  };
}

const isLost = ({ a, b }: AnswerPair) => a.correct && !b.correct;
const isGained = ({ a, b }: AnswerPair) => !a.correct && b.correct;

function comparePairs(group: string, pairs: readonly AnswerPair[]): GroupComparison {
  const questions = pairs.length;
  const [gained, lost] = [pairs.filter(isGained).length, pairs.filter(isLost).length];
  const points = (100 * (gained - lost)) / questions;
  const margin = 100 * pairedMargin(gained, lost, questions);
  return {
    ...{ group, questions, gained, lost, points },
    correctA: pairs.filter((pair) => pair.a.correct).length,
    correctB: pairs.filter((pair) => pair.b.correct).length,
    ...{ low: Math.max(-100, points - margin), high: Math.min(100, points + margin), p: mcnemar(gained, lost) },
  };
}

/**
 * McNemar's exact test: of the answers that changed, as many should be gained as lost. Two-sided binomial probability at 1/2.
 * [McNemar 1947; https://en.wikipedia.org/wiki/McNemar%27s_test#Variations]
 */
export function mcnemar(gained: number, lost: number): number {
  const n = gained + lost;
  let [logTerm, tail] = [-n * Math.LN2, 0]; // log of C(n, k) / 2^n, from k = 0
  for (let k = 0; k <= Math.min(gained, lost); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

/** The usual bound; the probability itself is told as well. */
const significant = 0.05;

function verdictOn({ gained, lost, points, p }: GroupComparison): GoldenVerdict {
  if (gained + lost === 0) return "same";
  return p >= significant ? "unsure" : points < 0 ? "worse" : "better";
}

const verdicts: Readonly<Record<Exclude<GoldenVerdict, "same">, string>> = {
  unsure: "No difference can be told",
  worse: "B answers worse than A",
  better: "B answers better than A",
};

function sentenceOn(all: GroupComparison): string {
  const { questions, gained, lost, points, low, high, p } = all;
  const verdict = verdictOn(all);
  if (verdict === "same") return `B is right and wrong where A is, on all ${questions} questions.`;
  const change = `of ${questions} questions B gets ${lost} wrong that A gets right, and ${gained} right that A gets wrong`;
  const interval = `${signed(points)} points (95 % interval ${signed(low)} to ${signed(high)})`;
  const chance = `if neither were better, chance would show as much with a probability of ${p.toPrecision(2)}`;
  return `${verdicts[verdict]}: ${change}: ${interval}; ${chance}.`;
}

export function signed(points: number): string {
  return `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)}`;
}
