/**
 * A packed model on disk: standard ONNX graphs, one safetensors file they point into, the checkpoint's own side files,
 * and packed.json, which says what it is. Any ONNX Runtime program can load the graphs; our own reader the weights.
 */
import { OcellusError } from "../base/index.js";
import { type AnyFamily, familyOf, type LanguageFamily } from "../models/index.js";
import { EmbeddingTable } from "./embedding.js";
import { manifestSchema, type PackedManifest, packedFiles } from "./manifest.js";
import type { PackedFiles } from "./packed-files.js";

export interface Packed<F extends AnyFamily> {
  readonly path: string;
  readonly manifest: PackedManifest;
  readonly family: F;
  /** The family's own config, as its `parseConfig` returned it. */
  readonly config: unknown;
  /** Side files of the checkpoint: tokenizer.json and its kin. */
  readonly files: PackedFiles;
  graphPath(name: string): string;
  close(): Promise<void>;
}

export interface PackedModel extends Packed<LanguageFamily> {
  readonly embedding: EmbeddingTable;
}

/** Of files that are open; closes them if it is not one. @throws `invalid_file` when packed.json is missing, damaged or from another version. */
export async function packedIn(
  files: PackedFiles,
  graphPath: (name: string) => string,
  path = files.path,
): Promise<Packed<AnyFamily>> {
  try {
    const manifest = await readManifest(files, path);
    const { model_type, view = "whole" } = manifest;
    const json = (await files.readJson("config.json")) as object;
    const family = familyOf({ ...json, model_type }, view);
    const config: unknown = family.parseConfig(json);
    return { path, manifest, family, config, files, graphPath, close: () => files.close() };
  } catch (error) {
    await files.close();
    throw error;
  }
}

/** A packed model as one that writes text. @throws `unsupported` for another; it is closed then. */
export async function asLanguageModel(packed: Packed<AnyFamily>): Promise<PackedModel> {
  const { path, family, manifest, config, files } = packed;
  try {
    if (family.kind !== "language" || !manifest.embedding) throw wrongKind(path, family);
    const embedding = new EmbeddingTable(files, manifest.embedding, family.dimensions(config).hiddenSize);
    return { ...packed, family, embedding };
  } catch (error) {
    await packed.close();
    throw error;
  }
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

async function readManifest(files: PackedFiles, path: string): Promise<PackedManifest> {
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
