/** `ocellus tune vision MODEL`: learns from images with questions and answers, and measures the held-out ones before and after. */
import type { Command } from "commander";
import { Option } from "commander";
import { formatBytes, OcellusError } from "../../../core/base/index.js";
import type { ChatResult } from "../../../core/runtime/index.js";
import {
  answerGreedily,
  askAll,
  type EvalCase,
  evalTokens,
  messagesOf,
  type Score,
  scoreAnswers,
} from "../../../evals/index.js";
import { resolveModel } from "../../../hub/index.js";
import {
  estimateTuning,
  type TuneEstimate,
  type TuneExample,
  type TunePlan,
  type TuneProgress,
  type TuneResult,
  type TuneVisionOptions,
  tuneVision,
} from "../../../tune/index.js";
import { commaList, type GlobalFlags, integerBetween, numberBetween } from "../../options.js";
import { describeBytes, formatSeconds, type Progress, startProgress } from "../../ui/progress.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import { withModel } from "../models/open-model.js";

interface TuneFlags extends GlobalFlags {
  readonly data: readonly string[];
  readonly rehearse?: readonly string[];
  readonly rehearseRatio?: number;
  readonly blocks?: number;
  readonly also?: "resampler" | "connector";
  readonly lora?: number;
  readonly loraAlpha?: number;
  readonly loraTargets?: readonly string[];
  readonly output: string;
  readonly out?: "merged" | "adapter";
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly accumulate?: number;
  readonly learningRate?: number;
  readonly warmup?: number;
  readonly weightDecay?: number;
  readonly clip?: number;
  readonly heldOut?: number;
  readonly patience?: number;
  readonly evaluateEvery?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly gradientCheckpointing?: boolean;
  readonly restart?: boolean;
  readonly dryRun?: boolean;
  readonly eval: boolean;
}

const examples = `
Examples:
  ocellus tune vision ./my-model --data questions.jsonl --blocks 2 --also connector -o ./tuned
  ocellus tune vision ./my-model --data questions.jsonl --lora 8 --lora-targets q_proj,v_proj --out adapter -o ./my-lora
  ocellus tune vision ./my-model --data questions.jsonl --blocks 2 -o ./tuned --dry-run      memory, time, what is trained
  ocellus rollout publish ./tuned --tag my-model-v1.1.0

The data are JSON Lines as for \`ocellus eval\`: an image with its questions and answers per line. Interrupted or killed, the
same command continues.`;

const count = (most: number) => integerBetween(1, most);

export function addTuneVisionCommand(tune: Command, terminal: Terminal): void {
  tune
    .command("vision")
    .description("train top blocks of the vision encoder, the connector and LoRA on the decoder")
    .argument("<model>", "checkpoint folder or downloaded owner/name; not a packed or quantised one")
    .requiredOption("--data <files>", "JSON Lines files of images with questions and answers", commaList())
    .option("--blocks <count>", "blocks of the vision encoder to train, from the top (default: 0)", integerBetween(0, 1024))
    .addOption(new Option("--also <part>", "train the connector between encoder and decoder, too").choices(["resampler", "connector"]))
    .option("--lora <rank>", "rank of low-rank updates of the decoder (default: none)", count(1024))
    .option("--lora-alpha <alpha>", "their scale times the rank (default: twice the rank)", numberBetween(0, 1e6))
    .option("--lora-targets <names>", "modules with an update, or all-linear (default: q_proj,v_proj)", commaList())
    .requiredOption("-o, --output <folder>", "folder to write")
    .addOption(
      new Option("--out <form>", "merged: a checkpoint; adapter: LoRA alone, as PEFT reads it (default: merged)").choices(
        ["merged", "adapter"],
      ),
    )
    .option("--rehearse <files>", "questions that the model answers already, mixed in so that it keeps them", commaList())
    .option("--rehearse-ratio <ratio>", "rehearsed questions per new one in an epoch (default: 1)", numberBetween(0, 100))
    .option("--epochs <count>", "passes over the questions (default: 3)", count(10_000))
    .option("--batch-size <count>", "questions read at once (default: 8)", count(1024))
    .option("--accumulate <count>", "batches per update (default: 1)", count(1024))
    .option("--learning-rate <rate>", "at its height (default: 1e-4)", numberBetween(0, 1))
    .option("--warmup <share>", "share of the updates in which it rises (default: 0.1)", numberBetween(0, 1))
    .option("--weight-decay <rate>", "AdamW's decay; norms and biases have none (default: 0.01)", numberBetween(0, 1))
    .option("--clip <length>", "longest gradient of all parts together (default: 1)", numberBetween(1e-6, 1e6))
    .option("--held-out <share>", "share of the images that is not learnt from (default: 0.1)", numberBetween(0.001, 0.9))
    .option("--evaluate-every <updates>", "updates between held-out losses (default: an epoch)", count(1e9))
    .option("--patience <count>", "evaluations without a lower held-out loss before it stops (default: 3)", count(1000))
    .option("--seed <number>", "seed of the order, the held-out images and LoRA (default: 0)", integerBetween(0, 2 ** 32 - 1)) // biome-ignore format: one thought
    .option("--threads <count>", "threads of one operator (default: all cores)", count(1024))
    .option(
      "--gradient-checkpointing",
      "compute the decoder's blocks once more on the way back: less memory, more time",
    )
    .option("--restart", "forget what an interrupted run has come to")
    .option("--dry-run", "print memory, time and trained values, measured on one update; write nothing")
    .option("--no-eval", "do not ask the held-out questions before and after")
    .addHelpText("after", examples)
    .action((model: string, _local: unknown, command: Command) => run(model, command.optsWithGlobals(), terminal));
}

