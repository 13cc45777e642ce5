/** `ocellus golden run SET`: asks a golden set greedily, keeps each answer as it comes, and says what share is right. */
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import {
  askAll,
  expectedText,
  type GoldenAnswer,
  type GoldenHeader,
  type GoldenQuestion,
  type GoldenResult,
  type GoldenVersion,
  type Graded,
  goldenHeader,
  matchKindOf,
  openGoldenResult,
  readGoldenResult,
  readGoldenSet,
  summaryOf,
  unreviewedNotes,
  withOutputLock,
} from "../../../evals/index.js";
import { addModelOptions, integerBetween, weightsOption } from "../../options.js";
import { defaultShown, goldenNotes, resultText } from "../../ui/golden-text.js";
import { describeQuestions, startProgress } from "../../ui/progress.js";
import { shown } from "../../ui/shown.js";
import { coloursFor, printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { addRegistryOptions } from "../rollout/registry.js";
import { type AnswerSource, type Asked, type GoldenAskFlags, withAnswerSource } from "./golden-ask.js";

interface RunFlags extends GoldenAskFlags {
  readonly out?: string;
}

export function addGoldenRun(golden: Command, terminal: Terminal): void {
  addRegistryOptions(addModelOptions(golden.command("run")))
    .description("run a golden set against a model; resumable")
    .argument("<set>", "folder of .jsonl files, or one .jsonl file")
    .addOption(weightsOption())
    .option(
      "--url <address>",
      "server to ask instead of a local model; --model is its model name (key: OCELLUS_API_KEY)",
    )
    .option("--out <file>", "result file (default: MODEL-WEIGHTS.golden)")
    .option("--parallel <count>", "number of questions at once", integerBetween(1, 256), 8) // 256 sequences fill any machine's memory
    .addHelpText(
      "after",
      `
--model takes a folder, a version or an alias of the registry, or a pulled checkpoint.

Examples:
  ocellus golden run ./golden --model ./tuned --weights int4
  ocellus golden run ./golden --model tiny-v1.1.0 --registry ./registry
  ocellus golden run ./golden --url http://127.0.0.1:8080 --model prod`,
    )
    .action((set: string, _local: unknown, command: Command) => run(set, command.optsWithGlobals(), terminal));
}

async function run(path: string, flags: RunFlags, terminal: Terminal): Promise<void> {
  const set = await readGoldenSet(path);
  if (!flags.json) printNotes(terminal, unreviewedNotes(set.numUnreviewed));
  const result = await withAnswerSource(flags, terminal, async (answerSource) => {
    const header = goldenHeader(set, answerSource.version);
    const out = flags.out ?? `${versionName(answerSource.version)}.golden`;
    await withOutputLock(out, () => askMissing(set.questions, answerSource, { out, header, flags, terminal }));
    return readGoldenResult(out);
  });
  refuseSilence(result);
  if (flags.json) return printJson(terminal, { ...summaryOf(result), unreviewed: set.numUnreviewed });
  printLine(terminal, resultText(shown(result), defaultShown, coloursFor(terminal.stdout)));
  printNotes(terminal, [...goldenNotes(result), `the answers are kept in ${result.path}`]);
}

/** `tiny-v1.0.0-int4`, fit for a file. */
function versionName({ name, weights }: GoldenVersion): string {
  return `${name}${weights === undefined ? "" : `-${weights}`}`.replace(/[^\w.-]+/g, "-");
}

interface Run {
  readonly out: string;
  readonly header: GoldenHeader;
  readonly flags: RunFlags;
  readonly terminal: Terminal;
}

async function askMissing(questions: readonly GoldenQuestion[], answerSource: AnswerSource, run: Run): Promise<void> {
  const { out, header, flags, terminal } = run;
  const { lines, answers } = await openGoldenResult(out, header);
  const missing = questions.filter(({ id }) => !answers.has(id));
  const progress = startProgress(terminal, {
    label: "golden",
    describe: describeQuestions,
    silent: flags.json === true,
  });
  const { signal } = terminal;
  let done = answers.size;
  try {
    const onAnswer = async (answer: Graded<GoldenQuestion, Asked>) => {
      await lines.append(recordOf(answer));
      progress.update(++done, questions.length);
    };
    await askAll(missing, (question) => answerSource.ask(question, signal), {
      parallel: flags.parallel,
      signal,
      onAnswer,
    });
  } catch (error) {
    progress.stop();
    if (!flags.json)
      printNotes(terminal, [
        `${done} of ${questions.length} answers are stored in ${out}; run the same command again to continue`,
      ]);
    throw error;
  } finally {
    progress.stop();
    await lines.close();
  }
}

function recordOf({ case: question, correct, ...answer }: Graded<GoldenQuestion, Asked>): GoldenAnswer {
  const { id, index, origin, kind, scene, language, question: asked } = question;
  return {
    ...{ id, index, origin, kind, scene, language, match: matchKindOf(question), question: asked },
    expected: expectedText(question),
    correct,
    ...answer,
  };
}

/** Where nothing was answered, nothing was measured. */
function refuseSilence({ answers }: GoldenResult): void {
  const failure = answers[0]?.failure;
  if (failure !== undefined && answers.every((answer) => answer.failure !== undefined))
    throw new OcellusError("blocked", `no question was answered: ${failure}`);
}
