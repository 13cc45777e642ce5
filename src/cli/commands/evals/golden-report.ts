/** `ocellus golden report A [B]`: what one result says, or how two differ on the same questions. */
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import {
  compareGolden,
  type GoldenComparison,
  type GoldenResult,
  readGoldenResult,
  summaryOf,
} from "../../../evals/index.js";
import { type GlobalFlags, integerBetween } from "../../options.js";
import { goldenPage } from "../../ui/golden-page.js";
import { comparisonText, defaultShown, goldenNotes, resultText } from "../../ui/golden-text.js";
import { checkPagePath, writePage } from "../../ui/page-file.js";
import { shown } from "../../ui/shown.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";

interface ReportFlags extends GlobalFlags {
  readonly html?: string;
  readonly show: number;
}

export function addGoldenReport(golden: Command, terminal: Terminal): void {
  golden
    .command("report")
    .description("report one result of `golden run`, or compare two")
    .argument("<a>", "result file")
    .argument("[b]", "result file to compare with")
    .option("--show <count>", "number of answers to list", integerBetween(0, 1_000_000), defaultShown)
    .option("--html <page.html>", "page to write, with the images")
    .addHelpText(
      "after",
      "\nExample:\n  ocellus golden report tiny-v1.0.0.golden tiny-v1.1.0.golden --html report.html",
    )
    .action((a: string, b: string | undefined, _local: unknown, command: Command) =>
      report(a, b, command.optsWithGlobals(), terminal),
    );
}

async function report(pathA: string, pathB: string | undefined, flags: ReportFlags, terminal: Terminal): Promise<void> {
  await checkPagePath(flags.html);
  const a = await readGoldenResult(pathA);
  const b = pathB === undefined ? undefined : await readGoldenResult(pathB);
  const compared = b && { b, comparison: comparisonOf(a, b) };
  if (flags.html !== undefined) await writePage(flags.html, await goldenPage(a, compared), terminal, flags);
  if (flags.json)
    return printJson(terminal, { a: summaryOf(a), ...(compared && { ...compared, b: summaryOf(compared.b) }) });
  const colours = coloursFor(terminal.stdout);
  printLine(
    terminal,
    compared
      ? comparisonText(shown({ a, ...compared }), flags.show, colours)
      : resultText(shown(a), flags.show, colours),
  );
  printNotes(terminal, [a, ...(b ? [b] : [])].flatMap(goldenNotes));
}

/** @throws `invalid_request` */
function comparisonOf(a: GoldenResult, b: GoldenResult): GoldenComparison {
  const comparison = compareGolden(a, b);
  if (comparison) return comparison;
  throw new OcellusError(
    "invalid_request",
    `${a.path} and ${b.path} have no question in common; run both on one golden set`,
  );
}
