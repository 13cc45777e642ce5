/** `ocellus quant-report CHECKPOINT`: what each number format loses of the weights, and of the answers. */
import { type Command, Option } from "commander";
import { printable } from "../base/index.js";
import { resolveModel } from "../hub/index.js";
import {
  type ErrorGroup,
  type FormatComparison,
  type MatrixErrors,
  type ReportFormat,
  reportDivergence,
  reportErrors,
  reportFormats,
} from "../inspect/index.js";
import { calibrationConversations } from "./calibration.js";
import { commaList, type GlobalFlags } from "./options.js";
import { seesPictures } from "./pack-auto.js";
import { withProgress } from "./pass-progress.js";
import { describeBytes, formatBytes, formatSeconds, startProgress } from "./progress.js";
import { percent } from "./statistics-text.js";
import { printJson, printLine, type Terminal } from "./terminal.js";
import { textTable } from "./text-layout.js";

interface QuantReportFlags extends GlobalFlags {
  readonly formats: readonly ReportFormat[];
  readonly calibration?: string;
}

const examples = `
Examples:
  ocellus quant-report ./qwen                            every format
  ocellus quant-report ./qwen --formats int8,nf4         these two, compared with fp32
  ocellus quant-report ./qwen --calibration mine.jsonl   on your own pictures and questions
  ocellus quant-report ./qwen --json > report.json       every tensor too

Accuracy on tasks by format: ocellus eval --model ./qwen --weights fp32,int8,int4,nf4`;

export function addQuantReportCommand(program: Command, terminal: Terminal): void {
  program
    .command("quant-report")
    .description("say what each number format loses of the weights and of the answers")
    .argument("<checkpoint>", "folder or name of a pulled checkpoint")
    .addOption(
      new Option("--formats <formats>", `some of ${reportFormats.join(", ")}`)
        .argParser(commaList(reportFormats))
        .default(reportFormats, "all"),
    )
    .option("--calibration <file>", "questions about pictures, as for eval (default: those of the example pictures)")
    .addHelpText("after", examples)
    .action((path: string, _local: unknown, command: Command) =>
      quantReport(path, command.optsWithGlobals(), terminal),
    );
}

async function quantReport(checkpoint: string, flags: QuantReportFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(checkpoint);
  const conversations = await calibrationConversations(flags.calibration, await seesPictures(path, "quant-report"));
  const errors = await withProgress(terminal, "weighing formats", flags, (pass) => reportErrors(path, pass));
  const formats = await compareFormats(path, conversations, flags, terminal);
  if (flags.json) printJson(terminal, { checkpoint: path, formats, ...errors });
  else printLine(terminal, `${errorsText(errors)}\n\n${formatsText(formats)}`);
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
    printable(title),
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
