/**
 * What a run has come to, beside the folder that it will write: the trained values, both moments, the best values so far and the
 * number of the step, in one file that is replaced whole. A run that was killed continues from the last one with the same numbers:
 * all else follows from the seed and the number of the step.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fileLimits, ioError, OcellusError, parseJson } from "../../core/base/index.js";
import { openCheckpoint, writeSafetensors } from "../../core/checkpoint/index.js";
import { makeFolder, pathExists, removeFolder } from "../../core/fs/index.js";
import { float32Tensor, type Tensor, toFloat32 } from "../../core/tensor/index.js";
import type { Moments } from "./adamw.js";
import type { Parameter } from "./parameters.js";

/** What training keeps of a parameter. */
export interface Trained extends Moments {
  readonly parameter: Parameter;
  /** Where the held-out losses were least. */
  readonly best: Float32Array;
}

/** Losses of a token: of what is new, and of what is rehearsed, if some of it is held out. */
const evaluationSchema = z.strictObject({ step: z.number(), loss: z.number(), rehearsed: z.number().optional() });
export type Evaluation = z.infer<typeof evaluationSchema>;

/** What decides on which values are kept: as much is lost by a token of the old as of the new. */
export function totalLoss({ loss, rehearsed = 0 }: Pick<Evaluation, "loss" | "rehearsed">): number {
  return loss + rehearsed;
}

const progressSchema = z.strictObject({
  /** Of everything that decides on the numbers: another recipe cannot continue. */
  recipe: z.string(),
  /** Updates that were made. */
  step: z.number().int().nonnegative(),
  /** Held-out losses, the first before any update. */
  evaluations: z.array(evaluationSchema),
  /** Of the step where `best` was taken. */
  bestStep: z.number().int().nonnegative(),
  seconds: z.number().nonnegative(),
});
export type RunProgress = z.infer<typeof progressSchema>;

const fileName = "state.safetensors";
const kinds = ["values", "first", "second", "best"] as const;
const progressName = "progress";

export function stateFolder(output: string): string {
  return `${output}.training`;
}

/** @throws `io` for a full disk, with the state of before as it was. */
export async function saveState(folder: string, trained: readonly Trained[], progress: RunProgress): Promise<void> {
  const tensors = trained.flatMap((each) =>
    kinds.map((kind) => float32Tensor(`${kind}/${each.parameter.name}`, each.parameter.shape, each[kind])),
  );
  const json = new TextEncoder().encode(JSON.stringify(progress));
  const meta: Tensor = { name: progressName, dtype: "u8", shape: [json.length], bytes: json };
  await makeFolder(folder);
  const [path, temporary] = [join(folder, fileName), join(folder, `${fileName}.partial`)];
  try {
    await writeSafetensors(temporary, [...tensors, meta]); // which makes it durable
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw cause instanceof OcellusError ? cause : ioError("write", path, cause);
  }
}

/**
 * Reads the state into `trained`. Undefined: there is none.
 * @throws `invalid_request` where it is of another recipe; `invalid_file` where it is damaged.
 */
export async function loadState(
  folder: string,
  trained: readonly Trained[],
  recipe: string,
): Promise<RunProgress | undefined> {
  const path = join(folder, fileName);
  if (!(await pathExists(path))) return undefined;
  const file = await openCheckpoint(path);
  try {
    if (!file.info(progressName)) throw damaged(path, progressName);
    const progress = parseProgress(path, (await file.read(progressName)).bytes);
    if (progress.recipe !== recipe)
      throw new OcellusError(
        "invalid_request",
        `${folder} holds a run with another model, other data or other options: repeat the command that began it, or begin again with --restart`,
        { details: { path: folder, expected: recipe, found: progress.recipe } },
      );
    for (const each of trained) {
      for (const kind of kinds) {
        const name = `${kind}/${each.parameter.name}`;
        const bytes = file.info(name) && (await file.read(name)).bytes;
        if (bytes?.length !== each[kind].byteLength) throw damaged(path, name);
        each[kind].set(toFloat32(bytes, "f32"));
      }
    }
    return progress;
  } finally {
    await file.close();
  }
}

function parseProgress(path: string, bytes: Uint8Array): RunProgress {
  try {
    return progressSchema.parse(parseJson(new TextDecoder().decode(bytes), fileLimits));
  } catch {
    throw damaged(path, progressName);
  }
}

function damaged(path: string, tensor: string): OcellusError {
  return new OcellusError(
    "invalid_file",
    `${path} is damaged: ${tensor} is missing or not what was written; begin again with --restart`,
    { details: { path, tensor } },
  );
}

export async function forgetState(folder: string): Promise<void> {
  await removeFolder(folder);
}

/** Values as they are at first, nothing moved yet. */
export function untrained(parameter: Parameter, values: Float32Array): Trained {
  const { decays } = parameter;
  const zeros = () => new Float32Array(values.length);
  return { parameter, values, decays, first: zeros(), second: zeros(), best: values.slice() };
}
