/**
 * Vectors of pictures to find them by, whichever model makes them: one made for vectors (CLIP), which also gives vectors
 * of texts in the same space, or the eye of a model that answers questions, which gives none of texts.
 */
import type { ImageInput } from "../core/image/node/index.js";
import type { DualEncoderModel, VisionLanguageModel } from "../core/runtime/index.js";

/** Whoever stands before a model: what may be kept to be found and shown to it later. @throws `blocked`, `unavailable`. */
export interface Admission {
  admitImage(image: ImageInput, options?: { readonly signal?: AbortSignal }): Promise<unknown>;
  /** The text as it may be kept. */
  admitText(text: string): Promise<string>;
}

/** Without an admission, everything may be kept. */
export interface ImageEmbedder extends Partial<Admission> {
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
  model: (Pick<DualEncoderModel, "info" | "vectorVersion" | "embedImage" | "embedText"> | Seeing) & Partial<Admission>,
): ImageEmbedder {
  const { info, vectorVersion: version } = model;
  const name = `${info.modelType} ${info.weights}`;
  const embedImage: ImageEmbedder["embedImage"] = (...given) => model.embedImage(...given);
  const { admitImage, admitText } = model;
  const admission = {
    ...(admitImage && { admitImage: admitImage.bind(model) }),
    ...(admitText && { admitText: admitText.bind(model) }),
  };
  if (!("embedText" in model)) return { version, name, embedImage, ...admission };
  return { version, name, embedImage, embedText: (text) => model.embedText(text), ...admission };
}

type Seeing = Pick<VisionLanguageModel, "vectorVersion" | "embedImage"> & {
  readonly info: Pick<VisionLanguageModel["info"], "modelType"> & { readonly weights?: string };
};