async function run(name: string, flags: TuneFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(name);
  const silent = flags.json === true;
  const packing = startProgress(terminal, { label: "packing in float32", describe: describeBytes, silent });
  const reading = startProgress(terminal, { label: "reading", describe: ({ done, total }) => `${done} of ${total} questions`, silent }); // biome-ignore format: one thought
  const updates = updateProgress(terminal, silent);
  const options: TuneVisionOptions = {
    ...optionsOf(flags),
    baseName: name,
    signal: terminal.signal,
    onPackProgress: ({ doneBytes, totalBytes }) => packing.update(doneBytes, totalBytes),
    onRead: (done, total) => {
      packing.stop();
      reading.update(done, total);
      if (done === total) reading.stop();
    },
    onProgress: updates.report,
  };
  try {
    if (flags.dryRun) return printEstimate(await estimateTuning(path, options), flags, terminal);
    const result = await tuneVision(path, options);
    updates.stop();
    await report(path, result, flags, terminal);
  } catch (error) {
    if (error instanceof OcellusError && error.code === "aborted" && !silent) printNotes(terminal, [error.message]);
    throw error;
  } finally {
    for (const each of [packing, reading, updates]) each.stop();
  }
}

/** As commander leaves them: what is not given is not there. */
function optionsOf(flags: TuneFlags): TuneVisionOptions {
  const {
    data,
    output,
    rehearse,
    out: form,
    rehearseRatio: rehearsalRatio,
    also,
    lora,
    loraAlpha,
    loraTargets,
  } = flags;
  const { blocks, epochs, batchSize, accumulate, learningRate, warmup, weightDecay, clip, heldOut } = flags;
  const { patience, evaluateEvery, seed, threads, gradientCheckpointing, restart } = flags;
  if (lora === undefined && (loraAlpha ?? loraTargets) !== undefined)
    throw new OcellusError("invalid_request", "--lora-alpha and --lora-targets need --lora", { details: { flag: "--lora" } }); // biome-ignore format: one thought
  const choice = lora !== undefined && { lora: { rank: lora, alpha: loraAlpha ?? 2 * lora, targets: loraTargets ?? ["q_proj", "v_proj"] } }; // biome-ignore format: one thought
  const given = { rehearse, form, rehearsalRatio, blocks, epochs, batchSize, accumulate, learningRate, warmup };
  const more = { weightDecay, clip, heldOut, patience, evaluateEvery, seed, threads, gradientCheckpointing, restart };
  const named = Object.entries({ ...given, ...more }).filter(([, value]) => value !== undefined);
  return { data, output, connector: also !== undefined, ...choice, ...Object.fromEntries(named) };
}

function updateProgress(
  terminal: Terminal,
  silent: boolean,
): Pick<Progress, "stop"> & { report(progress: TuneProgress): void } {
  // biome-ignore format: one thought
  let last: TuneProgress = { step: 0, numSteps: 0, evaluations: [] };
  let loss: number | undefined;
  const describe = () => {
    const heldOut = last.evaluations.at(-1)?.loss;
    const losses = [
      ...(loss === undefined ? [] : [`loss ${loss.toFixed(3)}`]),
      ...(heldOut === undefined ? [] : [`held out ${heldOut.toFixed(3)}`]),
    ];
    return [`${last.step} of ${last.numSteps} updates`, ...losses, `${formatSeconds(last.secondsLeft ?? Number.NaN)} left`].join(", "); // biome-ignore format: one thought
  };
  const progress = startProgress(terminal, { label: "training", describe, silent });
  return {
    report(found) {
      last = found;
      loss = found.loss ?? loss;
      progress.update(found.step, found.numSteps);
    },
    stop: () => progress.stop(),
  };
}

