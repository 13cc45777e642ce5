/** `ocellus list`: the models on this machine: pulled checkpoints, pulls that were interrupted, packed models. */

import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { formatBytes } from "../../../core/base/index.js";
import { listPartial, listPulled } from "../../../hub/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { packedModels } from "./packed-models.js";

export function addListCommand(program: Command, terminal: Terminal): void {
  program
    .command("list")
    .description("list downloaded checkpoints and packed models with size, revision and date")
    .action((_local: unknown, command: Command) => list(command.optsWithGlobals(), terminal));
}

async function list(flags: GlobalFlags, terminal: Terminal): Promise<void> {
  const [pulled, partial, packed] = await Promise.all([listPulled(), listPartial(), datedPackedModels()]);
  if (flags.json) return printJson(terminal, { pulled, partial, packed });
  const rows = [
    ...pulled.map((m) => [m.repo, formatBytes(m.bytes), `${m.revision} ${m.commit.slice(0, 12)}`, day(m.date)]),
    ...partial.map((p) => [p.repo, formatBytes(p.bytes), `${p.busy ? "pulling" : "partial"} ${p.commit.slice(0, 12)}`]),
    ...packed.map((m) => [m.name, formatBytes(m.bytes), "packed", day(m.date)]),
  ];
  const none = "no models yet; download one with: ocellus pull OWNER/NAME";
  printLine(terminal, rows.length > 0 ? textTable(rows, ["left", "right"]) : none);
}

async function datedPackedModels(): Promise<{ name: string; bytes: number; date: string }[]> {
  const models = await packedModels();
  const dates = await Promise.all(models.map(({ folder }) => stat(folder).catch(() => undefined)));
  return models.map(({ name, bytes }, i) => ({ name, bytes, date: dates[i]?.mtime.toISOString() ?? "" }));
}

function day(date: string): string {
  return date.slice(0, 10);
}
