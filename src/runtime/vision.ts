/** One picture through the vision graph. */
import { invariant } from "../base/index.js";
import type { PixelValues } from "../image/index.js";
import type { PackedModel } from "../pack/index.js";
import { float32, type GraphSession, int64 } from "../session/index.js";
import type { ImageFeatures } from "./runner.js";

export interface EncodedImage {
  /** What the decoder reads in the picture's place: [num_tokens, hidden_size]. */
  readonly visualTokens: Float32Array;
  /** Added to the output of decoder layer 0, 1, … in the picture's place: each [num_tokens, hidden_size]. */
  readonly deepstack: readonly Float32Array[];
  /** Further outputs of the family's vision graph, by name. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/** What the decoder reads of them. */
export function imageFeatures(outputs: Readonly<Record<string, Float32Array>>, numDeepstack: number): ImageFeatures {
  const deepstack = Array.from({ length: numDeepstack }, (_, i) => outputs[`deepstack.${i}`]!);
  return { tokens: outputs.visual_tokens!, deepstack };
}

export async function encodeImage(
  session: GraphSession,
  model: PackedModel,
  pixels: PixelValues,
): Promise<EncodedImage> {
  const { family, config } = model;
  invariant(family.image, "only a family with eyes is shown pictures");
  const feeds = Object.entries(family.image.inputs(config, pixels)).map(([name, input]) => [
    name,
    input.dtype === "f32" ? float32(input.data, input.shape) : int64(input.data, input.shape),
  ]);
  const names = ["visual_tokens", ...family.image.extraOutputs(config)];
  const results = await session.run(Object.fromEntries(feeds), Object.fromEntries(names.map((name) => [name, null])));
  const outputs = Object.fromEntries(names.map((name) => [name, results[name]!.data as Float32Array]));
  const { tokens: visualTokens, deepstack } = imageFeatures(outputs, family.numDeepstack(config));
  return { visualTokens, deepstack, outputs };
}