function planLines(plan: TunePlan): string[] {
  const { trainable, numExamples, numHeldOut, numRehearsed, numRehearsedHeldOut, numPictures, numSteps } = plan;
  const parts = Object.entries(trainable).filter(([, values]) => values > 0);
  return [
    `trains ${parts.map(([part, values]) => `${values.toLocaleString("en-US")} values (${part})`).join(", ")}`,
    `${numExamples} questions to learn, ${numHeldOut} held out; ${numPictures} images; ${numSteps} updates`,
    ...(numRehearsed > 0 ? [`${numRehearsed} questions to rehearse, ${numRehearsedHeldOut} held out`] : []),
  ];
}

function printEstimate(found: TuneEstimate, { json }: TuneFlags, terminal: Terminal): void {
  const { stepSeconds, seconds, memoryBytes } = found;
  const cost = `${formatSeconds(stepSeconds)} an update, ${formatSeconds(seconds)} in all; ${formatBytes(memoryBytes)} of memory`;
  if (json) printJson(terminal, found);
  else for (const line of [...planLines(found), cost]) printLine(terminal, line);
}

async function report(base: string, result: TuneResult, flags: TuneFlags, terminal: Terminal): Promise<void> {
  const { heldOut, rehearsedHeldOut, ...facts } = result;
  const old = rehearsedHeldOut.map((each) => ({ ...each, kind: `rehearsed: ${each.kind}` }));
  const cases = flags.eval && flags.out !== "adapter" ? casesOf([...heldOut, ...old]) : [];
  const before = cases.length > 0 ? await measured(base, cases, terminal, flags) : [];
  const after = cases.length > 0 ? await measured(result.folder, cases, terminal, flags) : [];
  if (flags.json) return printJson(terminal, { ...facts, heldOut: { before, after } });
  for (const line of planLines(result)) printLine(terminal, line);
  for (const line of resultLines(result)) printLine(terminal, line);
  if (cases.length > 0) printLine(terminal, scoreTable(before, after));
  printLine(terminal, result.folder);
}

function resultLines({ evaluations, bestStep, step, seconds, stoppedEarly, interpolation }: TuneResult): string[] {
  const [first, best] = [evaluations[0]!, evaluations.find((each) => each.step === bestStep)!];
  const losses = ({ loss, rehearsed }: Pick<typeof best, "loss" | "rehearsed">) =>
    rehearsed === undefined ? loss.toFixed(4) : `${loss.toFixed(4)} (rehearsed ${rehearsed.toFixed(4)})`;
  const stopped = stoppedEarly ? "; it fell no more" : "";
  const ended = bestStep === 0 ? "; it never fell, so that the base is written" : stopped;
  const isFalling = !stoppedEarly && bestStep === step && bestStep > 0;
  return [
    `held-out loss ${losses(first)} → ${losses(best)} after ${best.step} of ${step} updates, ${formatSeconds(seconds)}${ended}`,
    ...(isFalling ? ["it was still falling: more --epochs or a higher --learning-rate may help"] : []),
    ...(interpolation ? [`written: ${interpolation.share} of the way from the base, ${losses(interpolation)}`] : []),
  ];
}

/** Those with images: an exact answer to a text is no measure of what was learnt. */
function casesOf(examples: readonly TuneExample[]): EvalCase[] {
  return examples.flatMap(({ images, pictures: _, ...question }) => {
    const [image, ...more] = images;
    if (image === undefined) return [];
    return [{ ...question, image, ...(more.length > 0 && { more }) }];
  });
}

async function measured(
  model: string,
  cases: readonly EvalCase[],
  terminal: Terminal,
  { json, threads }: TuneFlags,
): Promise<Score[]> {
  // biome-ignore format: one thought
  return withModel({ model, weights: "fp32", ...(json && { json }), ...(threads !== undefined && { threads }) }, terminal, async (opened) => {
    const { signal } = terminal;
    const ask = (found: EvalCase): Promise<ChatResult> =>
      answerGreedily(opened, messagesOf(found), { maxTokens: evalTokens, signal });
    return scoreAnswers(await askAll(cases, ask, { parallel: 8, signal }));
  });
}

function scoreTable(before: readonly Score[], after: readonly Score[]): string {
  const percent = (score: Score | undefined) => (score ? `${(score.accuracy * 100).toFixed(1)} %` : "");
  const rows = after.map((score) => {
    const same = before.find(({ group, language }) => group === score.group && language === score.language);
    return [score.group, score.language, String(score.questions), percent(same), percent(score)];
  });
  return textTable([["held out", "", "questions", "before", "after"], ...rows], ["left", "left", "right", "right", "right"]); // biome-ignore format: one thought
}
