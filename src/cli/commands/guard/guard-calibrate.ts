/**
 * `ocellus guard calibrate DIR`: labelled pictures through one guard; how well its scores tell each category apart, and the
 * thresholds that follow. A folder's path inside DIR is the category of its pictures; `harmless` has the others.
 */
import { readdir } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import type { Command } from "commander";
import { ioError, OcellusError } from "../../../core/base/index.js";
import { chosenPoint, Guards, rocOf } from "../../../guardrails/index.js";
import { type GlobalFlags, numberBetween } from "../../options.js";
import { type CategoryCurve, rocPage } from "../../ui/guard-roc-page.js";
import { checkPagePath, writePage } from "../../ui/page-file.js";
import { formatSeconds, startProgress } from "../../ui/progress.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";

interface CalibrateFlags extends GlobalFlags {
  readonly guards: string;
  readonly guard: string;
  readonly falseHits: number;
  readonly html?: string;
}

export function addGuardCalibrateCommand(guard: Command, terminal: Terminal): void {
  guard
    .command("calibrate")
    .description("choose the thresholds of an image guardrail from labelled images")
    .argument("<folder>", "folder with one folder of images per category (nested allowed) and one called harmless")
    .requiredOption("--guards <file>", "guardrail policy file")
    .requiredOption("--guard <name>", "name of the guardrail")
    .option("--false-hits <share>", "largest share of harmless images that may be flagged", numberBetween(0, 1), 0.01)
    .option("--html <page>", "page to write the ROC curves to")
    .addHelpText(
      "after",
      "\nExample:\n  ocellus guard calibrate labelled/ --guards policy.json --guard clip --html roc.html",
    )
    .action((folder: string, _local: unknown, command: Command) =>
      calibrate(folder, command.optsWithGlobals(), terminal),
    );
}

async function calibrate(folder: string, flags: CalibrateFlags, terminal: Terminal): Promise<void> {
  await checkPagePath(flags.html);
  const images = await labelledImages(folder);
  const guards = await Guards.open(flags.guards);
  try {
    if (!(flags.guard in guards.policy.guards))
      throw new OcellusError("not_found", `${flags.guards} has no guardrail ${flags.guard}`);
    const scored = await scoresOf(images, guards, flags, terminal);
    const categories = [...new Set(images.map(({ category }) => category))].filter((name) => name !== harmless).sort();
    const curves = categories.map((category) => curveOf(category, scored, flags.falseHits));
    if (flags.html !== undefined) await writePage(flags.html, rocPage(flags.guard, curves), terminal, flags);
    if (flags.json)
      printJson(terminal, { guard: flags.guard, images: images.length, curves, rules: rules(curves, flags) });
    else printLine(terminal, report(curves, flags));
  } finally {
    await guards.close();
  }
}

const harmless = "harmless";

interface Labelled {
  readonly path: string;
  readonly category: string;
}

async function labelledImages(folder: string): Promise<Labelled[]> {
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw ioError("read the folder", folder, cause);
  });
  const images = names
    .filter((name) => /\.(jpe?g|png|webp|gif|avif|tiff?|bmp)$/i.test(name) && dirname(name) !== ".")
    .map((name) => ({ path: join(folder, name), category: dirname(name).split(sep).join("/") }));
  const labels = new Set(images.map(({ category }) => category));
  if (labels.has(harmless) && labels.size > 1) return images;
  throw new OcellusError(
    "invalid_request",
    `${folder}: expected folders of images, "${harmless}" and one per category, found ${[...labels].join(", ") || "none"}`,
  );
}

interface Scored extends Labelled {
  readonly scores: ReadonlyMap<string, number>;
}

async function scoresOf(
  images: readonly Labelled[],
  guards: Guards,
  { guard, json }: CalibrateFlags,
  terminal: Terminal,
): Promise<Scored[]> {
  const progress = startProgress(terminal, {
    label: "calibrating",
    describe: ({ done, total, secondsLeft }) => `${done} of ${total} images, ${formatSeconds(secondsLeft)} left`,
    silent: json === true,
  });
  const scored: Scored[] = [];
  try {
    for (const image of images) {
      const { findings, reports } = await guards.moderate([{ image: image.path }], terminal.signal);
      const failed = reports.find(({ name, failed }) => name === guard && failed !== undefined)?.failed;
      if (failed !== undefined)
        throw new OcellusError("unavailable", `${image.path}: guardrail ${guard} failed: ${failed}`);
      const own = findings.filter((finding) => finding.guard === guard);
      scored.push({ ...image, scores: new Map(own.map(({ category, score }) => [category, score])) });
      progress.update(scored.length, images.length);
    }
    return scored;
  } finally {
    progress.stop();
  }
}

/** Pictures of a part of the category are its pictures too; all others are not. */
function curveOf(category: string, scored: readonly Scored[], falseHits: number): CategoryCurve {
  const isOf = (name: string) => name === category || name.startsWith(`${category}/`);
  const scoreOf = ({ scores }: Scored) =>
    Math.max(0, ...[...scores].filter(([name]) => isOf(name)).map(([, score]) => score));
  const positives = scored.filter((image) => isOf(image.category)).map(scoreOf);
  const negatives = scored.filter((image) => !isOf(image.category)).map(scoreOf);
  const roc = rocOf(positives, negatives);
  return {
    category,
    images: positives.length,
    others: negatives.length,
    ...roc,
    chosen: chosenPoint(roc, falseHits),
  };
}

/** For the policy; where nothing may be hit there is none. */
function rules(curves: readonly CategoryCurve[], { guard }: CalibrateFlags) {
  return curves.flatMap(({ category, chosen: { threshold } }) =>
    Number.isFinite(threshold)
      ? [{ guard, category, threshold: Math.floor(threshold * 1e4) / 1e4, action: "block" }]
      : [],
  );
}

function report(curves: readonly CategoryCurve[], flags: CalibrateFlags): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const rows = curves.map(({ category, images, others, area, chosen }) => [
    ...[category, String(images), String(others), area.toFixed(4)],
    Number.isFinite(chosen.threshold) ? chosen.threshold.toFixed(4) : "none",
    ...[percent(chosen.truePositiveRate), percent(chosen.falsePositiveRate)],
  ]);
  const header = ["category", "images", "others", "area", "threshold", "hit", "false hits"];
  const table = textTable([header, ...rows], ["left", ...header.slice(1).map(() => "right" as const)]);
  const pasted = rules(curves, flags).map((rule) => `  ${JSON.stringify(rule)}`);
  return `${table}\n\nrules for the policy:\n${pasted.join(",\n")}`;
}
