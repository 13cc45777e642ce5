/** `ocellus guard test FILE|TEXT`: which words and which personal data a text holds, where, and why. */
import { readFile, stat } from "node:fs/promises";
import type { Command } from "commander";
import { ioError, OcellusError } from "../../../core/base/index.js";
import {
  type Folding,
  foldings,
  parseWordList,
  personalDataFinder,
  type Span,
  type WordRule,
  wordFinder,
  wordListFormat,
} from "../../../guardrails/index.js";
import { commaList, type GlobalFlags } from "../../options.js";
import { sampleWords } from "../../package-files.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { testPolicy } from "./guard-policy.js";

interface GuardTestFlags extends GlobalFlags {
  readonly guards?: string;
  readonly list?: readonly string[];
  readonly allow?: readonly string[];
  readonly without?: readonly Folding[];
}

interface Fired extends Span {
  readonly text: string;
  readonly line: number;
  /** The foldings without which it would not have been found. */
  readonly because: readonly Folding[];
}

/** A text of this size is read whole; more is a file for `ocellus batch`. */
const maxBytes = 64 * 2 ** 20;

const examples = `
Examples:
  ocellus guard test "some b l e e p i n g text" --list words.txt
  ocellus guard test photo.jpg --guards policy.json
  ocellus guard test answer.txt --list words.csv --list more.json --json
  ocellus guard test answer.txt --list words.txt --without homophones,leet --allow "a harmless phrase"`;

export function addGuardTestCommand(guard: Command, terminal: Terminal): void {
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  guard
    .command("test")
    .description("find blocklist words and personal data in a text, or run a policy on a text or image")
    .argument("<file|text>", "text file, image file (with --guards), or the text itself")
    .option("--guards <file>", "guardrail policy file to run")
    .option("--list <file>", "blocklist file: .txt, .csv or .json (repeatable; default: a small sample)", collect)
    .option("--allow <phrase>", "phrase that never matches (repeatable)", collect)
    .option("--without <foldings>", `spelling variants to ignore: ${foldings.join(", ")}`, commaList(foldings))
    .addHelpText("after", examples)
    .action((input: string, _local: unknown, command: Command) =>
      guardTest(input, command.optsWithGlobals(), terminal),
    );
}

async function guardTest(input: string, flags: GuardTestFlags, terminal: Terminal): Promise<void> {
  const { guards } = flags;
  if (guards !== undefined) return testPolicy(input, () => readInput(input), { ...flags, guards }, terminal);
  const lists = await Promise.all((flags.list ?? [sampleWords]).map(readList));
  const text = await readInput(input);
  const rules = lists.flat();
  const options = Object.fromEntries((flags.without ?? []).map((name) => [name, false]));
  const words = wordFinder(rules, { ...options, allow: flags.allow ?? [] }).find(text);
  const spans = [...words, ...personalDataFinder().find(text)].sort((a, b) => a.start - b.start);
  const fired = spans.map((span) => ({
    ...placed(span, text),
    because: reasons(span, text, rules, flags.without ?? []),
  }));
  if (flags.json) printJson(terminal, { numWords: rules.length, fired });
  else printLine(terminal, report(fired, rules.length, terminal));
}

function placed(span: Span, text: string): Omit<Fired, "because"> {
  return { ...span, text: text.slice(span.start, span.end), line: text.slice(0, span.start).split("\n").length };
}

/** Each folding is left out in turn. */
function reasons(span: Span, text: string, rules: readonly WordRule[], without: readonly Folding[]): Folding[] {
  const rule = rules.filter(({ word, category }) => word === span.word && category === span.category).slice(0, 1);
  if (rule.length === 0) return []; // personal data
  const around = text.slice(Math.max(0, span.start - 1), span.end + 1); // the neighbours decide about bounds of words
  const off = Object.fromEntries(without.map((name) => [name, false]));
  return foldings.filter((name) => wordFinder(rule, { ...off, [name]: false }).find(around).length === 0);
}

function report(fired: readonly Fired[], numWords: number, terminal: Terminal): string {
  const { bold, dim } = coloursFor(terminal.stdout);
  if (fired.length === 0) return `nothing found; ${numWords} words and personal data were looked for`;
  const rows = fired.map(({ line, start, end, text, category, severity, word, because }) => [
    ...[`line ${line}`, `${start}–${end}`, bold(JSON.stringify(text)), category, `severity ${severity}`, word],
    dim(because.length > 0 ? `by ${because.join(", ")}` : ""),
  ]);
  return textTable(rows);
}

async function readList(path: string): Promise<readonly WordRule[]> {
  return parseWordList(await readText(path, "read the word list"), wordListFormat(path), path);
}

async function readInput(input: string): Promise<string> {
  const isFile = await stat(input).then(
    (found) => found.isFile(),
    () => false, // no file of that name, or no name: it is the text
  );
  return isFile ? readText(input, "read") : input;
}

async function readText(path: string, action: string): Promise<string> {
  const bytes = await stat(path).then(
    ({ size }) => size,
    (cause) => {
      throw ioError(action, path, cause);
    },
  );
  if (bytes > maxBytes)
    throw new OcellusError("too_large", `${path}: expected at most ${maxBytes} bytes, found ${bytes}`);
  return readFile(path, "utf8").catch((cause) => {
    throw ioError(action, path, cause);
  });
}
