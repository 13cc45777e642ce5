/** `ocellus rm NAME`: removes pulled checkpoints, the rests of interrupted pulls, or the packed models of the cache. */
import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { formatBytes, nearestHint, OcellusError } from "../../../core/base/index.js";
import { findPulled, listPartial, listPulled, parseModelName, removeFolders } from "../../../hub/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { packedModels } from "./packed-models.js";

interface RmFlags extends GlobalFlags {
  readonly partial?: boolean;
  readonly packed?: boolean;
  readonly yes?: boolean;
}

interface Removable {
  readonly repo: string;
  /** Of a checkpoint. */
  readonly commit?: string;
  readonly folder: string;
  readonly bytes: number;
}

export function addRmCommand(program: Command, terminal: Terminal): void {
  program
    .command("rm")
    .description("remove a downloaded checkpoint, all revisions or one (NAME@REVISION)")
    .argument("[name]", "owner/name as `ocellus list` shows it")
    .addOption(new Option("--partial", "remove the files of interrupted downloads instead; without NAME, of all"))
    .addOption(
      new Option(
        "--packed",
        "remove the packed models of the cache instead; they are packed again when needed",
      ).conflicts("partial"),
    )
    .option("-y, --yes", "remove without asking")
    .action((name: string | undefined, _local: unknown, command: Command) =>
      remove(name, command.optsWithGlobals(), terminal),
    );
}

async function remove(name: string | undefined, flags: RmFlags, terminal: Terminal): Promise<void> {
  const found = await removables(name, flags, terminal);
  if (found.length > 0) await confirm(found, flags, terminal);
  const freedBytes = await removeFolders(found.map(({ folder }) => folder));
  if (flags.json)
    return printJson(terminal, { removed: found.map(({ folder, bytes, ...names }) => names), freedBytes });
  for (const each of found) printLine(terminal, `removed ${labelOf(each, " ")}`);
  printLine(terminal, `${formatBytes(freedBytes)} freed`);
}

async function removables(name: string | undefined, flags: RmFlags, terminal: Terminal): Promise<Removable[]> {
  if (flags.partial) return idlePartials(name, terminal);
  if (!flags.packed) return pulledNamed(name);
  if (name === undefined) return (await packedModels()).map(({ name: repo, ...found }) => ({ repo, ...found }));
  throw new OcellusError("invalid_request", "rm: --packed removes all packed models; leave the name out");
}

function labelOf({ repo, commit }: Removable, separator: string): string {
  return commit === undefined ? repo : `${repo}${separator}${commit.slice(0, 12)}`;
}

async function pulledNamed(name: string | undefined): Promise<Removable[]> {
  if (name === undefined)
    throw new OcellusError("invalid_request", "rm: expected the name of a checkpoint; `ocellus list` shows them");
  const found = await findPulled(parseModelName(name));
  if (found.length > 0) return found;
  const names = (await listPulled()).map((model) => model.repo);
  throw new OcellusError("not_found", `rm: no downloaded checkpoint ${name}${nearestHint(name, new Set(names))}`);
}

async function idlePartials(name: string | undefined, terminal: Terminal): Promise<Removable[]> {
  const partials = await listPartial(name === undefined ? undefined : parseModelName(name).repo);
  const busy = partials.filter((partial) => partial.busy);
  printNotes(
    terminal,
    busy.map((partial) => `${partial.repo} is being downloaded now; not removed`),
  );
  return partials.filter((partial) => !partial.busy);
}

async function confirm(found: readonly Removable[], flags: RmFlags, terminal: Terminal): Promise<void> {
  if (flags.yes) return;
  const bytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
  const what = `${found.map((each) => labelOf(each, "@")).join(", ")} (${formatBytes(bytes)})`;
  if (!terminal.stdin.isTTY || flags.json)
    throw new OcellusError("invalid_request", `rm: would remove ${what}; add --yes to do it`);
  const lines = createInterface({ input: terminal.stdin, output: terminal.stderr });
  try {
    const answer = await lines.question(`remove ${what}? [y/N] `, { signal: terminal.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new OcellusError("aborted", "rm: nothing was removed");
  } finally {
    lines.close();
  }
}
