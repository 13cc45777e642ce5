/** `ocellus pack CHECKPOINT`: makes the packed model ahead of the first question, or a copy of it in a folder of one's own. */
import type { Command } from "commander";
import { resolveModel } from "../hub/index.js";
import { type PackResult, pack, parsePlan } from "../pack/index.js";
import { folderBytes } from "./folder-bytes.js";
import {
  blockSizeOption,
  type GlobalFlags,
  type PackingFlags,
  visionOption,
  weightsOption,
  zeroPointsOption,
} from "./options.js";
import { describeBytes, formatBytes, formatSeconds, startProgress } from "./progress.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "./terminal.js";

interface PackFlags extends GlobalFlags, PackingFlags {
  readonly into?: string;
  readonly force?: boolean;
}

export function addPackCommand(program: Command, terminal: Terminal): void {
  program
    .command("pack")
    .description("turn a checkpoint into a packed model: ONNX graphs and small weights")
    .argument("<checkpoint>", "folder with config.json and the weights, or a pulled owner/name")
    .option("--into <folder>", "where to put it (default: the cache, where every command finds it)")
    .addOption(weightsOption())
    .addOption(blockSizeOption())
    .addOption(zeroPointsOption())
    .addOption(visionOption())
    .option("--force", "pack again even if it is there")
    .addHelpText("after", "\nExample:\n  ocellus pack ./my-checkpoint --weights int4 --into ./my-model")
    .action((path: string, _local: unknown, command: Command) =>
      packCommand(path, command.optsWithGlobals(), terminal),
    );
}

async function packCommand(checkpoint: string, flags: PackFlags, terminal: Terminal): Promise<void> {
  const started = performance.now();
  const result = await packWithProgress(checkpoint, flags, terminal);
  const bytes = await folderBytes(result.path);
  const seconds = (performance.now() - started) / 1000;
  if (flags.json) return printJson(terminal, { ...result, bytes, seconds });
  printNotes(terminal, result.notes);
  const how = result.written ? `packed in ${formatSeconds(seconds)}` : "was packed already";
  terminal.stderr.write(`${coloursFor(terminal.stderr).dim(how)}\n`);
  printLine(terminal, `${result.path}  ${formatBytes(bytes)}`);
}

export async function packWithProgress(checkpoint: string, flags: PackFlags, terminal: Terminal): Promise<PackResult> {
  const { into, force = false, weights = "int4" } = flags;
  const plan = parsePlan(weights, flags);
  const progress = startProgress(terminal, { label: "packing", describe: describeBytes, silent: flags.json === true });
  try {
    return await pack(await resolveModel(checkpoint), {
      plan,
      force,
      ...(into !== undefined && { into }),
      signal: terminal.signal,
      onProgress: ({ doneBytes, totalBytes }) => progress.update(doneBytes, totalBytes),
    });
  } finally {
    progress.stop();
  }
}
