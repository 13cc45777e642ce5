/**
 * A packed model on disk: standard ONNX graphs, one safetensors file they point into, the checkpoint's own side files,
 * and packed.json, which says what it is. Any ONNX Runtime program can load the graphs; our own reader the weights.
 */
import { OcellusError } from "../base/index.js";
import { type Checkpoint, openCheckpoint } from "../checkpoint/index.js";
import { joinPath } from "../fs/index.js";
import {
  type AnyFamily,
  type Classifier,
  configNotes,
  type DualEncoder,
  families,
  familyOf,
  type ImageEncoder,
  type LanguageFamily,
} from "../models/index.js";
import { EmbeddingTable } from "./embedding.js";
import { manifestSchema, type PackedManifest, packedFiles } from "./manifest.js";

export interface Packed<F extends AnyFamily> {
  readonly path: string;
  readonly manifest: PackedManifest;
  readonly family: F;
  /** The family's own config, as its `parseConfig` returned it. */
  readonly config: unknown;
  /** Side files of the checkpoint: tokenizer.json and its kin. */
  readonly files: Checkpoint;
  graphPath(name: string): string;
  close(): Promise<void>;
}

export interface PackedModel extends Packed<LanguageFamily> {
  readonly embedding: EmbeddingTable;
}

/** Is there a packed model in this folder? */
export async function isPacked(files: Checkpoint): Promise<boolean> {
  return (await files.readJson(packedFiles.manifest)) !== undefined;
}

/** What a user should know of a packed model: what its config says and is not used. Of its weights, packing told. */
export async function packedNotes(files: Checkpoint): Promise<string[]> {
  const json = await files.readJson("config.json");
  const modelType = (json as { model_type?: unknown } | null | undefined)?.model_type;
  const family = families.find((each) => each.modelType === modelType);
  return family ? configNotes(family, json) : [];
}

/** @throws `invalid_file` when packed.json is missing, damaged or from another version; `unsupported` for an encoder. */
export async function openPacked(path: string): Promise<PackedModel> {
  const packed = await openPackedAny(path);
  const { family, manifest, config, files } = packed;
  try {
    if (family.kind !== "language" || !manifest.embedding) throw wrongKind(path, family);
    const embedding = new EmbeddingTable(files, manifest.embedding, family.dimensions(config).hiddenSize);
    return { ...packed, family, embedding };
  } catch (error) {
    await packed.close();
    throw error;
  }
}

/** As `openPacked`, for models with two towers. */
export async function openPackedEncoder(path: string): Promise<Packed<DualEncoder>> {
  const packed = await openPackedAny(path);
  if (packed.family.kind === "dual_encoder") return { ...packed, family: packed.family };
  await packed.close();
  throw wrongKind(path, packed.family);
}

/** As `openPacked`, for models that classify pictures. */
export async function openPackedClassifier(path: string): Promise<Packed<Classifier>> {
  const packed = await openPackedAny(path);
  if (packed.family.kind === "classifier") return { ...packed, family: packed.family };
  await packed.close();
  throw wrongKind(path, packed.family);
}

/** As `openPacked`, for models that give vectors of images alone. */
export async function openPackedImageEncoder(path: string): Promise<Packed<ImageEncoder>> {
  const packed = await openPackedAny(path);
  if (packed.family.kind === "image_encoder") return { ...packed, family: packed.family };
  await packed.close();
  throw wrongKind(path, packed.family);
}

/** What a model is, and what opens it. */
const kinds = {
  language: ["a model that writes text", "loadModel"],
  dual_encoder: ["an encoder of images and texts, which cannot answer", "loadDualEncoder"],
  image_encoder: ["an encoder of images, which knows no words and finds images that are alike", "loadImageEncoder"],
  classifier: ["a classifier of images, which knows its own labels and no other words", "loadClassifier"],
} as const;

/** The error for a model of another kind than was asked for. */
export function wrongKind(path: string, family: AnyFamily): OcellusError {
  const [what, instead] = kinds[family.kind];
  return new OcellusError(
    "unsupported",
    `${path} is ${what} (model_type ${family.modelType}); open it with ${instead}`,
    { details: { path, modelType: family.modelType, kind: family.kind } },
  );
}

/** Of whichever kind its family is. @throws `invalid_file` as `openPacked`. */
export async function openPackedAny(path: string): Promise<Packed<AnyFamily>> {
  const files = await openCheckpoint(path);
  try {
    const manifest = await readManifest(files, path);
    const { model_type, view = "whole" } = manifest;
    const json = (await files.readJson("config.json")) as object;
    const family = familyOf({ ...json, model_type }, view);
    const config: unknown = family.parseConfig(json);
    const graphPath = (name: string) => joinPath(path, packedFiles.graph(name));
    return { path, manifest, family, config, files, graphPath, close: () => files.close() };
  } catch (error) {
    await files.close();
    throw error;
  }
}

async function readManifest(files: Checkpoint, path: string): Promise<PackedManifest> {
  const json = await files.readJson(packedFiles.manifest);
  const result = manifestSchema.safeParse(json);
  if (result.success) return result.data;
  const reason =
    json === undefined ? "it has no packed.json" : "its packed.json is damaged or from another Ocellus version";
  throw new OcellusError(
    "invalid_file",
    `${path} is not a packed model: ${reason}; run \`ocellus pack\` on the checkpoint`,
    { details: { path, file: "packed.json", found: json === undefined ? "nothing" : "another format" } },
  );
}
