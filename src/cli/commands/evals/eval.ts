/**
 * `ocellus eval [FILES…]`: asks labelled questions, greedily and many at once, once per weights format, and counts.
 * Scoring is in eval-score.ts, the table in eval-report.ts.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { ioError, OcellusError } from "../../../core/base/index.js";
import { packedFiles, type Weights, weightsOptions } from "../../../core/pack/index.js";
import type { ChatResult } from "../../../core/runtime/index.js";
import {
  answerGreedily,
  askAll,
  chooseCases,
  type EvalAnswer,
  type EvalCase,
  evalTokens,
  expectedText,
  type Goals,
  type Graded,
  messagesOf,
  readEvalFiles,
  readGoals,
  reviewedCases,
  scoreAnswers,
  unreviewedNotes,
} from "../../../evals/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { addModelOptions, commaList, integerBetween, type ModelFlags } from "../../options.js";
import { type EvalRun, evalReport } from "../../ui/eval-report.js";
import { describeQuestions, startProgress } from "../../ui/progress.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { fileExists } from "../ask/images.js";
import { withModel } from "../models/open-model.js";
import { evaluateFields } from "./eval-fields.js";

interface EvalFlags extends Omit<ModelFlags, "weights"> {
  readonly weights: readonly Weights[];
  readonly kinds?: readonly string[];
  readonly limit?: number;
  readonly parallel: number;
  readonly failures?: string;
  readonly fields?: boolean;
  readonly calibrate?: boolean;
}

export function addEvalCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("eval"))
    .description("measure accuracy on files of labelled questions")
    .argument("[files...]", "JSON Lines files or folders of them (default: a sample of the bundled model's exam)")
    .option("--weights <formats>", "number formats to compare", commaList(weightsOptions), ["fp32", "int8", "int4"])
    .option("--kinds <kinds>", "kinds (class) or kinds with scenes (class/one) to ask", commaList())
    .option("--limit <count>", "number of questions per kind, scene and language", integerBetween(1, 1_000_000))
    .option("--parallel <count>", "number of questions at once", integerBetween(1, 256), 8) // 256 sequences fill any machine's memory
    .option("--failures <file>", "file to write wrong answers to, as JSON Lines")
    .option("--fields", "ask for JSON and report how often fields are right, by the confidence that they state")
    .option(
      "--calibrate",
      "the same, and write a temperature per kind of field to confidence.json beside the checkpoint",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  ocellus eval --weights int4 --limit 50 --failures wrong.jsonl\n  ocellus eval --weights int4 --fields",
    )
    .action((files: string[], _local: unknown, command: Command) =>
      evaluate(files, command.optsWithGlobals(), terminal),
    );
}

async function evaluate(files: readonly string[], flags: EvalFlags, terminal: Terminal): Promise<void> {
  const goals = await readGoals(files);
  const all = await readEvalFiles(files);
  if (!flags.json)
    printNotes(terminal, [...sampleNotes(files, all.length), ...unreviewedNotes(reviewedCases(all).numUnreviewed)]);
  const cases = chooseCases(all, flags.kinds, flags.limit);
  if (cases.length === 0)
    throw new OcellusError("invalid_request", "eval: no questions match; check --kinds and the files");
  if (flags.fields || flags.calibrate) return measureFields(cases, flags, terminal);
  const runs: EvalRun[] = [];
  const failures: string[] = [];
  for (const weights of await formatsOf(flags)) {
    const { run, answers } = await runFormat(cases, weights, flags, terminal);
    for (const answer of answers) if (!answer.correct) failures.push(failureLine(run.weights, answer));
    runs.push(run);
  }
  if (flags.failures !== undefined) await writeFailures(flags.failures, failures);
  if (flags.json)
    return printJson(terminal, { model: flags.model, goals, runs: runs.map((run) => judged(run, goals)) });
  printLine(terminal, evalReport(runs, goals, coloursFor(terminal.stdout)));
  printNotes(terminal, unlikeNotes(runs));
}

function unlikeNotes(runs: readonly EvalRun[]): string[] {
  return runs
    .filter(({ unlikeImages }) => unlikeImages > 0)
    .map(
      ({ weights, unlikeImages, questions }) =>
        `${weights}: ${unlikeImages} of ${questions} questions show images that are not like those this model was trained on`,
    );
}

/** In one format: where several are named, the first. */
async function measureFields(cases: readonly EvalCase[], flags: EvalFlags, terminal: Terminal): Promise<void> {
  if (flags.failures !== undefined)
    throw new OcellusError("invalid_request", "eval: --failures cannot be used with --fields or --calibrate");
  const [weights] = await formatsOf(flags);
  const ask = (model: GuardedVisionLanguageModel) => evaluateFields(model, cases, flags, terminal);
  await withModel({ ...flags, weights: weights! }, terminal, ask, { maxSequences: flags.parallel });
}

