/** `ocellus inspect CHECKPOINT`: what a checkpoint is, whether it is whole, and what it will cost, from its headers. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import { resolveModel } from "../../../hub/index.js";
import {
  adapterReport,
  auditCheckpoint,
  type CheckpointDescription,
  describeCheckpoint,
  estimateMemory,
  examine,
  type HealthReport,
  type ImageSize,
  inspectPage,
  type MemoryOptions,
  tensorStatistics,
} from "../../../inspect/index.js";
import { type GlobalFlags, integerBetween } from "../../options.js";
import { adapterText } from "../../ui/adapter-text.js";
import { healthText } from "../../ui/health-text.js";
import { descriptionText } from "../../ui/inspect-text.js";
import { memoryText } from "../../ui/memory-text.js";
import { checkPagePath, writePage } from "../../ui/page-file.js";
import { withProgress } from "../../ui/pass-progress.js";
import { safetyText } from "../../ui/safety-text.js";
import { shown } from "../../ui/shown.js";
import { statisticsText } from "../../ui/statistics-text.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { addGraphCommand } from "./graph.js";
import { addQuantReportCommand } from "./quant-report.js";

interface InspectFlags extends GlobalFlags {
  readonly depth: number;
  readonly prove?: boolean;
  readonly image?: ImageSize;
  readonly context?: number;
  readonly sequences?: number;
  readonly tensor?: string;
  readonly health?: boolean;
  readonly safe?: boolean;
  readonly html?: string;
  readonly adapter?: string;
}

const examples = `
Examples:
  ocellus inspect ./my-checkpoint                       parts, module tree, what is missing, memory
  ocellus inspect ./my-checkpoint --tensor q_proj       values of every q_proj
  ocellus inspect ./my-checkpoint --tensor '*.0.*' --json
  ocellus inspect ./my-checkpoint --health              NaN, dead rows, duplicates, outlier channels
  ocellus inspect ./my-checkpoint --html report.html    all of it as a page
  ocellus inspect ./my-checkpoint --adapter ./my-lora   what the adapter moves, and how far
  ocellus inspect ./download.pt --safe                  what loading it with Python would import and call`;

export function addInspectCommand(program: Command, terminal: Terminal): void {
  const inspectCommand = program
    .command("inspect")
    .helpCommand(false)
    .hook("preSubcommand", refuseOwnOptions)
    .description("inspect a checkpoint: architecture, missing tensors, memory; also its graphs and quantization")
    .argument("<checkpoint>", "folder, weights file or downloaded owner/name")
    .option("--depth <levels>", "depth of the module tree", integerBetween(0, 32), 8)
    .option("--prove", "compare every byte of an lm_head that looks tied by samples")
    .option("--tensor <pattern>", "statistics of tensors by name: a part of it, or a pattern with * and ?")
    .option("--health", "check all values for NaN, dead rows and more; exit code 4 if something is wrong")
    .option("--safe", "report what loading each file in Python would execute; exit code 4 if dangerous")
    .addOption(
      new Option(
        "--adapter <folder>",
        "report what a LoRA adapter (PEFT) would move: rank and norms per tensor",
      ).conflicts(["safe", "tensor", "health", "html"]),
    )
    .addOption(
      new Option("--html <page.html>", "page to write: model map, plots, int4 errors, health").conflicts([
        "safe",
        "tensor",
      ]), // they read something else
    )
    .option("--image <size>", "image size to estimate memory for (default: 1024x1024)", imageSize)
    .option("--context <tokens>", "sequence length to estimate memory for", integerBetween(1, 2 ** 24))
    .option("--sequences <count>", "number of sequences to estimate memory for", integerBetween(1, 1024))
    .addHelpText("after", examples)
    .action((path: string, _local: unknown, command: Command) => inspect(path, command.optsWithGlobals(), terminal));
  addGraphCommand(inspectCommand, terminal);
  addQuantReportCommand(inspectCommand, terminal);
}

/** Commander reads the options of `inspect` behind a subcommand too, where they would mean nothing. */
function refuseOwnOptions(inspectCommand: Command, subcommand: Command): void {
  const stray = inspectCommand.options.find(
    (option) => inspectCommand.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (stray)
    subcommand.error(`error: unknown option '${stray.long}'`, { code: "commander.unknownOption", exitCode: 1 });
}

async function inspect(name: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(name);
  if (flags.adapter !== undefined) return inspectAdapter(path, flags.adapter, flags, terminal);
  if (flags.safe) return inspectSafety(path, flags, terminal);
  if (flags.health || flags.html !== undefined) return inspectHealth(path, flags, terminal);
  if (flags.tensor !== undefined) return inspectTensors(path, flags.tensor, flags, terminal);
  const description = await describeCheckpoint(path, { prove: flags.prove === true, signal: terminal.signal });
  const memory = await memoryOf(description, flags);
  if (flags.json) return printJson(terminal, { ...description, memory });
  const colours = coloursFor(terminal.stdout);
  printLine(terminal, descriptionText(shown(description), flags.depth, colours));
  if (memory === undefined) return;
  printLine(terminal, `\n${"problem" in memory ? colours.yellow(shown(memory.problem)) : memoryText(memory, colours)}`);
}

async function inspectAdapter(path: string, folder: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const report = await adapterReport(path, folder, { signal: terminal.signal });
  if (flags.json) return printJson(terminal, report);
  printLine(terminal, adapterText(shown(report), coloursFor(terminal.stdout)));
}

async function inspectTensors(path: string, pattern: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const statistics = await withProgress(terminal, "reading", flags, (pass) =>
    tensorStatistics(path, { ...pass, pattern }),
  );
  if (flags.json) return printJson(terminal, statistics);
  printLine(terminal, statisticsText(shown(statistics), coloursFor(terminal.stdout)));
}

/** With a page of all that was found, when one is asked for; only --health makes what is bad an error. */
async function inspectHealth(path: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  await checkPagePath(flags.html);
  const examination = await withProgress(terminal, "reading", flags, (pass) => examine(path, pass));
  if (flags.html !== undefined) {
    const memory = await memoryOf(examination.description, flags);
    await writePage(flags.html, inspectPage(examination, memory), terminal, flags);
  }
  const { healthy, findings } = examination;
  if (flags.json) printJson(terminal, { healthy, findings, ...(flags.html !== undefined && { page: flags.html }) });
  else printLine(terminal, healthText(shown({ healthy, findings }), coloursFor(terminal.stdout)));
  if (flags.health) refuseUnhealthy(path, examination);
}

function refuseUnhealthy(path: string, { healthy, findings }: HealthReport): void {
  if (healthy) return;
  const bad = findings.filter(({ severity }) => severity === "bad");
  throw new OcellusError(
    "invalid_file",
    `${path} is not healthy: ${[...new Set(bad.map(({ kind }) => kind))].join(", ")}`,
  );
}

async function inspectSafety(path: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const safety = await auditCheckpoint(path, { signal: terminal.signal });
  if (flags.json) printJson(terminal, safety);
  else printLine(terminal, safetyText(shown(safety), coloursFor(terminal.stdout)));
  if (safety.verdict !== "dangerous") return;
  const bad = safety.files.filter(({ verdict }) => verdict === "dangerous");
  const more = bad.length > 1 ? ` and ${bad.length - 1} more` : "";
  throw new OcellusError("invalid_file", `dangerous: ${bad[0]!.path}${more}; do not load it with Python`);
}

/** Undefined for a stranger; a wrong preprocessor_config.json beside good weights is told, and no reason to stop. */
async function memoryOf({ path, config }: CheckpointDescription, flags: InspectFlags) {
  if (config.state !== "known" && config.state !== "packed") return undefined;
  try {
    return await estimateMemory(path, memoryOptions(flags));
  } catch (error) {
    if (error instanceof OcellusError && error.code === "invalid_config") return { problem: error.message };
    throw error;
  }
}

function memoryOptions({ image, context, sequences }: InspectFlags): MemoryOptions {
  return {
    ...(image && { image }),
    ...(context !== undefined && { contextTokens: context }),
    ...(sequences !== undefined && { numSequences: sequences }),
  };
}

/** `1024x768` */
function imageSize(text: string): ImageSize {
  const [, width, height] = /^(\d{1,5})[x×](\d{1,5})$/.exec(text) ?? [];
  if (width === undefined || height === undefined)
    throw new InvalidArgumentError("Expected WIDTHxHEIGHT, such as 1024x768.");
  return { width: Number(width), height: Number(height) };
}
