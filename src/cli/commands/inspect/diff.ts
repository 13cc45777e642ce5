/** `ocellus diff A B`: what changed between two checkpoints. */
import type { Command } from "commander";
import { resolveModel } from "../../../hub/index.js";
import { diffCheckpoints, diffPage } from "../../../inspect/index.js";
import type { GlobalFlags } from "../../options.js";
import { diffText } from "../../ui/diff-text.js";
import { checkPagePath, writePage } from "../../ui/page-file.js";
import { withProgress } from "../../ui/pass-progress.js";
import { shown } from "../../ui/shown.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";

interface DiffFlags extends GlobalFlags {
  readonly quick?: boolean;
  readonly html?: string;
}

const examples = `
Examples:
  ocellus diff ./v1.0.0 ./v1.1.0              configs, names, shapes, and how far every tensor moved
  ocellus diff ./v1.0.0 ./v1.1.0 --quick      headers and configs only
  ocellus diff ./v1.0.0 ./v1.1.0 --html diff.html   as a page`;

export function addDiffCommand(program: Command, terminal: Terminal): void {
  program
    .command("diff")
    .description("compare two checkpoints")
    .argument("<a>", "folder, weights file or downloaded owner/name")
    .argument("<b>", "checkpoint to compare it with")
    .option("--quick", "compare headers and configs only")
    .option("--html <page.html>", "page to write: changes by part, layer and tensor")
    .addHelpText("after", examples)
    .action((a: string, b: string, _local: unknown, command: Command) =>
      diff(a, b, command.optsWithGlobals(), terminal),
    );
}

async function diff(a: string, b: string, flags: DiffFlags, terminal: Terminal): Promise<void> {
  const paths = [await resolveModel(a), await resolveModel(b)] as const;
  await checkPagePath(flags.html);
  const found = await withProgress(terminal, "comparing", flags, (pass) =>
    diffCheckpoints(...paths, { ...pass, quick: flags.quick === true }),
  );
  if (flags.html !== undefined) await writePage(flags.html, diffPage(found), terminal, flags);
  if (flags.json) printJson(terminal, { ...found, ...(flags.html !== undefined && { page: flags.html }) });
  else printLine(terminal, diffText(shown(found), coloursFor(terminal.stdout)));
}
