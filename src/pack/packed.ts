/**
 * A packed model on disk: standard ONNX graphs, one safetensors file they point into, the checkpoint's own side files,
 * and packed.json, which says what it is. Any ONNX Runtime program can load the graphs; our own reader the weights.
 */
import { OcellusError } from "../base/index.js";
import { type Checkpoint, joinPath, openCheckpoint } from "../checkpoint/index.js";
import { type AnyFamily, familyOf } from "../models/index.js";
import { EmbeddingTable } from "./embedding.js";
import { manifestSchema, type PackedManifest, packedFiles } from "./manifest.js";

export interface PackedModel {
  readonly path: string;
  readonly manifest: PackedManifest;
  readonly family: AnyFamily;
  /** The family's own config, as its `parseConfig` returned it. */
  readonly config: unknown;
  readonly visionPath: string;
  readonly decoderPath: string;
  /** Side files of the checkpoint: tokenizer.json and its kin. */
  readonly files: Checkpoint;
  readonly embedding: EmbeddingTable;
  close(): Promise<void>;
}

/** Is there a packed model in this folder? */
export async function isPacked(files: Checkpoint): Promise<boolean> {
  return (await files.readJson(packedFiles.manifest)) !== undefined;
}

/** @throws `invalid_file` when packed.json is missing, damaged or from another version. */
export async function openPacked(path: string): Promise<PackedModel> {
  const files = await openCheckpoint(path);
  try {
    const manifest = await readManifest(files, path);
    const family = familyOf({ model_type: manifest.model_type });
    const config: unknown = family.parseConfig(await files.readJson("config.json"));
    const embedding = new EmbeddingTable(files, manifest.embedding, family.dimensions(config).hiddenSize);
    return {
      path,
      manifest,
      family,
      config,
      files,
      visionPath: joinPath(path, packedFiles.vision),
      decoderPath: joinPath(path, packedFiles.decoder),
      embedding,
      close: () => files.close(),
    };
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
  );
}
