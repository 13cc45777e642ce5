/** The printed result of an evaluation: one row per group and language, one column per weights format, then the goals. */
import type { Goals, Score } from "../../evals/index.js";
import { formatSeconds } from "./progress.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

/** One weights format, run over all cases. */
export interface EvalRun {
  readonly weights: string;
  readonly questions: number;
  /** Of them, those with an image that is not like those of training. */
  readonly unlikeImages: number;
  readonly seconds: number;
  readonly scores: readonly Score[];
}

type Colours = ReturnType<typeof coloursFor>;

export function evalReport(runs: readonly EvalRun[], goals: Goals, colours: Colours): string {
  const header = ["question", "language", "asked", ...runs.map((run) => `${run.weights}  [95 % interval]`), "goal"];
  const { scores } = runs[0]!;
  const rows = scores.flatMap((score, i) => (isShown(score, scores, goals) ? [scoreRow(runs, i, goals, colours)] : []));
  return [
    textTable([header.map((title) => colours.bold(title)), ...rows], ["left", "left", "right"]),
    runs.map(speedLine).join("\n"),
    ...goalLines(runs, goals, colours),
    ...lossLines(runs, goals),
  ].join("\n\n");
}

/** A scene beside others is split by language only where a goal is set for it; --json has every row. */
function isShown({ group, language }: Score, scores: readonly Score[], goals: Goals): boolean {
  if (language === "all" || group in goals || !group.includes("/")) return true;
  const hasRow = (name: string, of: string) => scores.some((other) => other.group === name && other.language === of);
  return !hasRow(group.split("/")[0]!, "all") || !hasRow(group, "all");
}

function scoreRow(runs: readonly EvalRun[], index: number, goals: Goals, colours: Colours): string[] {
  const { scores } = runs[0]!;
  const { group, language, questions } = scores[index]!;
  const goal = goals[group];
  const isFirst = scores[index - 1]?.group !== group;
  const cells = runs.map((run) => scoreCell(run.scores[index]!, goal, colours));
  return [
    isFirst ? group : "",
    language,
    String(questions),
    ...cells,
    goal === undefined || !isFirst ? "" : `≥ ${goal}`,
  ];
}

/** `91.2 [89.9–92.4] ✓` */
function scoreCell({ accuracy, low, high }: Score, goal: number | undefined, { green, red }: Colours): string {
  const mark = goal === undefined ? "" : accuracy * 100 >= goal ? ` ${green("✓")}` : ` ${red("✗")}`;
  return `${percent(accuracy).padStart(5)} [${percent(low)}–${percent(high)}]${mark}`;
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}

function speedLine({ weights, questions, seconds }: EvalRun): string {
  return `${weights}: ${questions} questions in ${formatSeconds(seconds)}, ${(questions / seconds).toFixed(1)} questions/s`;
}

/** One score per group: its languages together where there are several. */
function totals(scores: readonly Score[]): Score[] {
  return scores.filter((score, i) => scores[i - 1]?.group !== score.group);
}

function goalLines(runs: readonly EvalRun[], goals: Goals, { green, red }: Colours): string[] {
  const lines = runs.flatMap(({ weights, scores }) => {
    const judged = totals(scores).filter((score) => score.group in goals);
    const missed = judged.filter((score) => score.accuracy * 100 < goals[score.group]!);
    const list = missed.map((score) => `${score.group} ${percent(score.accuracy)} < ${goals[score.group]}`).join(", ");
    const verdict = missed.length === 0 ? green("passed") : `passed, ${red(`missed: ${list}`)}`;
    if (judged.length === 0) return [];
    return [`goals, ${weights}: ${judged.length - missed.length} of ${judged.length} ${verdict}`];
  });
  return lines.length > 0 ? [lines.join("\n")] : [];
}

/** What the smaller formats cost against fp32 in points, over the groups that have goals, or over all when none has. */
function lossLines(runs: readonly EvalRun[], goals: Goals): string[] {
  const exact = runs.find((run) => run.weights === "fp32");
  if (!exact || runs.length === 1) return [];
  const judged = totals(exact.scores).filter((score) => score.group in goals);
  const groups = judged.length > 0 ? judged : totals(exact.scores);
  const lines = runs.filter((run) => run !== exact).map((run) => lossLine(run, groups));
  return [lines.join("\n")];
}

function lossLine({ weights, scores }: EvalRun, groups: readonly Score[]): string {
  const accuracies = new Map(totals(scores).map((score) => [score.group, score.accuracy]));
  const changes = groups.map(({ group, accuracy }) => ({ group, points: (accuracies.get(group)! - accuracy) * 100 }));
  const worst = changes.reduce((a, b) => (b.points < a.points ? b : a));
  const mean = changes.reduce((sum, change) => sum + change.points, 0) / changes.length;
  return `${weights} against fp32: ${signed(mean)} points on average, ${signed(worst.points)} at worst (${worst.group})`;
}

function signed(points: number): string {
  return `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(2)}`;
}
