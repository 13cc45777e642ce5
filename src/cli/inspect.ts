/** `ocellus inspect CHECKPOINT`: what a checkpoint is, whether it is whole, and what it will cost, from its headers. */
import type { Command } from "commander";
import { resolveModel } from "../hub/index.js";
import { describeCheckpoint } from "../inspect/index.js";
import { descriptionText } from "./inspect-text.js";
import { type GlobalFlags, integerBetween } from "./options.js";
import { coloursFor, printJson, printLine, type Terminal } from "./terminal.js";

interface InspectFlags extends GlobalFlags {
  readonly depth: number;
  readonly prove?: boolean;
}

export function addInspectCommand(program: Command, terminal: Terminal): void {
  program
    .command("inspect")
    .description("open any checkpoint and say what it is, whether it is whole and what it costs")
    .argument("<checkpoint>", "folder, weights file or name of a pulled checkpoint")
    .option("--depth <levels>", "levels of the module tree", integerBetween(0, 32), 8)
    .option("--prove", "compare every byte of a head that samples say is tied")
    .addHelpText("after", "\nExamples:\n  ocellus inspect ./my-checkpoint\n  ocellus inspect ./my-checkpoint --json")
    .action((path: string, _local: unknown, command: Command) => inspect(path, command.optsWithGlobals(), terminal));
}

async function inspect(name: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(name);
  const described = await describeCheckpoint(path, { prove: flags.prove === true, signal: terminal.signal });
  if (flags.json) return printJson(terminal, described);
  printLine(terminal, descriptionText(described, flags.depth, coloursFor(terminal.stdout)));
}
