/** A checkpoint that is about to be tuned: opened in float32, its chosen parts inputs of its graphs, and the data read. */
import { defaultThreads, GraphSession } from "../../core/backend/index.js";
import { type Keep, OcellusError, optionNames, refuseUnknownOptions, throwIfAborted } from "../../core/base/index.js";
import { type Checkpoint, openCheckpoint } from "../../core/checkpoint/index.js";
import {
  openPacked,
  type PackedModel,
  type PackProgress,
  pack,
  parsePlan,
  readModel,
  type SourceModel,
  storedGraphs,
  wrongKind,
} from "../../core/pack/index.js";
import { openImages, openTextSide, type TextSide } from "../../core/runtime/index.js";
import { dataDigest, readExamples, splitByPicture, splitRehearsed, type TuneExample } from "./examples.js";
import { type TunedGraphs, tunedGraphs } from "./graphs.js";
import { firstValues } from "./lora.js";
import { numValues, type Parameter, type TunedPart } from "./parameters.js";
import { type Recipe, recipeDigest, recipeNames, recipeOf } from "./recipe.js";
import { readRow, type TuneRow } from "./rows.js";
import { type Trained, untrained } from "./state.js";
import { StoredWeights } from "./stored-weights.js";
import { Training, type TrainingParts, type TuneProgress } from "./training.js";
import { TunedModel } from "./tuned-model.js";

export interface RunOptions extends Partial<Recipe> {
  /** Files of questions with pictures. */
  readonly data: readonly string[];
  /**
   * Files of questions that the model answers already, mixed in so that it does not forget; answers that are its own and that no one
   * has reviewed are taken, too. Some are held out: they decide with the new ones on which values are kept. Default none.
   */
  readonly rehearse?: readonly string[];
  /** The folder to write, which must not be there. */
  readonly output: string;
  /** "adapter": of LoRA alone. Default "merged". */
  readonly form?: "merged" | "adapter";
  /** What an adapter calls its base, such as owner/name. Default: the path, of an absolute one the last part. */
  readonly baseName?: string;
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
  /** Of what the part of the vision encoder that stays gives of pictures. Default 1 GiB. */
  readonly maxPictureBytes?: number;
  /** Most seconds whose work a killed run loses. Default 60. */
  readonly saveSeconds?: number;
  readonly onProgress?: (progress: TuneProgress) => void;
  /** Questions that are read, and all. */
  readonly onRead?: (done: number, total: number) => void;
  readonly onPackProgress?: (progress: PackProgress) => void;
  readonly signal?: AbortSignal;
}

const callNames = optionNames<Omit<RunOptions, keyof Recipe> & { restart?: boolean }>({
  ...{
    data: true,
    rehearse: true,
    output: true,
    form: true,
    baseName: true,
    restart: true,
    threads: true,
    maxPictureBytes: true,
  },
  ...{ saveSeconds: true, onProgress: true, onRead: true, onPackProgress: true, signal: true },
});

export interface TunePlan {
  /** Values that are trained, by part. */
  readonly trainable: Readonly<Record<TunedPart, number>>;
  readonly numExamples: number;
  readonly numHeldOut: number;
  readonly numRehearsed: number;
  readonly numRehearsedHeldOut: number;
  readonly numPictures: number;
  readonly numSteps: number;
}

const defaultPictureBytes = 2 ** 30;

export interface Run {
  readonly opened: OpenedModel;
  readonly recipe: Recipe;
  readonly parts: Omit<TrainingParts, "folder">;
  readonly plan: TunePlan;
  /** Values before any update, in the order of `parts.trained`. */
  readonly base: () => Promise<Float32Array[]>;
  readonly heldOut: readonly TuneExample[];
  readonly rehearsedHeldOut: readonly TuneExample[];
  /** Digest of what is learnt and held out. */
  readonly data: string;
}

/** Opened for the time of `body`. @throws as `tuneVision` */
export async function withRun<T>(path: string, options: RunOptions, body: (run: Run) => Promise<T>): Promise<T> {
  const opened: { close(): Promise<void> | void }[] = [];
  const keep: Keep = async (opening) => {
    const part = await opening;
    if (part) opened.push(part);
    return part;
  };
  try {
    return await body(await openRun(path, options, keep));
  } finally {
    for (const part of opened.reverse()) await part.close();
  }
}

async function openRun(path: string, options: RunOptions, keep: Keep): Promise<Run> {
  refuseUnknownOptions("tuneVision", options, [...recipeNames, ...callNames]);
  const { form = "merged", saveSeconds = 60, signal, onProgress } = options;
  const recipe = recipeOf(options);
  checkForm(form, recipe);
  const examples = await readData(options, recipe);
  const opened = await openTuned(path, options, recipe, keep);
  const rows = await readRows(opened, examples, options);
  const base = () => baseValues(opened, recipe.seed);
  const values = await base();
  const trained = parametersOf(opened.graphs).map((parameter, i) => untrained(parameter, values[i]!));
  const { data, rehearsed, train, old, heldOut, oldHeldOut } = examples;
  const numTrained = train.length + old.length;
  const parts = {
    ...{ model: opened.model, recipe, trained, signal, onProgress, saveSeconds },
    digest: recipeDigest(recipe, [form, opened.packed.manifest.source_digest, data, rehearsed]),
    rows: rows.slice(0, numTrained),
    numNew: train.length,
    heldOut: rows.slice(numTrained, numTrained + heldOut.length),
    rehearsedHeldOut: rows.slice(numTrained + heldOut.length),
  };
  const plan = {
    trainable: trainableOf(trained),
    ...{ numExamples: train.length, numHeldOut: heldOut.length, numRehearsed: old.length },
    numRehearsedHeldOut: oldHeldOut.length,
    numPictures: opened.model.numPictures,
    numSteps: new Training({ ...parts, folder: "" }).numSteps,
  };
  return { opened, recipe, parts, plan, base, heldOut, rehearsedHeldOut: oldHeldOut, data };
}

