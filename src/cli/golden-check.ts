/** `ocellus golden check SET`: every line and every picture of a golden set, looked at before a model is. */
import type { Command } from "commander";
import { OcellusError, throwIfAborted } from "../base/index.js";
import { decodeImage } from "../image/index.js";
import { type EvalCase, type MatchKind, matchKindOf, matchKinds, readEvalLines, reviewedCases } from "./eval-set.js";
import { severalPictures } from "./golden-set.js";
import type { GlobalFlags } from "./options.js";
import { shown } from "./shown.js";
import { printJson, printLine, type Terminal } from "./terminal.js";

export function addGoldenCheck(golden: Command, terminal: Terminal): void {
  golden
    .command("check")
    .description("look at every question and picture of a golden set")
    .argument("<set>", "a folder with .jsonl files, or one of these")
    .action((set: string, _local: unknown, command: Command) => check(set, command.optsWithGlobals(), terminal));
}

async function check(path: string, flags: GlobalFlags, terminal: Terminal): Promise<void> {
  const { cases, problems } = await readAll(path);
  const pictures = new Map(cases.map((found) => [found.image, found]));
  for (const found of pictures.values()) problems.push(...(await pictureProblems(found, terminal.signal)));
  const found = foundOf(cases);
  if (flags.json) printJson(terminal, { ...found, problems });
  else for (const problem of shown(problems)) printLine(terminal, problem);
  if (problems.length > 0) throw new OcellusError("invalid_file", `${path}: ${problems.length} problems`);
  if (!flags.json) printLine(terminal, foundText(path, found));
}

async function readAll(path: string): Promise<{ cases: EvalCase[]; problems: string[] }> {
  const [cases, problems]: [EvalCase[], string[]] = [[], []];
  for await (const line of readEvalLines([path])) {
    cases.push(...line.found);
    problems.push(...line.problems, ...line.found.flatMap(severalPictures));
  }
  return { cases, problems };
}

/** Addresses are not looked up. */
async function pictureProblems({ image, origin }: EvalCase, signal: AbortSignal): Promise<string[]> {
  if (/^https?:/i.test(image)) return [];
  try {
    await decodeImage(image, { signal });
    return [];
  } catch (error) {
    throwIfAborted(signal);
    return [`${origin}: image: ${(error as Error).message}`];
  }
}

interface Found {
  readonly questions: number;
  readonly unreviewed: number;
  readonly pictures: number;
  readonly byMatch: Partial<Record<MatchKind, number>>;
}

export function foundOf(all: readonly EvalCase[]): Found {
  const { cases, numUnreviewed: unreviewed } = reviewedCases(all);
  const pictures = new Set(all.map(({ image }) => image)).size;
  return { questions: cases.length, unreviewed, pictures, byMatch: countByMatch(cases) };
}

export function countByMatch(cases: readonly EvalCase[]): Partial<Record<MatchKind, number>> {
  const count = (kind: MatchKind) => cases.filter((found) => matchKindOf(found) === kind).length;
  return Object.fromEntries(matchKinds.map((kind) => [kind, count(kind)]).filter(([, number]) => number !== 0));
}

/** `golden: 40 questions (exact 38, set 2) about 12 pictures, 3 more to be reviewed` */
export function foundText(path: string, { questions, unreviewed, pictures, byMatch }: Found): string {
  const kinds = Object.entries(byMatch).map(([kind, count]) => `${kind} ${count}`);
  const some = kinds.length > 0 ? ` (${kinds.join(", ")})` : "";
  const more = unreviewed > 0 ? `, ${unreviewed} more to be reviewed` : "";
  return `${path}: ${questions} questions${some} about ${pictures} pictures${more}`;
}
