/** `ocellus rm NAME`: removes pulled checkpoints, or what interrupted pulls have left. Packed models: `ocellus cache --clear`. */
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { formatBytes, nearestHint, OcellusError } from "../../../core/base/index.js";
import { findPulled, listPartial, listPulled, parseModelName, removeFolders } from "../../../hub/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";

interface RmFlags extends GlobalFlags {
  readonly partial?: boolean;
  readonly yes?: boolean;
}

interface Removable {
  readonly repo: string;
  readonly commit: string;
  readonly folder: string;
  readonly bytes: number;
}

export function addRmCommand(program: Command, terminal: Terminal): void {
  program
    .command("rm")
    .description("remove a pulled checkpoint, all revisions or one (NAME@REVISION)")
    .argument("[name]", "owner/name as `ocellus list` shows it")
    .option("--partial", "remove what interrupted pulls have left instead; without a name, of all of them")
    .option("-y, --yes", "do not ask")
    .action((name: string | undefined, _local: unknown, command: Command) =>
      remove(name, command.optsWithGlobals(), terminal),
    );
}

async function remove(name: string | undefined, flags: RmFlags, terminal: Terminal): Promise<void> {
  const found = flags.partial ? await idlePartials(name, terminal) : await pulledNamed(name);
  if (found.length > 0) await confirm(found, flags, terminal);
  const freedBytes = await removeFolders(found.map(({ folder }) => folder));
  const removed = found.map(({ repo, commit }) => ({ repo, commit }));
  if (flags.json) return printJson(terminal, { removed, freedBytes });
  for (const { repo, commit } of removed) printLine(terminal, `removed ${repo} ${commit.slice(0, 12)}`);
  printLine(terminal, `${formatBytes(freedBytes)} freed`);
}

async function pulledNamed(name: string | undefined): Promise<Removable[]> {
  if (name === undefined)
    throw new OcellusError(
      "invalid_request",
      "rm: expected the name of a pulled checkpoint; `ocellus list` shows them",
    );
  const found = await findPulled(parseModelName(name));
  if (found.length > 0) return found;
  const names = (await listPulled()).map((model) => model.repo);
  throw new OcellusError("not_found", `rm: no pulled checkpoint ${name}${nearestHint(name, new Set(names))}`);
}

async function idlePartials(name: string | undefined, terminal: Terminal): Promise<Removable[]> {
  const partials = await listPartial(name === undefined ? undefined : parseModelName(name).repo);
  const busy = partials.filter((partial) => partial.busy);
  printNotes(
    terminal,
    busy.map((partial) => `${partial.repo} is being pulled now; left alone`),
  );
  return partials.filter((partial) => !partial.busy);
}

async function confirm(found: readonly Removable[], flags: RmFlags, terminal: Terminal): Promise<void> {
  if (flags.yes) return;
  const bytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
  const what = `${found.map(({ repo, commit }) => `${repo}@${commit.slice(0, 12)}`).join(", ")} (${formatBytes(bytes)})`;
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