/** The package holds a part of the exam: too few questions for goals. */
function sampleNotes(files: readonly string[], numQuestions: number): string[] {
  if (files.length > 0) return [];
  return [
    `a sample of the exam, ${numQuestions} questions. In the repository: all of it (ocellus eval eval), and people's own words, ` +
      "pairs, other side ratios and unknown images (ocellus eval eval/wild)",
  ];
}

/** A folder that is packed already has its one format, whatever is asked for. */
async function formatsOf({ model, weights }: EvalFlags): Promise<Weights[]> {
  const formats = [...new Set(weights)];
  return (await fileExists(join(model, packedFiles.manifest))) ? formats.slice(0, 1) : formats;
}

async function runFormat(cases: readonly EvalCase[], weights: Weights, flags: EvalFlags, terminal: Terminal) {
  return withModel(
    { ...flags, weights },
    terminal,
    async (model) => {
      const started = performance.now();
      const answers = await askWithProgress(model, cases, flags, terminal);
      const seconds = (performance.now() - started) / 1000;
      const unlike = answers.filter(({ notes = [] }) => notes.some(({ kind }) => kind === "unlike_images")).length;
      const run = { weights: model.info.weights, seconds, questions: cases.length, unlikeImages: unlike };
      return { run: { ...run, scores: scoreAnswers(answers) }, answers };
    },
    { maxSequences: flags.parallel },
  );
}

async function askWithProgress(
  model: GuardedVisionLanguageModel,
  cases: readonly EvalCase[],
  { parallel, json }: EvalFlags,
  terminal: Terminal,
): Promise<Graded<EvalCase, ChatResult>[]> {
  const progress = startProgress(terminal, {
    label: model.info.weights,
    describe: describeQuestions,
    silent: json === true,
  });
  try {
    const { signal } = terminal;
    const ask = (found: EvalCase) => answerGreedily(model, messagesOf(found), { maxTokens: evalTokens, signal });
    const onAnswer = (_: EvalAnswer, done: number) => progress.update(done, cases.length);
    return await askAll(cases, ask, { parallel, signal, onAnswer });
  } finally {
    progress.stop();
  }
}

function judged(run: EvalRun, goals: Goals) {
  const scores = run.scores.map((score) => {
    const goal = goals[score.group];
    return goal === undefined ? score : { ...score, goal, passed: score.accuracy * 100 >= goal };
  });
  return { ...run, scores };
}

function failureLine(weights: string, { case: found, text }: EvalAnswer): string {
  const { origin, kind, scene, language, question } = found;
  return JSON.stringify({
    weights,
    origin,
    kind,
    scene,
    language,
    question,
    expected: expectedText(found),
    found: text,
  });
}

async function writeFailures(path: string, lines: readonly string[]): Promise<void> {
  const text = lines.map((line) => `${line}\n`).join("");
  await writeFile(path, text).catch((cause: unknown) => Promise.reject(ioError("write the failures to", path, cause)));
}
