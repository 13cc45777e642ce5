/**
 * `ocellus demo`: asks the example pictures and checks the answers against their known labels. In a colour terminal each
 * picture is drawn beside its answers, so that a person sees what the eye saw.
 */
import { basename } from "node:path";
import type { Command } from "commander";
import { decodeImage } from "../../../core/image/node/index.js";
import { isCorrect } from "../../../evals/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { addModelOptions, type ModelFlags, weightsOption } from "../../options.js";
import { drawHalfBlocks } from "../../ui/half-block.js";
import { formatSeconds } from "../../ui/progress.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { displayWidth, padTo, wrapText } from "../../ui/text-layout.js";
import { withModel } from "../models/open-model.js";
import { type Answer, greedy, questionAbout, streamAnswer } from "./answer.js";
import { type Example, readExamples } from "./examples.js";

interface CheckedAnswer extends Answer {
  readonly question: string;
  readonly expected: string;
  readonly correct: boolean;
}

/** Columns of a drawn picture: small, yet a dress can be told from a bag. */
const imageColumns = 28;

export function addDemoCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("demo"))
    .addOption(weightsOption())
    .description("ask about the example images and check the answers against their labels")
    .action((_local: unknown, command: Command) => demo(command.optsWithGlobals(), terminal));
}

async function demo(flags: ModelFlags, terminal: Terminal): Promise<void> {
  const examples = await readExamples();
  await withModel(flags, terminal, async (model) => {
    const started = performance.now();
    const results: { images: string[]; title: string; answers: CheckedAnswer[] }[] = [];
    for (const example of examples) {
      const answers = await askAbout(example, model, terminal);
      results.push({ images: namesOf(example), title: example.title, answers });
      if (!flags.json) printLine(terminal, `${await exampleBlock(example, answers, terminal)}\n`);
    }
    const summary = summarise(
      results.flatMap((result) => result.answers),
      (performance.now() - started) / 1000,
    );
    if (flags.json) return printJson(terminal, { results, ...summary, load: model.timings, model: model.info });
    printLine(terminal, summaryLine(summary, model, terminal));
  });
}

function namesOf({ images }: Example): string[] {
  return images.map((image) => basename(image));
}

async function askAbout(
  example: Example,
  model: GuardedVisionLanguageModel,
  terminal: Terminal,
): Promise<CheckedAnswer[]> {
  const answers: CheckedAnswer[] = [];
  for (const asked of example.questions) {
    const options = { ...greedy, signal: terminal.signal };
    const answer = await streamAnswer(model, questionAbout(example.images, asked.question), options);
    const correct = isCorrect(answer.text, asked);
    answers.push({ question: asked.question, expected: asked.answer, correct, ...answer });
  }
  return answers;
}

/** The pictures' names, then questions and answers; with the pictures to their left where colours can be shown. */
async function exampleBlock(example: Example, answers: readonly CheckedAnswer[], terminal: Terminal): Promise<string> {
  const depth = terminal.stdout.isTTY ? terminal.stdout.getColorDepth() : 1;
  const shown = depth >= 8 ? example.images : [];
  const drawn = shown.map(async (path) => drawHalfBlocks(await decodeImage(path), imageColumns, depth));
  const drawing = (await Promise.all(drawn)).flat();
  const width = (terminal.stdout.columns ?? 100) - (drawing.length > 0 ? imageColumns + 2 : 0);
  return sideBySide(drawing, imageColumns, exampleText(example, answers, Math.max(24, width), terminal)).join("\n");
}

function exampleText(example: Example, answers: readonly CheckedAnswer[], width: number, terminal: Terminal): string[] {
  const { bold, dim } = coloursFor(terminal.stdout);
  const title = `${bold(namesOf(example).join(", "))}  ${dim(example.title)}`;
  return [title, ...answers.flatMap((answer) => answerLines(answer, width, terminal))];
}

/** `✓ question  answer` on one line where it fits, else the answer below its question. */
function answerLines(
  { question, text, expected, correct }: CheckedAnswer,
  width: number,
  terminal: Terminal,
): string[] {
  const { dim, green, red } = coloursFor(terminal.stdout);
  const mark = correct ? green("✓") : red("✗");
  const label = correct ? [] : [`  ${dim(`expected: ${expected}`)}`];
  if (displayWidth(`  ${question}  ${text}`) <= width) return [`${mark} ${dim(question)}  ${text}`, ...label];
  const [first = "", ...rest] = wrapText(question, width - 2).map((line) => dim(line));
  const below = [...rest, ...wrapText(text, width - 2)];
  return [`${mark} ${first}`, ...below.map((line) => `  ${line}`), ...label];
}

export function sideBySide(drawing: readonly string[], columns: number, text: readonly string[]): string[] {
  if (drawing.length === 0) return [...text];
  const numLines = Math.max(drawing.length, text.length);
  return Array.from({ length: numLines }, (_, i) => `${padTo(drawing[i] ?? "", columns)}  ${text[i] ?? ""}`.trimEnd());
}

function summarise(answers: readonly CheckedAnswer[], seconds: number) {
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    correct: answers.filter((answer) => answer.correct).length,
    asked: answers.length,
    seconds,
    medianFirstTokenMs: median(answers.map((a) => a.timings.firstTokenMs)),
    medianTokensPerSecond: median(answers.map((a) => a.timings.tokensPerSecond).filter((rate) => rate > 0)),
  };
}

function summaryLine(
  summary: ReturnType<typeof summarise>,
  model: GuardedVisionLanguageModel,
  terminal: Terminal,
): string {
  const { bold, dim } = coloursFor(terminal.stdout);
  const speed = [
    `${formatSeconds(summary.seconds)} in total`,
    `first token ${Math.round(summary.medianFirstTokenMs)} ms (median)`,
    `${Math.round(summary.medianTokensPerSecond)} tokens/s`,
    `${model.info.weights} on ${model.info.device}`,
  ];
  return `${bold(`${summary.correct} of ${summary.asked} right`)}  ${dim(speed.join(" · "))}`;
}
