/** `ocellus golden check SET`: every line and every picture of a golden set, looked at before a model is. */
import type { Command } from "commander";
import { OcellusError, throwIfAborted } from "../../../core/base/index.js";
import { decodeImage } from "../../../core/image/node/index.js";
import {
  contradictions,
  type EvalCase,
  imageDigest,
  type MatchKind,
  matchKindOf,
  matchKinds,
  mostProblems,
  nothingToAsk,
  readEvalLines,
  reviewedCases,
  severalImages,
} from "../../../evals/index.js";
import type { GlobalFlags } from "../../options.js";
import { shown } from "../../ui/shown.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";

export function addGoldenCheck(golden: Command, terminal: Terminal): void {
  golden
    .command("check")
    .description("validate every question and image of a golden set")
    .argument("<set>", "folder of .jsonl files, or one .jsonl file")
    .action((set: string, _local: unknown, command: Command) => check(set, command.optsWithGlobals(), terminal));
}

async function check(path: string, flags: GlobalFlags, terminal: Terminal): Promise<void> {
  const problems = new Problems();
  const cases = await readAll(path, problems);
  const images = new Map(cases.map((found) => [found.image, found]));
  const digests = new Map<string, string>();
  for (const [image, found] of images) {
    problems.add(...(await imageProblems(found, terminal.signal)));
    digests.set(image, await imageDigest(found).catch(() => image));
  }
  problems.add(...contradictions(reviewedCases(cases).cases, ({ image }) => digests.get(image)!));
  const found = foundOf(cases);
  if (flags.json) printJson(terminal, { ...found, numProblems: problems.count, problems: problems.lines });
  else for (const problem of shown(problems.lines)) printLine(terminal, problem);
  if (problems.count > 0) throw problems.error(path);
  if (found.questions === 0) throw nothingToAsk(path, found.unreviewed);
  if (!flags.json) printLine(terminal, foundText(path, found));
}

/** The first of them; a file of another kind has one in each of a million lines. */
class Problems {
  readonly lines: string[] = [];
  count = 0;

  add(...found: readonly string[]): void {
    this.lines.push(...found.slice(0, mostProblems - this.lines.length));
    this.count += found.length;
  }

  error(path: string): OcellusError {
    const more = this.count - this.lines.length;
    const told = more > 0 ? `; the first ${this.lines.length} are listed` : "";
    return new OcellusError("invalid_file", `${path}: ${this.count} problems${told}`, {
      details: { numProblems: this.count },
    });
  }
}

async function readAll(path: string, problems: Problems): Promise<EvalCase[]> {
  const cases: EvalCase[] = [];
  for await (const line of readEvalLines([path])) {
    cases.push(...line.found);
    problems.add(...line.problems, ...line.found.flatMap(severalImages));
  }
  return cases;
}

/** Addresses are not looked up. */
async function imageProblems({ image, origin }: EvalCase, signal: AbortSignal): Promise<string[]> {
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
  readonly images: number;
  readonly byMatch: Partial<Record<MatchKind, number>>;
}

export function foundOf(all: readonly EvalCase[]): Found {
  const { cases, numUnreviewed: unreviewed } = reviewedCases(all);
  const images = new Set(all.map(({ image }) => image)).size;
  return { questions: cases.length, unreviewed, images, byMatch: countByMatch(cases) };
}

function countByMatch(cases: readonly EvalCase[]): Partial<Record<MatchKind, number>> {
  const count = (kind: MatchKind) => cases.filter((found) => matchKindOf(found) === kind).length;
  return Object.fromEntries(matchKinds.map((kind) => [kind, count(kind)]).filter(([, number]) => number !== 0));
}

/** `golden: 40 questions (exact 38, set 2) about 12 images, 3 more to be reviewed` */
export function foundText(path: string, { questions, unreviewed, images, byMatch }: Found): string {
  const kinds = Object.entries(byMatch).map(([kind, count]) => `${kind} ${count}`);
  const some = kinds.length > 0 ? ` (${kinds.join(", ")})` : "";
  const more = unreviewed > 0 ? `, ${unreviewed} more to be reviewed` : "";
  return `${path}: ${questions} questions${some} about ${images} images${more}`;
}
