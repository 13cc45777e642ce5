/** `ocellus inspect quant-report CHECKPOINT`: what each number format loses of the weights, and of the answers. */
import { Argument, type Command, Option } from "commander";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { resolveModel } from "../../../hub/index.js";
import {
  type ErrorGroup,
  type FormatComparison,
  type MatrixErrors,
  reportDivergence,
  reportErrors,
  reportFormats,
} from "../../../inspect/index.js";
import { commaList, integerBetween } from "../../options.js";
import { bundledModel } from "../../package-files.js";
import { withProgress } from "../../ui/pass-progress.js";
import { describeBytes, formatSeconds, startProgress } from "../../ui/progress.js";
import { shown } from "../../ui/shown.js";
import { percent } from "../../ui/statistics-text.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { calibrationConversations } from "../models/calibration.js";
import { seesImages } from "../models/pack-auto.js";
import { reportTasks, type TaskFlags } from "./quant-report-tasks.js";

interface QuantReportFlags extends TaskFlags {
  readonly calibration?: string;
  readonly tasks?: boolean;
}

const examples = `
Examples:
  ocellus inspect quant-report ./qwen                            every format (the calibrated one takes hours on billions of weights)
  ocellus inspect quant-report ./qwen --formats int8,nf4         these two, compared with fp32
  ocellus inspect quant-report ./qwen --calibration mine.jsonl   on your own images and questions
  ocellus inspect quant-report ./qwen --json > report.json       every tensor too
  ocellus inspect quant-report --tasks                           the evaluation of the bundled demo model, by format
  ocellus inspect quant-report ./qwen --tasks --questions mine.jsonl`;

export function addQuantReportCommand(inspect: Command, terminal: Terminal): void {
  inspect
    .command("quant-report")
    .description("report the quantization error of each number format, in weights and in answers")
    .addArgument(
      new Argument("[checkpoint]", "folder or downloaded owner/name").default(bundledModel, "bundled demo model"),
    )
    .addOption(
      new Option("--formats <formats>", `formats to compare: ${reportFormats.join(", ")}`)
        .argParser(commaList(reportFormats))
        .default(reportFormats, "all"),
    )
    .option("--calibration <file>", "questions in the format of `ocellus eval` (default: the example images)")
    .option("--tasks", "measure accuracy, memory and speed on labelled questions instead, one process per format")
    .option(
      "--questions <files>",
      "question files for --tasks (default: the evaluation files of the package)",
      commaList(),
    )
    .option(
      "--limit <count>",
      "number of questions per kind, scene and language for --tasks",
      integerBetween(1, 1_000_000),
    )
    .addHelpText("after", examples)
    .action((path: string, _local: unknown, command: Command) =>
      quantReport(path, command.optsWithGlobals(), terminal),
    );
}

async function quantReport(checkpoint: string, flags: QuantReportFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(checkpoint);
  if (flags.tasks) return tasksOf(path, flags, terminal);
  if (flags.questions !== undefined || flags.limit !== undefined)
    throw new OcellusError("invalid_request", "quant-report: --questions and --limit need --tasks");
  const conversations = await calibrationConversations(flags.calibration, await seesImages(path, "quant-report"));
  const errors = await withProgress(terminal, "weighing formats", flags, (pass) => reportErrors(path, pass));
  const formats = await compareFormats(path, conversations, flags, terminal);
  if (flags.json) printJson(terminal, { checkpoint: path, formats, ...errors });
  else printLine(terminal, `${errorsText(shown(errors))}\n\n${formatsText(formats)}`);
}

async function tasksOf(path: string, flags: QuantReportFlags, terminal: Terminal): Promise<void> {
  if (flags.calibration !== undefined)
    throw new OcellusError(
      "invalid_request",
      "quant-report: --calibration cannot be used with --tasks; use --questions",
    );
  if (await seesImages(path, "quant-report")) return reportTasks(path, flags, terminal);
  throw new OcellusError("unsupported", `quant-report: --tasks asks about images, and ${path} has no vision encoder`);
}

async function compareFormats(
  path: string,
  conversations: Awaited<ReturnType<typeof calibrationConversations>>,
  { formats, json }: QuantReportFlags,
  terminal: Terminal,
): Promise<FormatComparison[]> {
  const silent = json === true;
  const packing = startProgress(terminal, { label: "packing", describe: describeBytes, silent });
  const comparing = startProgress(terminal, {
    label: "comparing",
    describe: ({ done, total, secondsLeft }) => `${done} of ${total} answers, ${formatSeconds(secondsLeft)} left`,
    silent,
  });
  try {
    return await reportDivergence(path, conversations, {
      formats: [...new Set(formats)],
      signal: terminal.signal,
      onPackProgress: ({ doneBytes, totalBytes }) => packing.update(doneBytes, totalBytes),
      onProgress: comparing.update,
    });
  } finally {
    for (const progress of [packing, comparing]) progress.stop();
  }
}

/** --json has all tensors. */
const numWorst = 5;

function errorsText({ layers, kinds, tensors }: MatrixErrors): string {
  const columns = [...new Set(layers.flatMap(({ relative }) => Object.keys(relative)))];
  const row = (title: string, relative: ErrorGroup["relative"]) => [
    title,
    ...columns.map((format) => (relative[format] === undefined ? "–" : percent(relative[format]))),
  ];
  const table = (title: string, rows: string[][]) =>
    textTable([[title, ...columns], ...rows], ["left", ...columns.map(() => "right" as const)]);
  const worst = [...tensors].sort((a, b) => (b.relative["int4 b32"] ?? 0) - (a.relative["int4 b32"] ?? 0));
  return [
    table(
      "relative error by layer",
      layers.map(({ title, relative }) => row(title, relative)),
    ),
    table(
      "by kind of matrix",
      kinds.map(({ title, relative }) => row(title, relative)),
    ),
    table(
      "worst in int4 b32",
      worst.slice(0, numWorst).map(({ name, relative }) => row(name, relative)),
    ),
  ].join("\n\n");
}

function formatsText(formats: readonly FormatComparison[]): string {
  const rows = formats.map(({ format, bytes, kl, sameTop }) => {
    return [format, formatBytes(bytes), kl.toExponential(2), `${(sameTop * 100).toFixed(2)} %`];
  });
  const header = ["format", "bytes", "KL from fp32, nats", "same top token"];
  return `${textTable([header, ...rows], ["left", "right", "right", "right"])}\non ${formats[0]!.numTokens} tokens of fp32's answers`;
}
