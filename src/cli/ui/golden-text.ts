/** Golden results on the terminal, with all texts made printable before (pixels-to-image.ts): tables of shares, sentences, and the answers worth looking at. */
import {
  type AnswerPair,
  type GoldenAnswer,
  type GoldenComparison,
  type GoldenResult,
  type GroupComparison,
  type GroupScore,
  partsOf,
  scoreGolden,
  signed,
  versionText,
} from "../../evals/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

type Colours = ReturnType<typeof coloursFor>;

/** Answers that are listed; the result file has all. */
export const defaultShown = 10;

/** What is known of a result besides its answers. */
export function goldenNotes({ path, set, answers }: GoldenResult): string[] {
  const versions = new Set(answers.flatMap(({ version }) => version ?? []));
  const missing = set.questions - answers.length;
  return [
    ...(missing > 0
      ? [`${path}: ${missing} of ${set.questions} questions have no answer yet; run the same command again to continue`]
      : []),
    ...(versions.size > 1 ? [`${path}: answered by ${[...versions].join(", ")}`] : []),
  ];
}

/** @param numShown wrong answers that are listed */
export function resultText(result: GoldenResult, numShown: number, colours: Colours): string {
  const { all, byKind, byMatch } = scoreGolden(result.answers);
  const failures = result.answers.filter(({ correct }) => !correct);
  const header = ["questions", "asked", "right", "[95 % interval]"].map(colours.bold);
  const rows = partsOf(all, byMatch, byKind).map((score) => [
    score.group,
    String(score.questions),
    ...shareCells(score),
  ]);
  return [
    colours.bold(versionText(result.version)),
    textTable([header, ...rows], ["left", "right", "right", "right"]),
    ...listed("wrong", failures.length, failures.slice(0, numShown).map(wrongText)),
  ].join("\n\n");
}

function shareCells({ accuracy, low, high }: GroupScore): string[] {
  return [`${percent(accuracy)} %`, `[${percent(low)}–${percent(high)}]`];
}

export function percent(share: number): string {
  return (share * 100).toFixed(1);
}

function listed(what: string, total: number, lines: readonly string[]): string[] {
  if (total === 0 || lines.length === 0) return [];
  const more = total > lines.length ? `, the first ${lines.length}` : "";
  return [[`${what}: ${total}${more}`, ...lines].join("\n")];
}

function wrongText(answer: GoldenAnswer): string {
  return `  ${answer.origin}  ${answer.question}\n    expected ${answer.expected}\n    found ${foundText(answer)}`;
}

function foundText({ text, failure }: GoldenAnswer): string {
  return failure === undefined ? text || "nothing" : `no answer: ${failure}`;
}

export interface Compared {
  readonly a: GoldenResult;
  readonly b: GoldenResult;
  readonly comparison: GoldenComparison;
}

export function comparisonText({ a, b, comparison }: Compared, numShown: number, colours: Colours): string {
  const { all, byMatch, byKind, changed, sentence } = comparison;
  const header = ["questions", "asked", "A", "B", "B − A, points", "p"].map(colours.bold);
  const rows = partsOf(all, byMatch, byKind).map(comparisonRow);
  return [
    [`A  ${versionText(a.version)}`, `B  ${versionText(b.version)}`].join("\n"),
    textTable([header, ...rows], ["left", "right", "right", "right", "left", "right"]),
    colours.bold(sentence),
    ...listed("right in one of them only", changed.length, changed.slice(0, numShown).map(changedText)),
  ].join("\n\n");
}

function comparisonRow({ group, questions, correctA, correctB, points, low, high, p }: GroupComparison): string[] {
  const share = (correct: number) => `${percent(correct / questions)} %`;
  const interval = `${signed(points)} [${signed(low)} to ${signed(high)}]`;
  return [group, String(questions), share(correctA), share(correctB), interval, p.toPrecision(2)];
}

function changedText({ a, b }: AnswerPair): string {
  const mark = ({ correct }: GoldenAnswer) => (correct ? "✓" : "✗");
  return [
    `  ${a.origin}  ${a.question}`,
    `    A ${mark(a)} ${foundText(a)}`,
    `    B ${mark(b)} ${foundText(b)}`,
    ...(a.correct && a.text === a.expected ? [] : [`    expected ${a.expected}`]),
  ].join("\n");
}
