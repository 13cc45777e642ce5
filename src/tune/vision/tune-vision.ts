/**
 * Fine-tuning from pictures with questions and answers: `tuneVision` trains and writes a checkpoint or an adapter, `estimateTuning`
 * says what that would take. docs/tuning.md
 */
import { resolve } from "node:path";
import { OcellusError } from "../../core/base/index.js";
import type { Checkpoint } from "../../core/checkpoint/index.js";
import { fileDigest, joinPath, pathExists, takeFolderLock, textDigest } from "../../core/fs/index.js";
import type { TuneExample } from "./examples.js";
import { type Interpolation, interpolate } from "./interpolate.js";
import { type Run, type RunOptions, type TunePlan, withRun } from "./run.js";
import { forgetState, loadState, stateFolder } from "./state.js";
import { Training, type TrainingResult } from "./training.js";
import { type Output, writeAdapter, writeMerged } from "./write-output.js";

export interface TuneVisionOptions extends RunOptions {
  /** Whether to forget what an interrupted run has come to. Default false: it is continued. */
  readonly restart?: boolean;
}

/** What a run would take. */
export interface TuneEstimate extends TunePlan {
  /** One update, measured. */
  readonly stepSeconds: number;
  /** Of all updates; the evaluations come on top. */
  readonly seconds: number;
  /** Of this process, after one update. */
  readonly memoryBytes: number;
  readonly loss: number;
}

export interface TuneResult extends TunePlan, TrainingResult {
  readonly folder: string;
  /** What was not learnt from: for an evaluation of before and after. */
  readonly heldOut: readonly TuneExample[];
  /** The same of what was rehearsed. */
  readonly rehearsedHeldOut: readonly TuneExample[];
  /** Where between base and trained the written weights are; absent: nothing that was rehearsed is held out, or no update helped. */
  readonly interpolation?: Interpolation | undefined;
}

/**
 * @throws `invalid_request` (options, too few pictures, a loss that is no number), `invalid_file` and `invalid_image` (bad data, naming
 * the line), `not_found`, `too_large`, `unsupported`, `io` (a full disk), `aborted`. Of a run that was interrupted or killed, the
 * same call continues.
 */
export async function tuneVision(path: string, options: TuneVisionOptions): Promise<TuneResult> {
  const folder = resolve(options.output);
  await refuseExisting(folder);
  const state = stateFolder(folder);
  const release = await takeFolderLock(state, { signal: options.signal, onWait: (owner) => refuseBusy(state, owner) });
  try {
    if (options.restart) await forgetState(state);
    return await withRun(path, options, (run) => trainAndWrite(run, { baseName: path, ...options, folder, state }));
  } finally {
    await release();
  }
}

/** Reads everything, runs one update without keeping it, and writes nothing. @throws as `tuneVision` */
export async function estimateTuning(path: string, options: TuneVisionOptions): Promise<TuneEstimate> {
  await refuseExisting(resolve(options.output));
  return withRun(path, options, async ({ parts, plan }) => {
    const training = new Training({ ...parts, folder: "" });
    const { seconds, loss } = await training.measure();
    const { rss: memoryBytes } = process.memoryUsage();
    return { ...plan, stepSeconds: seconds, seconds: seconds * training.numSteps, memoryBytes, loss };
  });
}

async function refuseExisting(folder: string): Promise<void> {
  if (!(await pathExists(folder))) return;
  throw new OcellusError("invalid_request", `${folder} is there already; name another folder to write`, {
    details: { field: "output", path: folder },
  });
}

function refuseBusy(path: string, owner: string): never {
  throw new OcellusError("unavailable", `${owner} is training in ${path}; wait for it, or name another output`, {
    details: { path, owner },
  });
}

async function trainAndWrite(
  { opened: { base, source, graphs }, recipe, parts, plan, base: baseValues, heldOut, rehearsedHeldOut, data }: Run,
  { folder, state, baseName, form = "merged" }: TuneVisionOptions & { readonly folder: string; readonly state: string; readonly baseName: string }, // biome-ignore format: one thought
): Promise<TuneResult> {
  const found = await loadState(state, parts.trained, parts.digest);
  const training = new Training({ ...parts, folder: state }, found);
  const result = await training.run();
  const best = result.evaluations.find(({ step }) => step === result.bestStep)!;
  const isMixed = rehearsedHeldOut.length > 0 && result.bestStep > 0;
  const interpolation = isMixed ? await interpolate(parts.trained, await baseValues(), () => training.losses(), best) : undefined; // biome-ignore format: one thought
  const output: Output = {
    ...{ base, baseName, model: source, parameters: graphs.visionParameters },
    values: new Map(parts.trained.map(({ parameter, best }) => [parameter.name, best])),
    lora: recipe.lora && { ...recipe.lora, weights: graphs.loraTargets.map(({ weight }) => weight) },
    record: {
      format: "ocellus-tuning-1",
      base: { model_type: source.family.modelType, digest: await contentDigest(base) },
      data: { digest: data, examples: plan.numExamples, held_out: plan.numHeldOut, rehearsed: plan.numRehearsed },
      recipe,
      trainable: plan.trainable,
      result: { steps: result.step, best_step: result.bestStep, seconds: result.seconds, held_out_loss: result.evaluations, ...(interpolation && { interpolation }) }, // biome-ignore format: one thought
    },
  };
  await (form === "adapter" ? writeAdapter : writeMerged)(folder, output);
  await forgetState(state);
  return { ...plan, ...result, folder, heldOut, rehearsedHeldOut, interpolation };
}

/** Of the files, wherever they lie. */
async function contentDigest(base: Checkpoint): Promise<string> {
  const names = [...base.files.map(({ name }) => name), ...(await base.sideFiles())].sort();
  const digests: [string, string][] = [];
  for (const name of names) digests.push([name, await fileDigest(joinPath(base.path, name))]);
  return `sha256:${textDigest(JSON.stringify(digests))}`;
}
