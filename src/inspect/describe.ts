/**
 * What a checkpoint is, from its headers alone: no weight is read but samples of a head that may be the embedding table.
 * Works on any checkpoint our reader opens; what only a family can say (what is missing, what is read by nothing) is
 * there when config.json names one that we run. The result is plain data: `ocellus inspect --json` prints it.
 */
import { groupBy, OcellusError } from "../core/base/index.js";
import { type Checkpoint, openCheckpoint } from "../core/checkpoint/index.js";
import { baseName, joinPath } from "../core/fs/index.js";
import { type AnyFamily, configNotes, families, familyOf } from "../core/models/index.js";
import { isPacked, wantedTensors } from "../core/pack/index.js";
import { byteLength, type DType, elementCount, type Shape, type TensorInfo } from "../core/tensor/index.js";
import { type Answer, answers } from "./answers.js";
import { type FamilyFit, familyFit } from "./family-fit.js";
import { describeHead, type Head, proveHead } from "./head.js";
import { type ModuleNode, moduleTree } from "./module-tree.js";
import { type PartKind, partKinds, partTeller, partTitle, placeOf } from "./place.js";

export interface Totals {
  readonly numTensors: number;
  /** Elements of all tensors. */
  readonly numParameters: number;
  readonly sizeBytes: number;
}

export interface Part extends Totals {
  readonly part: PartKind;
  readonly title: string;
  /** Layers of its longest stack; 0 where it has none. */
  readonly numLayers: number;
  readonly dtypes: readonly DType[];
}

export interface DescribedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly sizeBytes: number;
  readonly file: string;
  readonly part: PartKind;
}

export interface ConfigFound {
  /** known: a family we run; packed: a model that `pack` made, whose tensors have other names; the rest explain themselves. */
  readonly state: "known" | "unknown" | "absent" | "invalid" | "packed";
  readonly modelType?: string;
  /** Why it is not "known", in words. */
  readonly problem?: string;
}

export interface CheckpointDescription extends Totals {
  /** The folder, or the one weights file that was named; absolute. */
  readonly path: string;
  /** Without the second copy of a table that is stored as the head, too. */
  readonly numDistinctParameters: number;
  readonly format: Checkpoint["format"];
  readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly numTensors: number }[];
  readonly dtypes: readonly ({ readonly dtype: DType } & Totals)[];
  readonly config: ConfigFound;
  readonly parts: readonly Part[];
  readonly tree: ModuleNode;
  readonly head?: Head;
  readonly fit?: FamilyFit;
  readonly answers: readonly Answer[];
  /** What a user should know, in sentences. */
  readonly notes: readonly string[];
  readonly tensors: readonly DescribedTensor[];
}

export interface DescribeOptions {
  /** Compare every byte of a head that samples say is the embedding table. */
  readonly prove?: boolean;
  readonly signal?: AbortSignal;
}

/** @throws what `openCheckpoint` throws: `not_found`, `invalid_file`, `too_large`, `unsupported`, `io`; `aborted`. */
export async function describeCheckpoint(path: string, options: DescribeOptions = {}): Promise<CheckpointDescription> {
  const checkpoint = await openCheckpoint(path);
  try {
    return await describeOpen(checkpoint, path, options);
  } finally {
    await checkpoint.close();
  }
}

async function describeOpen(
  checkpoint: Checkpoint,
  path: string,
  options: DescribeOptions,
): Promise<CheckpointDescription> {
  const infos = [...checkpoint.names()].map((name) => checkpoint.info(name)!);
  const { json, problem } = await readConfig(checkpoint);
  const { found, family, wanted } = await recognise(checkpoint, json, problem);
  const fit = family && wanted && familyFit(infos, family, wanted);
  const head = found.state === "packed" ? undefined : await headOf(checkpoint, json, options);
  const part = partTeller(family);
  const tensors = infos.map((info) => describeTensor(checkpoint, info, part(info.name)));
  const sums = totals(tensors);
  return {
    path: openedPath(checkpoint, path),
    format: checkpoint.format,
    ...sums,
    numDistinctParameters: sums.numParameters - copiedParameters(checkpoint, head),
    files: checkpoint.files.map(({ name, sizeBytes }) => ({
      name,
      sizeBytes,
      numTensors: tensors.filter((tensor) => tensor.file === name).length,
    })),
    dtypes: groupBy(tensors, ({ dtype }) => dtype).map(([dtype, of]) => ({ dtype, ...totals(of) })),
    config: found,
    parts: describeParts(tensors),
    tree: moduleTree(infos),
    ...(head && { head }),
    ...(fit && { fit }),
    answers: answers(infos, json),
    notes: [...checkpoint.notes, ...(family ? configNotes(family, json) : [])],
    tensors,
  };
}

