/** `ocellus pack --weights auto --budget SIZE`: measures, shows which matrix gets which format, and asks before packing. */
import { createInterface } from "node:readline/promises";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import { openCheckpoint } from "../../../core/checkpoint/index.js";
import { familyOf } from "../../../core/models/index.js";
import type { PackingPlan } from "../../../core/pack/index.js";
import { describeFormat } from "../../../core/tensor/index.js";
import { type BudgetPlan, planByBudget } from "../../../inspect/index.js";
import type { GlobalFlags } from "../../options.js";
import { describeBytes, formatSeconds, startProgress } from "../../ui/progress.js";
import type { Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { calibrationConversations } from "./calibration.js";

export interface AutoFlags extends GlobalFlags {
  readonly budget?: number;
  readonly calibration?: string;
  readonly visionWeights?: PackingPlan["visionWeights"] | undefined;
  readonly embeddingWeights?: PackingPlan["embeddingWeights"] | undefined;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export async function choosePlan(path: string, flags: AutoFlags, terminal: Terminal): Promise<BudgetPlan> {
  const { budget, visionWeights, embeddingWeights, json } = flags;
  if (budget === undefined)
    throw new OcellusError("invalid_request", "pack: --weights auto needs --budget, such as --budget 6GB");
  const silent = json === true;
  const bytes = (label: string) => startProgress(terminal, { label, describe: describeBytes, silent });
  const [packing, pass] = [bytes("packing to measure"), bytes("weighing formats")];
  const measuring = startProgress(terminal, {
    label: "measuring",
    describe: ({ done, total, secondsLeft }) => `${done} of ${total} answers, ${formatSeconds(secondsLeft)} left`,
    silent,
  });
  try {
    return await planByBudget(path, {
      budgetBytes: budget,
      conversations: await calibrationConversations(flags.calibration, await seesImages(path, "pack: --weights auto")),
      ...(visionWeights && { visionWeights }),
      ...(embeddingWeights && { embeddingWeights }),
      signal: terminal.signal,
      onPackProgress: ({ doneBytes, totalBytes }) => packing.update(doneBytes, totalBytes),
      onProgress: (done, total) => {
        packing.stop();
        measuring.update(done, total);
        if (done === total) measuring.stop();
      },
      onPassProgress: pass.update,
    });
  } finally {
    for (const progress of [packing, measuring, pass]) progress.stop();
  }
}

/** @throws `unsupported` for an encoder, naming the command that asked. */
export async function seesImages(path: string, command: string): Promise<boolean> {
  const checkpoint = await openCheckpoint(path);
  const family = familyOf(await checkpoint.readJson("config.json").finally(() => checkpoint.close()));
  if (family.kind === "language") return family.image !== undefined;
  throw new OcellusError("unsupported", `${command} needs a model that writes text, not an encoder`);
}

/** The costliest first; then how many matrices and bytes each format has. */
export function planText({ matrices, bytes, budgetBytes }: BudgetPlan): string {
  const rows = [...matrices]
    .sort((a, b) => b.error - a.error)
    .map(({ tensors, format, bytes, error }) => {
      return [tensors.join(" + "), describeFormat(format), formatBytes(bytes), error.toExponential(1)];
    });
  const counts = new Map<string, { count: number; bytes: number }>();
  for (const { format, bytes } of matrices) {
    const { count, bytes: sum } = counts.get(describeFormat(format)) ?? { count: 0, bytes: 0 };
    counts.set(describeFormat(format), { count: count + 1, bytes: sum + bytes });
  }
  const summary = [...counts].map(([format, { count, bytes }]) => `${count} × ${format} (${formatBytes(bytes)})`);
  return [
    textTable([["matrix", "format", "bytes", "divergence"], ...rows], ["left", "left", "right", "right"]),
    `\n${summary.join(", ")}; all weights ${formatBytes(bytes)} of ${formatBytes(budgetBytes)}`,
  ].join("\n");
}

/** As `ocellus rm`: without a terminal to ask on, --yes is needed. @throws `invalid_request`, `aborted`. */
export async function confirmPlan(plan: BudgetPlan, flags: AutoFlags, terminal: Terminal): Promise<void> {
  if (!flags.json) terminal.stderr.write(`${planText(plan)}\n`);
  if (flags.yes) return;
  if (!terminal.stdin.isTTY || flags.json)
    throw new OcellusError(
      "invalid_request",
      `pack: would write ${formatBytes(plan.bytes)}; add --yes to do it, or --dry-run to see the plan`,
    );
  const lines = createInterface({ input: terminal.stdin, output: terminal.stderr });
  try {
    const answer = await lines.question("pack this? [y/N] ", { signal: terminal.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new OcellusError("aborted", "pack: nothing was packed");
  } finally {
    lines.close();
  }
}
