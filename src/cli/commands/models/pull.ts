/** `ocellus pull OWNER/NAME`: a checkpoint from the hub into the cache, where `--model OWNER/NAME` finds it. */

import type { Command } from "commander";
import { formatBytes } from "../../../core/base/index.js";
import { type PullPlan, type PullResult, pull } from "../../../hub/index.js";
import type { GlobalFlags } from "../../options.js";
import { describeBytes, type Progress, startProgress } from "../../ui/progress.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";

interface PullFlags extends GlobalFlags {
  readonly revision?: string;
  readonly include?: string[];
  readonly force?: boolean;
  readonly offline?: boolean;
}

export function addPullCommand(program: Command, terminal: Terminal): void {
  program
    .command("pull")
    .description("download a checkpoint; resumable")
    .argument("<repository>", "owner/name on the hub")
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--include <globs...>", "additional files, for example README.md or 'docs/**'")
    .option("--force", "download again, even if it is complete")
    .option("--offline", "use local files only; no network access")
    .addHelpText(
      "after",
      `
Environment: HF_ENDPOINT (another hub), HF_TOKEN (gated and private models), HF_HUB_OFFLINE=1, OCELLUS_CACHE

Examples:
  ocellus pull Qwen/Qwen3-VL-2B-Instruct
  ocellus ask dress.jpg "What colour is it?" --model Qwen/Qwen3-VL-2B-Instruct`,
    )
    .action((repository: string, _local: unknown, command: Command) =>
      pullCommand(repository, command.optsWithGlobals(), terminal),
    );
}

async function pullCommand(repository: string, flags: PullFlags, terminal: Terminal): Promise<void> {
  const note = (text: string) => (flags.json ? undefined : printNotes(terminal, [text]));
  let progress: Progress | undefined;
  let plan: PullPlan | undefined;
  try {
    const { json, debug, ...options } = flags;
    const result = await pull(repository, {
      ...options,
      signal: terminal.signal,
      onPlan: (made) => {
        plan = made;
        for (const line of describePlan(made)) note(line);
        progress = startProgress(terminal, { label: "pulling", describe: describeBytes, silent: flags.json === true });
      },
      onProgress: ({ doneBytes, totalBytes }) => progress?.update(doneBytes, totalBytes),
      onNote: note,
    });
    progress?.stop();
    if (json) return printJson(terminal, { ...result, leftOut: plan?.leftOut.map((file) => file.path) ?? [] });
    printLine(terminal, describeResult(result));
  } catch (error) {
    progress?.stop();
    if (plan && terminal.signal.aborted)
      note(`${plan.repo}: downloaded parts are kept; run the same command to continue`);
    throw error;
  }
}

function describePlan({ repo, commit, files, leftOut, totalBytes, keptBytes }: PullPlan): string[] {
  const kept = keptBytes > 0 ? `, of which ${formatBytes(keptBytes)} are already downloaded` : "";
  const lines = [`${repo} at ${commit.slice(0, 12)}: ${files.length} files, ${formatBytes(totalBytes)}${kept}`];
  if (leftOut.length > 0) {
    const bytes = leftOut.reduce((sum, file) => sum + file.sizeBytes, 0);
    const names = leftOut.slice(0, 6).map((file) => file.path);
    const more = leftOut.length > names.length ? ` and ${leftOut.length - names.length} more` : "";
    lines.push(`left out (${formatBytes(bytes)}): ${names.join(", ")}${more}; --include adds them`);
  }
  return lines;
}

function describeResult({ repo, folder, bytes, alreadyHere }: PullResult): string {
  return `${repo}: ${alreadyHere ? "already downloaded" : `pulled, ${formatBytes(bytes)}`}\n${folder}`;
}
