/**
 * What was trained, as a folder that appears whole or not at all: a checkpoint with the weights moved, which opens wherever its base
 * opens, or the adapter alone as PEFT reads it. `tuning.json` in it says what it was made from and how.
 */
import { basename, isAbsolute, join } from "node:path";
import { OcellusError } from "../../core/base/index.js";
import { type Checkpoint, createSafetensorsWriter, writeSafetensors } from "../../core/checkpoint/index.js";
import { copyInto, createFolderAtomically, writeFileAtomically } from "../../core/fs/index.js";
import { canonicalSource, type SourceModel } from "../../core/pack/index.js";
import { confidenceFile, familiarityFile } from "../../core/runtime/index.js";
import {
  bytesOf,
  type DType,
  elementBytes,
  elementCount,
  float32Tensor,
  type TensorInfo,
  toBFloat16Bits,
  toFloat16Bits,
  toFloat32,
} from "../../core/tensor/index.js";
import { loraNames } from "../../core/train/index.js";
import type { LoraChoice } from "./lora.js";
import type { Parameter } from "./parameters.js";
import type { Values } from "./tuned-model.js";

const tuningFile = "tuning.json";
/** What was measured of the base, and is no longer true. */
const measuredFiles: readonly string[] = [familiarityFile, confidenceFile];

export interface Output {
  readonly base: Checkpoint;
  readonly model: SourceModel;
  /** Of the vision graph. */
  readonly parameters: readonly Parameter[];
  readonly values: Values;
  /** With the canonical names of the matrices that have an update. */
  readonly lora?: (LoraChoice & { readonly weights: readonly string[] }) | undefined;
  /** What the base is called, for the adapter that names it. */
  readonly baseName: string;
  /** For `tuning.json`. */
  readonly record: object;
}

/** New values of a tensor, from its old ones. */
type Change = (before: Float32Array) => Float32Array;

/** @throws `io` for a full disk; nothing is left of the folder then. */
export async function writeMerged(folder: string, output: Output): Promise<void> {
  const { base, record } = output;
  const changes = changesOf(output);
  await createFolderAtomically(folder, false, async (temporary) => {
    await writeWeights(join(temporary, "model.safetensors"), output, changes);
    const kept = (await base.sideFiles()).filter((name) => !measuredFiles.includes(name));
    for (const name of kept) await copyInto(temporary, join(base.path, name));
    await writeRecord(temporary, record);
  });
}

function writeRecord(folder: string, record: object): Promise<void> {
  return writeFileAtomically(join(folder, tuningFile), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** By the canonical names of tensors. */
function changesOf({ parameters, values, lora, model }: Output): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const { name, tensors } of parameters) {
    let at = 0;
    for (const tensor of tensors) {
      const size = elementCount(model.weights.info(tensor)!.shape);
      const own = values.get(name)!.subarray(at, at + size);
      changes.set(tensor, () => own);
      at += size;
    }
  }
  for (const weight of lora?.weights ?? []) {
    const names = loraNames(weight);
    const [a, b] = [values.get(names.a)!, values.get(names.b)!];
    changes.set(weight, (before) => merged(before, b, a, lora!));
  }
  return changes;
}

/** W + α/r · B·A, summed in double precision. */
function merged(before: Float32Array, b: Float32Array, a: Float32Array, { rank, alpha }: LoraChoice): Float32Array {
  const [columns, scaling] = [a.length / rank, alpha / rank];
  const after = new Float32Array(before.length);
  const delta = new Float64Array(columns);
  for (let row = 0; row < b.length / rank; row++) {
    delta.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = scaling * b[row * rank + k]!;
      for (let column = 0; column < columns; column++) delta[column]! += factor * a[k * columns + column]!;
    }
    for (let column = 0; column < columns; column++)
      after[row * columns + column] = before[row * columns + column]! + delta[column]!;
  }
  return after;
}

/** Every tensor in the dtype of the base, which rounds what was trained in float32. */
async function writeWeights(path: string, { base, model }: Output, changes: ReadonlyMap<string, Change>) {
  const infos = [...base.names()].map((name) => base.info(name)!);
  const weights = canonicalSource(base, model.family);
  const writer = await createSafetensorsWriter(path, infos);
  try {
    for (const info of infos) {
      const name = model.family.canonicalName(info.name);
      const change = changes.get(name);
      if (!change) for await (const piece of piecesOf(base, info)) await writer.write(piece);
      else {
        const { bytes, dtype } = await weights.read(name);
        await writer.write(narrowed(change(toFloat32(bytes, dtype)), info));
      }
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Elements that are copied at once. */
const pieceLength = 4 * 2 ** 20;

async function* piecesOf(base: Checkpoint, { name, shape }: TensorInfo): AsyncGenerator<Uint8Array> {
  const count = elementCount(shape);
  for (let at = 0; at < count; at += pieceLength)
    yield await base.readRange(name, at, Math.min(count, at + pieceLength));
}

function narrowed(values: Float32Array, { name, dtype }: TensorInfo): Uint8Array {
  const codes: Partial<Record<DType, () => ArrayBufferView>> = {
    f32: () => values,
    f16: () => toFloat16Bits(values),
    bf16: () => toBFloat16Bits(values),
    f64: () => Float64Array.from(values),
  };
  const isWide = dtype === "f16" && values.some((value) => Math.abs(value) > 65_504);
  const made = isWide ? undefined : codes[dtype]?.();
  if (made) return bytesOf(made);
  throw new OcellusError(
    "unsupported",
    `${name}: what was trained does not fit into ${dtype}, the format of the base; widen the base checkpoint to float32 and tune that`,
    { details: { tensor: name, dtype, bytes: elementBytes(dtype) } },
  );
}

/** An adapter is passed on, and a path of this machine says nothing elsewhere. */
function passedOn(name: string): string {
  return isAbsolute(name) ? basename(name) : name;
}

/** @throws `io` */
export async function writeAdapter(folder: string, output: Output): Promise<void> {
  const { baseName, model, values, record } = output;
  const { rank, alpha, weights } = output.lora!;
  const paths = weights.map((weight) => weight.replace(/\.weight$/, "")); // canonical names are paths of transformers' modules
  const tensors = weights.flatMap((weight, i) => {
    const [rows, columns] = model.weights.info(weight)!.shape as [number, number];
    const { a, b } = loraNames(weight);
    const name = (side: "A" | "B") => `base_model.model.${paths[i]}.lora_${side}.weight`;
    return [
      float32Tensor(name("A"), [rank, columns], values.get(a)!),
      float32Tensor(name("B"), [rows, rank], values.get(b)!),
    ];
  });
  const config = {
    ...{
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      base_model_name_or_path: passedOn(baseName),
      r: rank,
      lora_alpha: alpha,
    },
    ...{ target_modules: paths, lora_dropout: 0, bias: "none", fan_in_fan_out: false, inference_mode: true },
    ...{ use_rslora: false, use_dora: false, init_lora_weights: true, modules_to_save: null },
  };
  await createFolderAtomically(folder, false, async (temporary) => {
    await writeSafetensors(join(temporary, "adapter_model.safetensors"), tensors);
    await writeFileAtomically(join(temporary, "adapter_config.json"), `${JSON.stringify(config, undefined, 2)}\n`);
    await writeRecord(temporary, record);
  });
}