/** The folder, or the one file in it that was named. */
function openedPath({ path: folder, files }: Checkpoint, named: string): string {
  const file = files[0]?.name;
  return files.length === 1 && file === baseName(named) ? joinPath(folder, file) : folder;
}

async function headOf(checkpoint: Checkpoint, json: unknown, { prove, signal }: DescribeOptions) {
  const head = await describeHead(checkpoint, json);
  return head && prove ? proveHead(checkpoint, head, signal) : head;
}

function copiedParameters(checkpoint: Checkpoint, head: Head | undefined): number {
  const isCopy = head?.verdict === "equal" || head?.verdict === "equal_samples";
  return isCopy && head.head ? elementCount(checkpoint.info(head.head)!.shape) : 0;
}

async function readConfig(checkpoint: Checkpoint): Promise<{ json?: unknown; problem?: string }> {
  try {
    return { json: await checkpoint.readJson("config.json") };
  } catch (error) {
    if (error instanceof OcellusError) return { problem: error.message };
    throw error;
  }
}

interface Recognised {
  readonly found: ConfigFound;
  readonly family?: AnyFamily;
  readonly wanted?: ReadonlyMap<string, Shape>;
}

async function recognise(checkpoint: Checkpoint, json: unknown, problem: string | undefined): Promise<Recognised> {
  if (problem !== undefined) return { found: { state: "invalid", problem } };
  if (json === undefined)
    return { found: { state: "absent", problem: "there is no config.json beside the weights: names and shapes only" } };
  const modelType = (json as { model_type?: unknown } | null)?.model_type;
  const named = typeof modelType === "string" ? { modelType: modelType.slice(0, 100) } : {};
  if (await isPacked(checkpoint)) return { found: { state: "packed", ...named } };
  try {
    const family = familyOf(json);
    const wanted = wantedTensors(family, family.parseConfig(json));
    return { found: { state: "known", ...named }, family, wanted };
  } catch (error) {
    if (!(error instanceof OcellusError)) throw error;
    const state = families.some((family) => family.modelType === modelType) ? "invalid" : "unknown";
    return { found: { state, ...named, problem: error.message } };
  }
}

function describeTensor(checkpoint: Checkpoint, { name, dtype, shape }: TensorInfo, part: PartKind): DescribedTensor {
  return { name, dtype, shape, sizeBytes: byteLength(dtype, shape), file: checkpoint.fileOf(name), part };
}

function describeParts(tensors: readonly DescribedTensor[]): Part[] {
  return partKinds.flatMap((part) => {
    const own = tensors.filter((tensor) => tensor.part === part);
    if (own.length === 0) return [];
    const names = own.map(({ name }) => name);
    const dtypes = [...new Set(own.map(({ dtype }) => dtype))];
    return [{ part, title: partTitle(part, names), ...totals(own), numLayers: longestStack(names), dtypes }];
  });
}

/** Layers of the longest stack among these tensors. */
export function longestStack(names: readonly string[]): number {
  const layers = names.map(placeOf).filter((place) => place.layer !== undefined);
  return Math.max(0, ...groupBy(layers, ({ stack }) => stack).map(([, of]) => new Set(of.map((p) => p.layer)).size));
}

function totals(tensors: readonly DescribedTensor[]): Totals {
  return {
    numTensors: tensors.length,
    numParameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    sizeBytes: tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}
