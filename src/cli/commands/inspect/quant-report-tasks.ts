/** `ocellus inspect quant-report --tasks`: labelled questions asked in each format, with what it takes to answer them. */
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import {
  chooseCases,
  type EvalCase,
  maxPoints,
  readEvalFiles,
  readGoals,
  reviewedCases,
  type TaskScore,
  taskScores,
  unreviewedNotes,
} from "../../../evals/index.js";
import { packedBytes, type ReportFormat, withPackedFormat } from "../../../inspect/index.js";
import type { GlobalFlags } from "../../options.js";
import { describeBytes, describeQuestions, startProgress } from "../../ui/progress.js";
import { shown } from "../../ui/shown.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import type { TaskJob, TaskResult } from "./task-process.js";
import { runTaskProcess } from "./task-run.js";

export interface TaskFlags extends GlobalFlags {
  readonly formats: readonly ReportFormat[];
  readonly questions?: readonly string[];
  readonly limit?: number;
}

interface TaskReport extends Omit<TaskResult, "correct"> {
  readonly format: ReportFormat;
  /** Of all weights, as packed. */
  readonly bytes: number;
  readonly tasks: readonly TaskScore[];
}

/** Questions in work at once, as `eval` does. */
const parallel = 8;

/** Of fp32, which all are compared with, and of the other formats. */
export async function reportTasks(path: string, flags: TaskFlags, terminal: Terminal): Promise<void> {
  const files = flags.questions ?? [];
  const kinds = tasksWithGoals(Object.keys(await readGoals(files)));
  const all = await readEvalFiles(files);
  if (!flags.json) printNotes(terminal, unreviewedNotes(reviewedCases(all).numUnreviewed));
  const cases = chooseCases(all, kinds, flags.limit);
  if (cases.length === 0)
    throw new OcellusError("invalid_request", "quant-report: the files have no matching questions");
  const formats: ReportFormat[] = [...new Set<ReportFormat>(["fp32", ...flags.formats])];
  const bytes = await packedBytes(path, formats);
  const reports: TaskReport[] = [];
  let exact: readonly boolean[] | undefined;
  for (const format of formats) {
    const job = { files, parallel, ...(kinds && { kinds }), ...(flags.limit && { limit: flags.limit }) };
    const { correct, ...rest } = await runFormat(path, format, job, flags, terminal);
    exact ??= correct;
    reports.push({ format, bytes: bytes.get(format)!, ...rest, tasks: taskScores(cases, correct, exact) });
  }
  if (flags.json) printJson(terminal, { checkpoint: path, formats: reports });
  else printLine(terminal, tasksText(shown(reports), cases, coloursFor(terminal.stdout)));
}

/** The kinds that goals are set for, in whatever scene; all when there are none. */
function tasksWithGoals(goals: readonly string[]): string[] | undefined {
  return goals.length === 0 ? undefined : [...new Set(goals.map((goal) => goal.split("/")[0]!))];
}

async function runFormat(
  path: string,
  format: ReportFormat,
  job: Omit<TaskJob, "packedPath">,
  { json }: TaskFlags,
  terminal: Terminal,
): Promise<TaskResult> {
  const silent = json === true;
  const packing = startProgress(terminal, { label: `packing ${format}`, describe: describeBytes, silent });
  const asking = startProgress(terminal, { label: format, describe: describeQuestions, silent });
  const { signal } = terminal;
  const onPackProgress = (done: { doneBytes: number; totalBytes: number }) =>
    packing.update(done.doneBytes, done.totalBytes);
  try {
    return await withPackedFormat(path, format, { signal, onPackProgress }, (packedPath) => {
      packing.stop();
      return runTaskProcess({ ...job, packedPath }, { signal, onProgress: asking.update });
    });
  } finally {
    for (const progress of [packing, asking]) progress.stop();
  }
}

function tasksText(reports: readonly TaskReport[], cases: readonly EvalCase[], colours: Colours): string {
  const [exact, ...others] = reports as [TaskReport, ...TaskReport[]];
  const rows = exact.tasks.map(({ task, questions, accuracy }, i) => [
    task,
    String(questions),
    `${(accuracy * 100).toFixed(1)} %`,
    ...others.map(({ tasks }) => pointsText(tasks[i]!, colours)),
  ]);
  const costs = (title: string, text: (report: TaskReport) => string) => [title, "", ...reports.map(text)];
  const table = textTable(
    [
      ["task", "asked", ...reports.map(({ format }) => format)].map(colours.bold),
      ...rows,
      costs("weights", ({ bytes }) => formatBytes(bytes)),
      costs("peak RSS", ({ peakBytes }) => formatBytes(peakBytes)),
      costs("tokens/s", ({ tokensPerSecond }) => tokensPerSecond.toFixed(0)),
    ],
    ["left", ...Array.from({ length: reports.length + 1 }, () => "right" as const)],
  );
  return [
    table,
    `${cases.length} questions a format; points against fp32 ± 95 % interval`,
    ...verdict(others, colours),
  ].join("\n\n");
}

type Colours = ReturnType<typeof coloursFor>;

/** `−0.12 ±0.31`, with a mark where too much is lost. */
function pointsText({ points, margin, isBeyond }: TaskScore, { red }: Colours): string {
  const text = `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(2)} ±${margin.toFixed(2)}`;
  return isBeyond ? red(`${text} ✗`) : text;
}

function verdict(others: readonly TaskReport[], { green, red, yellow }: Colours): string[] {
  if (others.length === 0) return [];
  const all = others.flatMap(({ format, tasks }) => tasks.map((task) => ({ ...task, format })));
  const beyond = all.filter(({ isBeyond }) => isBeyond).map(({ format, task }) => `${format} in ${task}`);
  return [
    beyond.length === 0
      ? green(`✓ no format loses more than ${maxPoints} point in any task`)
      : red(`✗ more than ${maxPoints} point lost: ${beyond.join(", ")}`),
    ...(all.some(({ margin }) => margin > maxPoints)
      ? [yellow(`too few questions to tell ${maxPoints} point: intervals are wider`)]
      : []),
  ];
}