function checkForm(form: RunOptions["form"], { lora, blocks, connector }: Recipe): void {
  if (form !== "adapter" || (lora && blocks === 0 && !connector)) return;
  throw new OcellusError(
    "invalid_request",
    "an adapter holds LoRA alone: train only that, or write a merged checkpoint",
    { details: { field: "form", found: form } },
  );
}

interface Examples {
  readonly train: readonly TuneExample[];
  readonly old: readonly TuneExample[];
  readonly heldOut: readonly TuneExample[];
  readonly oldHeldOut: readonly TuneExample[];
  /** Digests. */
  readonly data: string;
  readonly rehearsed: string;
}

async function readData({ data, rehearse = [] }: RunOptions, recipe: Recipe): Promise<Examples> {
  const examples = await readExamples(data);
  const split = splitByPicture(examples, recipe.heldOut, recipe.seed);
  const rehearsed = await readExamples(rehearse, { unreviewed: true });
  const { train: old, heldOut: oldHeldOut } = splitRehearsed(rehearsed, split, recipe);
  return { ...split, old, oldHeldOut, data: dataDigest(examples), rehearsed: dataDigest(rehearsed) };
}

interface OpenedModel {
  readonly base: Checkpoint;
  readonly source: SourceModel;
  readonly packed: PackedModel;
  readonly text: TextSide;
  readonly graphs: TunedGraphs;
  readonly weights: StoredWeights;
  readonly model: TunedModel;
}

async function openTuned(path: string, options: RunOptions, recipe: Recipe, keep: Keep): Promise<OpenedModel> {
  const { signal, onPackProgress: onProgress, threads = defaultThreads() } = options;
  const base = await keep(openCheckpoint(path));
  const source = await readModel(base);
  refuseOthers(path, source);
  const packing = { plan: parsePlan("fp32"), ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const packed = await keep(openPacked((await pack(path, packing)).path));
  const stored = storedGraphs(packed);
  const graphs = tunedGraphs(stored, packed, recipe);
  const weights = new StoredWeights(packed, Object.values(stored), graphs.all);
  const text = await openTextSide(packed, await keep(openImages({})), keep);
  const session = { device: "cpu", threads, weightsFolder: packed.path } as const;
  const opening = {
    open: (graph: TunedGraphs["forward"], freesMemory = false) =>
      GraphSession.open(weights.encode(graph), { ...session, freesMemory }),
    maxPictureBytes: options.maxPictureBytes ?? defaultPictureBytes,
    gradientCheckpointing: recipe.gradientCheckpointing,
  };
  return { base, source, packed, text, graphs, weights, model: await TunedModel.open(packed, graphs, opening, keep) };
}

function refuseOthers(path: string, { family, weights }: SourceModel): void {
  if (family.kind !== "language") throw wrongKind(path, family);
  if (weights.stored)
    throw new OcellusError(
      "unsupported",
      `${path} is quantised (${weights.stored.method}): tune the checkpoint that it was made from`,
      { details: { path, found: weights.stored.method } },
    );
}

/** Learnt, rehearsed, held out of both. Every picture is looked at here. */
async function readRows({ packed, text, model }: OpenedModel, examples: Examples, options: RunOptions) {
  const all = [...examples.train, ...examples.old, ...examples.heldOut, ...examples.oldHeldOut];
  const rows: TuneRow[] = [];
  for (const example of all) {
    throwIfAborted(options.signal);
    rows.push(await readRow(packed, text, example, (...picture) => model.addPicture(...picture)));
    options.onRead?.(rows.length, all.length);
  }
  return rows;
}

function trainableOf(trained: readonly Trained[]): TunePlan["trainable"] {
  const parameters = trained.map(({ parameter }) => parameter);
  return {
    vision: numValues(parameters, "vision"),
    connector: numValues(parameters, "connector"),
    lora: numValues(parameters, "lora"),
  };
}

/** Of all that is trained: before any update. */
async function baseValues({ weights, graphs }: OpenedModel, seed: number): Promise<Float32Array[]> {
  const values: Float32Array[] = [];
  for (const [i, parameter] of parametersOf(graphs).entries())
    values.push(parameter.part === "lora" ? firstValues(parameter, seed, i) : await weights.read(parameter.name));
  return values;
}

function parametersOf({ visionParameters, decoderParameters }: TunedGraphs): Parameter[] {
  return [...visionParameters, ...decoderParameters];
}
