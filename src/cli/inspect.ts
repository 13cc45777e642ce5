/** `ocellus inspect CHECKPOINT`: what a checkpoint is, whether it is whole, and what it will cost, from its headers. */
import { type Command, InvalidArgumentError } from "commander";
import { OcellusError } from "../base/index.js";
import { resolveModel } from "../hub/index.js";
import {
  type CheckpointDescription,
  describeCheckpoint,
  estimateMemory,
  type MemoryOptions,
  type PictureSize,
} from "../inspect/index.js";
import { descriptionText } from "./inspect-text.js";
import { memoryText } from "./memory-text.js";
import { type GlobalFlags, integerBetween } from "./options.js";
import { coloursFor, printJson, printLine, type Terminal } from "./terminal.js";

interface InspectFlags extends GlobalFlags {
  readonly depth: number;
  readonly prove?: boolean;
  readonly picture?: PictureSize;
  readonly context?: number;
  readonly sequences?: number;
}

export function addInspectCommand(program: Command, terminal: Terminal): void {
  program
    .command("inspect")
    .description("open any checkpoint and say what it is, whether it is whole and what it costs")
    .argument("<checkpoint>", "folder, weights file or name of a pulled checkpoint")
    .option("--depth <levels>", "levels of the module tree", integerBetween(0, 32), 8)
    .option("--prove", "compare every byte of a head that samples say is tied")
    .option("--picture <size>", "picture to estimate memory for (default: 1024x1024)", pictureSize)
    .option("--context <tokens>", "tokens of a sequence to estimate memory for", integerBetween(1, 2 ** 24))
    .option("--sequences <count>", "sequences at once to estimate memory for", integerBetween(1, 1024))
    .addHelpText("after", "\nExamples:\n  ocellus inspect ./my-checkpoint\n  ocellus inspect ./my-checkpoint --json")
    .action((path: string, _local: unknown, command: Command) => inspect(path, command.optsWithGlobals(), terminal));
}

async function inspect(name: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(name);
  const description = await describeCheckpoint(path, { prove: flags.prove === true, signal: terminal.signal });
  const memory = await memoryOf(description, flags);
  if (flags.json) return printJson(terminal, { ...description, memory });
  const colours = coloursFor(terminal.stdout);
  printLine(terminal, descriptionText(description, flags.depth, colours));
  if (memory === undefined) return;
  printLine(terminal, `\n${"problem" in memory ? colours.yellow(memory.problem) : memoryText(memory, colours)}`);
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

function memoryOptions({ picture, context, sequences }: InspectFlags): MemoryOptions {
  return {
    ...(picture && { picture }),
    ...(context !== undefined && { contextTokens: context }),
    ...(sequences !== undefined && { numSequences: sequences }),
  };
}

/** `1024x768` */
function pictureSize(text: string): PictureSize {
  const [, width, height] = /^(\d{1,5})[x×](\d{1,5})$/.exec(text) ?? [];
  if (width === undefined || height === undefined)
    throw new InvalidArgumentError("Expected WIDTHxHEIGHT, such as 1024x768.");
  return { width: Number(width), height: Number(height) };
}
