/** `ocellus guard lint FILE`: what is dangerous in a list of words, and the list without it. */
import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { ioError } from "../../../core/base/index.js";
import { type LintReport, lintKinds, lintWords, readWordList, wordListFormat } from "../../../guardrails/index.js";
import type { GlobalFlags } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";

interface GuardLintFlags extends GlobalFlags {
  readonly text?: readonly string[];
  readonly clean?: string;
}

/** Of each kind; `--json` has them all. */
const maxShown = 10;

const examples = `
Examples:
  ocellus guard lint words.txt
  ocellus guard lint words.txt --text news.txt --text reviews.txt --clean words.csv`;

export function addGuardLintCommand(guard: Command, terminal: Terminal): void {
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  guard
    .command("lint")
    .description("find risky entries of a blocklist: too short, common, duplicate, redundant, not a word")
    .argument("<file>", "blocklist file: .txt, .csv or .json")
    .option("--text <file>", "ordinary text that should have no matches (repeatable)", collect)
    .option("--clean <file>", "CSV file to write the cleaned list to")
    .addHelpText("after", examples)
    .action((file: string, _local: unknown, command: Command) => lint(file, command.optsWithGlobals(), terminal));
}

async function lint(file: string, flags: GuardLintFlags, terminal: Terminal): Promise<void> {
  const list = readWordList(await text(file), wordListFormat(file), file);
  const ordinary = flags.text && (await Promise.all(flags.text.map(text))).join("\n");
  const report = lintWords(list, ordinary);
  if (flags.clean !== undefined) await write(flags.clean, report);
  const { cleaned, ...told } = report;
  if (flags.json) printJson(terminal, { ...told, numCleaned: cleaned.length });
  else for (const line of linesOf(report)) printLine(terminal, line);
}

function linesOf({ numWords, numSentences, numHit, numHitCleaned, problems, cleaned }: LintReport): string[] {
  const kinds = lintKinds.flatMap((kind) => {
    const found = problems.filter((problem) => problem.kind === kind);
    const shown = found.slice(0, maxShown).map(({ line, word, by, numSentences: times }) => {
      const why = by !== undefined ? ` (has ${by})` : times !== undefined ? ` (${times} sentences)` : "";
      return `  line ${line}: ${word.slice(0, 60)}${why}`;
    });
    const more = found.length > maxShown ? [`  … ${found.length - maxShown} more`] : [];
    return found.length === 0 ? [] : [`${kind}: ${found.length}`, ...shown, ...more];
  });
  const hits =
    numSentences === undefined ? [] : [`${numHit} of ${numSentences} sentences match; ${numHitCleaned} after cleaning`];
  return [...kinds, `${numWords} words; ${cleaned.length} after cleaning`, ...hits];
}

async function write(file: string, { cleaned }: LintReport): Promise<void> {
  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
  const rows = cleaned.map(({ word, category, severity }) => `${quoted(word)},${quoted(category)},${severity ?? 1}`);
  await writeFile(file, `word,category,severity\n${rows.join("\n")}\n`).catch((cause) => {
    throw ioError("write", file, cause);
  });
}

function text(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause) => {
    throw ioError("read", file, cause);
  });
}
