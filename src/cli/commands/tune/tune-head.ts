/** `ocellus tune head DATA`: a classifier of your classes over a frozen image encoder. */
import { type Command, Option } from "commander";
import { resolveModel } from "../../../hub/index.js";
import { type TuneHeadOptions, type TuneStage, tuneHead } from "../../../tune/index.js";
import { type GlobalFlags, integerBetween } from "../../options.js";
import { headText } from "../../ui/head-text.js";
import { formatSeconds, type Progress, type ProgressState, startProgress } from "../../ui/progress.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";

interface HeadFlags extends GlobalFlags {
  readonly encoder: string;
  readonly output: string;
  readonly layers: 1 | 2;
  readonly width?: number;
  readonly folds: number;
  readonly balanced?: true;
  readonly seed: number;
  readonly skipBad?: true;
  readonly force?: true;
  readonly device?: NonNullable<TuneHeadOptions["device"]>;
  readonly threads?: number;
}

const examples = `
Examples:
  ocellus tune head ./photos --encoder google/siglip2-base-patch16-224 -o ./defects
  ocellus tune head labels.csv --encoder ./dinov2 -o ./defects --balanced --json

DATA is a folder with a folder of images per class, or a .csv, .tsv or .jsonl file of path and label.`;

export function addTuneHeadCommand(tune: Command, terminal: Terminal): void {
  tune
    .command("head")
    .description("train a classifier of your classes over a frozen image encoder")
    .argument("<data>", "folder with a folder per class, or a file of paths and labels")
    .requiredOption("--encoder <model>", "checkpoint whose image encoder is used: a folder or owner/name")
    .requiredOption("-o, --output <folder>", "folder of the classifier that is written")
    .addOption(
      new Option("--layers <count>", "1: logistic; 2: with a hidden layer, readable by Ocellus only")
        .argParser(integerBetween(1, 2))
        .default(1),
    )
    .option("--width <count>", "width of the hidden layer (default: 64)", integerBetween(1, 4096))
    .option("--folds <count>", "folds of cross-validation", integerBetween(2, 20), 5)
    .option("--balanced", "count every class as much, however many images it has")
    .option("--seed <number>", "seed of folds and hidden layers", integerBetween(0, 2 ** 32 - 1), 0)
    .option("--skip-bad", "leave out files that cannot be read, and list them")
    .option("--force", "replace the output folder if it exists")
    .addOption(
      new Option("--device <device>", "device of the encoder (default: auto)").choices([
        "auto",
        "cpu",
        "webgpu",
        "cuda",
      ]),
    )
    .option("--threads <count>", "threads of one operator (default: all cores)", integerBetween(1, 1024)) // as of a model
    .addHelpText("after", examples)
    .action((data: string, _local: unknown, command: Command) => runHead(data, command.optsWithGlobals(), terminal));
}

async function runHead(data: string, flags: HeadFlags, terminal: Terminal): Promise<void> {
  const { json, debug: _, encoder, output, ...options } = flags;
  const progress = stages(terminal, json === true);
  try {
    const report = await tuneHead(data, {
      ...options,
      encoder: await resolveModel(encoder),
      into: output,
      signal: terminal.signal,
      onProgress: progress.update,
    });
    progress.stop();
    if (json) return printJson(terminal, report);
    printLine(terminal, headText(report, coloursFor(terminal.stdout)));
    printNotes(terminal, report.notes);
  } finally {
    progress.stop();
  }
}

const labels: Readonly<Record<TuneStage, string>> = { encode: "encoding images", fit: "fitting heads" };

/** A bar for each stage, one after the other. */
function stages(terminal: Terminal, silent: boolean) {
  let shown: { readonly stage: TuneStage; readonly bar: Progress } | undefined;
  return {
    update(stage: TuneStage, done: number, total: number) {
      if (shown?.stage !== stage) {
        shown?.bar.stop();
        shown = { stage, bar: startProgress(terminal, { label: labels[stage], describe, silent }) };
      }
      shown.bar.update(done, total);
    },
    stop: () => shown?.bar.stop(),
  };
}

function describe({ done, total, secondsLeft }: ProgressState): string {
  return `${done} of ${total}, ${formatSeconds(secondsLeft)} left`;
}
