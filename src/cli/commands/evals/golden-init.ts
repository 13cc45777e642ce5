/**
 * `ocellus golden init DIR`: a golden set that a person can edit. From a folder of pictures it holds what a model answers, as
 * proposals that no one is judged by before a person has reviewed them; else questions of the package's own examination.
 */
import { appendFile, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { groupBy, ioError, OcellusError, throwIfAborted } from "../../../core/base/index.js";
import { makeFolder, pathExists, textDigest, writeFileAtomically } from "../../../core/fs/index.js";
import { defaultMaxBytes, readInput } from "../../../core/image/node/index.js";
import { sniffFormat } from "../../../core/image/spec/index.js";
import { chooseCases, type EvalCase, readEvalFiles, withOutputLock } from "../../../evals/index.js";
import type { GuardedVisionLanguageModel } from "../../../guardrails/index.js";
import { addModelOptions, integerBetween, type ModelFlags, weightsOption } from "../../options.js";
import { formatSeconds, startProgress } from "../../ui/progress.js";
import { errorMessage } from "../../ui/report-error.js";
import { printJson, printLine, printNotes, type Terminal } from "../../ui/terminal.js";
import { greedy, questionAbout, refuseBlocked, streamAnswer } from "../ask/answer.js";
import { withModel } from "../models/open-model.js";
import { foundOf, foundText } from "./golden-check.js";
import { copyImage, setOfLabels } from "./golden-labels.js";

interface InitFlags extends ModelFlags {
  readonly images?: string;
  readonly labels?: string;
  readonly ask?: readonly string[];
  readonly limit?: number;
}

/** Of each kind, scene and language: some 400 questions of the package, enough for a judge. */
const defaultLimit = 10;
/** Looking through more by hand takes days. */
const maxImages = 10_000;

export function addGoldenInit(golden: Command, terminal: Terminal): void {
  addModelOptions(golden.command("init"))
    .description("create a golden set to edit; never overwrites files")
    .argument("<folder>", "folder for golden.jsonl and the images")
    .option(
      "--images <folder>",
      "folder of images to ask the model about (default: questions of the package's evaluation files)",
    )
    .option("--labels <data>", "labelled images instead, as for tune head: the label answers the one question of --ask")
    .option("--ask <questions...>", 'questions about each image (default: "What is this?")')
    .option(
      "--limit <count>",
      `number of images (default: all), or of questions per kind, scene and language (default: ${defaultLimit})`,
      integerBetween(1, maxImages),
    )
    .addOption(weightsOption())
    .addHelpText(
      "after",
      `
The model's answers are proposals ("reviewed": false) and do not count until you correct them and set "reviewed" to true.
After an interruption, run the same command again.

Examples:
  ocellus golden init ./golden
  ocellus golden init ./golden --images ./photos --ask "What is this?" "Which colour is it?"
  ocellus golden init ./golden --labels ./photos --ask "Which part is this?"      a folder per class: nothing to correct`,
    )
    .action((folder: string, _local: unknown, command: Command) => init(folder, command.optsWithGlobals(), terminal));
}

async function init(folder: string, flags: InitFlags, terminal: Terminal): Promise<void> {
  const path = join(folder, "golden.jsonl");
  const notes = await made(folder, path, flags, terminal);
  const found = foundOf((await pathExists(path)) ? await readEvalFiles([path]) : []);
  if (flags.json) return printJson(terminal, { path, ...found });
  printNotes(terminal, notes);
  printLine(terminal, foundText(path, found));
}

async function made(folder: string, path: string, flags: InitFlags, terminal: Terminal): Promise<string[]> {
  const { images, labels, ask, limit } = flags;
  if (images !== undefined && labels !== undefined)
    throw new OcellusError(
      "invalid_request",
      "golden init: --images are asked about, --labels have answers: choose one",
    );
  if (labels !== undefined) return setOfLabels(folder, path, { labels, ask, limit });
  if (images !== undefined) return propose(folder, path, { ...flags, images }, terminal);
  if (ask !== undefined) throw new OcellusError("invalid_request", "golden init: --ask needs --images or --labels");
  return copyExamination(folder, path, flags);
}

async function makeFolders(folder: string): Promise<void> {
  await makeFolder(join(folder, "images"));
}

/** Questions with their labels, ready to be asked. */
async function copyExamination(folder: string, path: string, { limit = defaultLimit }: InitFlags): Promise<string[]> {
  if (await pathExists(path))
    throw new OcellusError("invalid_request", `${path} already exists; choose another folder`);
  await makeFolders(folder);
  const lines: string[] = [];
  for (const [image, cases] of groupBy(chooseCases(await readEvalFiles([]), undefined, limit), ({ image }) => image)) {
    const { bytes } = await readInput(image, { maxBytes: defaultMaxBytes, signal: undefined, fetch });
    const name = `${textDigest(image).slice(0, 12)}.${sniffFormat(bytes, image)}`;
    await writeFileAtomically(join(folder, "images", name), bytes);
    lines.push(`${JSON.stringify({ image: `images/${name}`, questions: cases.map(questionOf) })}\n`);
  }
  await writeFileAtomically(path, lines.join(""));
  return [];
}

function questionOf({ kind, scene, language, question, answer, accept }: EvalCase) {
  return { kind, ...(scene !== "" && { scene }), language, question, answer, ...(accept.length > 0 && { accept }) };
}

interface Proposing extends InitFlags {
  readonly images: string;
}

/** Asks about each picture that has no line yet. */
async function propose(folder: string, path: string, flags: Proposing, terminal: Terminal): Promise<string[]> {
  const names = await imagesIn(flags.images, flags.limit);
  const known = (await pathExists(path)) ? await readEvalFiles([path]) : [];
  const done = new Set(known.map(({ image }) => image));
  const missing = names.filter((name) => !done.has(resolve(folder, "images", name)));
  if (missing.length === 0) return [];
  await makeFolders(folder);
  const refused: unknown[] = [];
  await withOutputLock(path, () =>
    withModel(flags, terminal, (model) => askAll(model, missing, { folder, path, flags, terminal, refused })),
  );
  if (refused.length === missing.length) throw refused[0];
  return refused.map(errorMessage);
}

interface Asking {
  readonly folder: string;
  readonly path: string;
  readonly flags: Proposing;
  readonly terminal: Terminal;
  /** What was thrown at pictures that have no line therefore. */
  readonly refused: unknown[];
}

async function askAll(model: GuardedVisionLanguageModel, names: readonly string[], asking: Asking): Promise<void> {
  const { folder, path, flags, terminal, refused } = asking;
  await endLastLine(path);
  const progress = startProgress(terminal, {
    label: "asking",
    describe: ({ done, total, secondsLeft }) => `${done} of ${total} images, ${formatSeconds(secondsLeft)} left`,
    silent: flags.json === true,
  });
  try {
    for (const [i, name] of names.entries()) {
      try {
        const questions = await proposals(model, join(flags.images, name), flags.ask, terminal.signal);
        await copyImage(join(flags.images, name), join(folder, "images", name));
        await append(path, `${JSON.stringify({ image: `images/${name}`, questions })}\n`);
      } catch (error) {
        throwIfAborted(terminal.signal);
        if (!(error instanceof OcellusError) || !["blocked", "invalid_image", "too_large"].includes(error.code))
          throw error;
        refused.push(error);
      }
      progress.update(i + 1, names.length);
    }
  } finally {
    progress.stop();
  }
}

/** A person's editor may have left none. */
async function endLastLine(path: string): Promise<void> {
  if ((await pathExists(path)) && !/(^|\n)$/.test(await readFile(path, "utf8"))) await append(path, "\n");
}

/** One write, so that a kill tears no line; what a person changes meanwhile stays. */
async function append(path: string, text: string): Promise<void> {
  await appendFile(path, text, { flush: true }).catch((cause: unknown) =>
    Promise.reject(ioError("write", path, cause)),
  );
}

async function proposals(
  model: GuardedVisionLanguageModel,
  picture: string,
  questions: readonly string[] = ["What is this?"],
  signal: AbortSignal,
) {
  const proposed = [];
  for (const question of questions) {
    const answer = await streamAnswer(model, questionAbout([picture], question), { ...greedy, signal });
    refuseBlocked(answer);
    proposed.push({ question, answer: answer.text.trim() || "?", reviewed: false });
  }
  return proposed;
}

/** @throws `not_found`, `io`, `too_large`; `invalid_request` when there is none */
/** Sorted names. @throws `io`, `invalid_request` when there are none, `too_large`. */
export async function imagesIn(folder: string, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw ioError("read the folder", folder, cause);
  });
  const names = entries.filter((entry) => entry.isFile() && imageName.test(entry.name)).map(({ name }) => name);
  const hasFolders = entries.some((entry) => entry.isDirectory());
  if (names.length === 0)
    throw new OcellusError(
      "invalid_request",
      `${folder} has no images (png, jpg, webp, gif, bmp, …)${hasFolders ? ", only folders: name one of them, or, with a folder per class, use --labels" : ""}`,
    );
  if (names.length > maxImages && limit === Number.POSITIVE_INFINITY)
    throw new OcellusError("too_large", `${folder} has ${names.length} images, more than ${maxImages}; use --limit`);
  return names.sort().slice(0, limit);
}

const imageName = /\.(png|jpe?g|webp|gif|bmp|tiff?|avif)$/i;
