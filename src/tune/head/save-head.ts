/**
 * A head and the encoder below it → a checkpoint folder. Where transformers has a class for that (one layer over ViT, DINOv2, CLIP,
 * SigLIP), the folder is one of that class: it gives the same probabilities there. Else its model_type is ocellus_classifier, which
 * no other program takes for the encoder alone. Weights are fp32: transformers computes in the type that a file has.
 */
import { fileLimits, memberTexts, throwIfAborted } from "../../core/base/index.js";
import { type Checkpoint, createSafetensorsWriter, openCheckpoint } from "../../core/checkpoint/index.js";
import { copyInto, createFolderAtomically, joinPath, pathExists, writeFileAtomically } from "../../core/fs/index.js";
import { type AnyFamily, familyOf } from "../../core/models/index.js";
import { encodeWeights, readModel, wantedTensors } from "../../core/pack/index.js";
import type { WeightsSource } from "../../core/quantize/index.js";
import { bytesOf, type TensorInfo } from "../../core/tensor/index.js";
import type { LinearLayer } from "./standardise.js";

export interface SavedHead {
  /** One or two layers, over features as the encoder gives them. */
  readonly layers: readonly LinearLayer[];
  readonly labels: readonly string[];
  /** Beside the weights: where they are from. */
  readonly lineage: unknown;
}

interface SaveOptions {
  /** Replaces what is there. */
  readonly force: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The members of an object, each as its text: transformers refuses 1 where a field has 1.0, and JavaScript knows no difference. */
type Members = ReadonlyMap<string, string>;

/** What says how an image becomes pixels. */
const processorFiles = ["preprocessor_config.json", "processor_config.json"];
export const lineageFile = "tuning.json";
/** By which `rollout publish` knows the file. */
export const lineageFormat = "ocellus-tuning-1";

/** The folder appears whole or not at all. @returns the class that opens it. @throws `io`, and as `openCheckpoint`. */
export async function saveHead(encoder: string, into: string, head: SavedHead, options: SaveOptions): Promise<string> {
  const checkpoint = await openCheckpoint(encoder);
  try {
    const plan = await planOf(checkpoint, head);
    await createFolderAtomically(into, options.force, async (folder) => {
      await writeWeights(joinPath(folder, "model.safetensors"), plan, head, options.signal);
      await writeFileAtomically(joinPath(folder, "config.json"), plan.config);
      await writeFileAtomically(joinPath(folder, lineageFile), `${JSON.stringify(head.lineage, null, 2)}\n`);
      for (const name of processorFiles) {
        const path = joinPath(checkpoint.path, name);
        if (await pathExists(path)) await copyInto(folder, path);
      }
    });
    return plan.architecture;
  } finally {
    await checkpoint.close();
  }
}

interface Plan {
  readonly architecture: string;
  /** Text of config.json. */
  readonly config: string;
  readonly weights: WeightsSource;
  /** From a tensor of the encoder's, by its canonical name, to its name in the file. */
  readonly names: ReadonlyMap<string, string>;
}

async function planOf(checkpoint: Checkpoint, head: SavedHead): Promise<Plan> {
  const json = await checkpoint.readJson("config.json");
  const given = plainMembers((await checkpoint.readText("config.json"))!);
  const { family, config, weights } = await readModel(checkpoint, "features");
  const side = sideOf(familyOf(json, "whole"));
  const labels = labelFields(head.labels);
  if (side && head.layers.length === 1)
    return {
      architecture: side.architecture,
      config: textOf(given, { architectures: [side.architecture], ...labels, dtype: "float32" }),
      weights,
      names: namesBy(weights, side.tensorName),
    };
  const wanted = wantedTensors(family, config);
  const width = head.layers.length > 1 ? { head_width: head.layers[0]!.outputs } : {};
  return {
    architecture: "OcellusImageClassifier",
    config: textOf(new Map([["encoder", textOf(given, {})]]), {
      ...{ model_type: "ocellus_classifier", architectures: ["OcellusImageClassifier"] },
      ...{ ...width, ...labels },
    }),
    weights,
    names: namesBy(weights, (name) => (wanted.has(name) ? name : undefined)),
  };
}

function sideOf(family: AnyFamily) {
  return family.kind === "language" ? undefined : family.classifier;
}

function labelFields(labels: readonly string[]) {
  return {
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    problem_type: "single_label_classification",
  };
}

/** What names labels that the head replaces, and number formats that are widened. */
const replaced = ["quantization_config", "compression_config", "quantization", "torch_dtype", "num_labels"];

function plainMembers(text: string): Members {
  const members = new Map(memberTexts(text.replace(/^\ufeff/, ""), fileLimits));
  for (const name of replaced) members.delete(name);
  return members;
}

function textOf(members: Members, own: Readonly<Record<string, unknown>>): string {
  const all = new Map([
    ...members,
    ...Object.entries(own).map(([name, value]) => [name, JSON.stringify(value)] as const),
  ]);
  return `{\n${[...all].map(([name, text]) => `  ${JSON.stringify(name)}: ${text}`).join(",\n")}\n}\n`;
}

/** Floats only: constants that a version of the class stored are computed by others. */
function namesBy(weights: WeightsSource, nameOf: (name: string) => string | undefined): Map<string, string> {
  const floats = [...weights.names()].filter((name) => /^b?f\d/.test(weights.info(name)!.dtype));
  return new Map(
    floats.flatMap((name) => {
      const written = nameOf(name);
      return written === undefined ? [] : [[name, written] as const];
    }),
  );
}

async function writeWeights(path: string, plan: Plan, head: SavedHead, signal: AbortSignal | undefined): Promise<void> {
  const { weights, names } = plan;
  const encoder = [...names].map(([name, written]): TensorInfo => {
    return { name: written, dtype: "f32", shape: weights.info(name)!.shape };
  });
  const own = head.layers.flatMap((layer, i) =>
    tensorsOf(layer, i === head.layers.length - 1 ? "classifier" : "hidden"),
  );
  const writer = await createSafetensorsWriter(path, [...encoder, ...own.map(({ info }) => info)]);
  try {
    for (const name of names.keys()) {
      throwIfAborted(signal);
      for await (const { parts } of encodeWeights(weights, [name], { kind: "f32" })) await writer.write(parts.values!);
    }
    for (const { values } of own) await writer.write(bytesOf(values));
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function tensorsOf({ weight, bias, inputs, outputs }: LinearLayer, name: string) {
  const info = (part: string, shape: readonly number[]): TensorInfo => ({
    name: `${name}.${part}`,
    dtype: "f32",
    shape,
  });
  return [
    { info: info("weight", [outputs, inputs]), values: weight },
    { info: info("bias", [outputs]), values: bias },
  ];
}
