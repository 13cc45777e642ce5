/** `ocellus familiarity FOLDER`: writes familiarity.json beside a checkpoint, from images like those that it was trained on. */
import { join } from "node:path";
import type { Command } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import { readSideJson, writeFileAtomically } from "../../../core/fs/index.js";
import { type FamiliarityFile, familiarityFile, type TrainedForm, trainedForms } from "../../../core/runtime/index.js";
import { mapConcurrently } from "../../../evals/index.js";
import { resolveModel } from "../../../hub/index.js";
import { learnFamiliarity } from "../../../inspect/index.js";
import { addModelOptions, commaList, integerBetween, type ModelFlags, weightsOption } from "../../options.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { imagesIn } from "../evals/golden-init.js";
import { withModel } from "./open-model.js";

interface FamiliarityFlags extends ModelFlags {
  readonly imagesPerQuestion?: number;
  readonly unlike?: string;
  readonly trainedFor?: readonly (TrainedForm | "none")[];
}

export function addFamiliarityCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("familiarity"))
    .addOption(weightsOption())
    .description("record what images a checkpoint was trained on, so that it says which images it does not know")
    .argument("<folder>", "folder of at least 100 images like those of training")
    .option("--unlike <folder>", "folder of at least 100 images unlike those: separates the two better")
    .option(
      "--images-per-question <count>",
      "largest number of images that one question was trained with",
      integerBetween(1, 1000), // no published context holds more
    )
    .option(
      "--trained-for <forms>",
      "forms of answer that it was trained for beyond plain words: json, tools, or none (default: not stated)",
      commaList([...trainedForms, "none"] as const),
    )
    .addHelpText(
      "after",
      `
Examples:
  ocellus familiarity ./training-images --model ./my-checkpoint
  ocellus familiarity ./training-images --unlike ./other-photos --model ./my-checkpoint`,
    )
    .action((folder: string, _local: unknown, command: Command) =>
      familiarity(folder, command.optsWithGlobals(), terminal),
    );
}

async function familiarity(folder: string, flags: FamiliarityFlags, terminal: Terminal): Promise<void> {
  const paths = await imagePathsIn(folder);
  const unlikePaths = flags.unlike === undefined ? undefined : await imagePathsIn(flags.unlike);
  const checkpoint = await resolveModel(flags.model);
  const [vectors, unlike] = await withModel({ ...flags, model: checkpoint }, terminal, async (model) => {
    const embed = model.embedImage?.bind(model);
    if (!embed) throw new OcellusError("unsupported", `${checkpoint} reads text only; name a model that reads images`);
    const vectorsOf = (all: readonly string[]) =>
      mapConcurrently(all, 2, (path) => embed(path, { signal: terminal.signal }));
    return [await vectorsOf(paths), unlikePaths && (await vectorsOf(unlikePaths))] as const;
  });
  const images = learnFamiliarity(vectors, unlike);
  const before = (await readSideJson(checkpoint, familiarityFile)) as Partial<FamiliarityFile> | undefined;
  const perQuestion = flags.imagesPerQuestion ?? before?.images_per_question;
  const trainedFor = flags.trainedFor?.filter((form) => form !== "none") ?? before?.trained_for;
  const found = {
    version: 1,
    ...(perQuestion !== undefined && { images_per_question: perQuestion }),
    ...(trainedFor && { trained_for: trainedFor }),
    images,
  } satisfies FamiliarityFile;
  const path = join(checkpoint, familiarityFile);
  await writeFileAtomically(path, `${JSON.stringify(found, null, 1)}\n`);
  const { values: _, ...facts } = images;
  if (flags.json)
    return printJson(terminal, {
      path,
      numImages: paths.length,
      ...(unlike && { numUnlike: unlike.length }),
      ...facts,
    });
  printLine(
    terminal,
    `${path}: ${paths.length} images${unlike ? ` and ${unlike.length} unlike them` : ""}, threshold ${images.threshold.toFixed(3)}`,
  );
}

async function imagePathsIn(folder: string): Promise<string[]> {
  return (await imagesIn(folder)).map((name) => join(folder, name));
}
