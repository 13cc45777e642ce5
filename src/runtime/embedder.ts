/**
 * Vectors of pictures to find them by, whichever model makes them: a CLIP checkpoint, whose text tower also gives vectors
 * of texts in the same space, or the eye of a model that answers questions, which gives none of texts.
 */
import type { ImageInput } from "../image/index.js";
import type { ClipModel } from "./clip.js";
import type { VisionLanguageModel } from "./model.js";

export interface PictureEmbedder {
  /** Of the checkpoint, its formats and graphs: equal versions give comparable vectors. */
  readonly version: string;
  /** For people: `clip int8`, `qwen3_vl_resampler int4`. */
  readonly name: string;
  /** Length one. @throws as `decodeImage`, `unsupported` for a model without eyes, `aborted`. */
  embedImage(image: ImageInput, options?: { readonly signal?: AbortSignal }): Promise<Float32Array>;
  /** Length one, in the pictures' space. @throws `too_large`. */
  embedText?(text: string): Promise<Float32Array>;
}

/** What a server or a command has of a model, as what finds pictures. */
export function embedderOf(
  model: Pick<ClipModel, "info" | "vectorVersion" | "embedImage" | "embedText"> | Seeing,
): PictureEmbedder {
  const { info, vectorVersion: version } = model;
  const name = `${info.modelType} ${info.weights}`;
  const embedImage: PictureEmbedder["embedImage"] = (...given) => model.embedImage(...given);
  if (!("embedText" in model)) return { version, name, embedImage };
  return { version, name, embedImage, embedText: (text) => model.embedText(text) };
}

type Seeing = Pick<VisionLanguageModel, "info" | "vectorVersion" | "embedImage">;
