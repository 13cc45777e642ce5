/** A text, an image or a video on its way to a model: as it may be shown or kept, once the guardrails have looked at it. */
import { OcellusError } from "../core/base/index.js";
import { type ImageInput, SampledVideo, type VideoFile } from "../core/image/node/index.js";
import type { RgbImage } from "../core/image/spec/index.js";
import type { ChatOptions, LanguageModel, RerankerInput } from "../core/runtime/index.js";
import type { Evaluation } from "./evaluation.js";
import type { ImageReader } from "./image-reader.js";

/** What checks at the door. */
export interface Gatekeeper {
  readonly images: ImageReader;
  /** @param opening of a question that is answered: the texts that its conversation begins with */
  begin(model: string, opening?: readonly string[]): Promise<Evaluation>;
}

export type Shown = Pick<LanguageModel, "modelView">;

/** A text, an image or both, as they may be shown. */
export async function admittedParts(
  { text, image }: RerankerInput,
  model: Viewer,
  guards: Gatekeeper,
  options: Asking,
): Promise<RerankerInput> {
  return {
    ...(text !== undefined && { text: await admittedText(text, model, guards, options) }),
    ...(image !== undefined && { image: await admittedImage(image, model, guards, options) }),
  };
}

export type Asking = Pick<ChatOptions, "signal">;
export type Viewer = Shown & { readonly info: { readonly digest: string } };

/** A picture that is shown to a model, or kept to be. @param model the one, if it is known, that it is shown to. */
export async function admittedImage(
  input: ImageInput,
  model: Viewer,
  guards: Gatekeeper,
  options: Asking,
): Promise<ImageInput> {
  const { digest } = model.info;
  const evaluation = await guards.begin(digest);
  const view = { frame: digest, modelView: model.modelView?.bind(model) };
  return recorded(evaluation, () => guardedImage(input, evaluation, view, guards, signalOf(options)));
}

/** A text that is kept and comes back. */
export async function admittedText(
  text: string,
  { info }: Pick<Viewer, "info">,
  guards: Gatekeeper,
  options: Asking,
): Promise<string> {
  const evaluation = await guards.begin(info.digest);
  return recorded(evaluation, () => evaluation.text(text, signalOf(options)));
}

/** The input's checks, in the audit log whether they let it pass or not. */
export async function recorded<T>(evaluation: Evaluation, check: () => Promise<T>): Promise<T> {
  return check().finally(() => evaluation.record("input"));
}

export function signalOf({ signal }: { readonly signal?: AbortSignal }): AbortSignal {
  return signal ?? new AbortController().signal;
}

interface View {
  readonly frame: string;
  readonly modelView: ((image: RgbImage) => RgbImage) | undefined;
}

/** The bytes that were checked are the bytes that are passed on. */
export async function guardedImage(
  input: ImageInput,
  evaluation: Evaluation,
  { frame, modelView }: View,
  { images }: Gatekeeper,
  signal: AbortSignal,
): Promise<ImageInput> {
  if (evaluation.guards("input", "image").length === 0) return input;
  const { image, whole } = await images.read(input, signal);
  const seen = modelView && {
    ...whole,
    view: "seen" as const,
    frame,
    pixels: async () => modelView(await whole.pixels()),
  };
  await evaluation.image(seen ? [whole, seen] : [whole], signal);
  return image;
}

/**
 * The frames that were checked are the frames that are passed on. One after another, since a video has many; they come in the
 * size that the model is shown, so that there is no other view of them.
 * @throws `unsupported` for a model that is shown no videos.
 */
export async function guardedVideo(
  file: VideoFile | SampledVideo,
  evaluation: Evaluation,
  model: LanguageModel,
  guards: Gatekeeper,
  signal: AbortSignal,
): Promise<VideoFile | SampledVideo> {
  if (evaluation.guards("input", "image").length === 0) return file;
  if (!(file instanceof SampledVideo) && !model.sampleVideo)
    throw new OcellusError("unsupported", "this model is shown no video files; send a few frames as images", {
      details: { found: "videos", supported: ["text", "images"] },
    });
  const sampled = file instanceof SampledVideo ? file : await model.sampleVideo!(file, { signal });
  const view = { frame: model.info.digest, modelView: undefined };
  for (const frame of await sampled.frames({ signal })) await guardedImage(frame, evaluation, view, guards, signal);
  return sampled;
}
