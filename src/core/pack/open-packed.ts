/** Opens packed models in folders of this machine. */
import { type Checkpoint, openCheckpoint } from "../checkpoint/index.js";
import { joinPath } from "../fs/index.js";
import {
  type AnyFamily,
  type Classifier,
  configNotes,
  type DualEncoder,
  families,
  type ImageEncoder,
} from "../models/index.js";
import { packedFiles } from "./manifest.js";
import { asLanguageModel, type Packed, type PackedModel, packedIn, wrongKind } from "./packed.js";

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
  return asLanguageModel(await openPackedAny(path));
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

/** Of whichever kind its family is. @throws `invalid_file` as `openPacked`. */
export async function openPackedAny(path: string): Promise<Packed<AnyFamily>> {
  return packedIn(await openCheckpoint(path), (name) => joinPath(path, packedFiles.graph(name)), path);
}
