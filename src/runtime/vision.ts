/** Pixel values → visual tokens, by the vision graph; pictures of one prompt go through it as one batch. */
import type { PixelValues } from "../image/index.js";
import { float32, type GraphSession } from "../session/index.js";

export interface EncodedImage {
  /** What the decoder reads in the picture's place: [num_tokens, hidden_size]. */
  readonly visualTokens: Float32Array;
  /** Features before resampling: [num_patches, vision_hidden_size]. */
  readonly visionFeatures: Float32Array;
}

/** All pictures must have the same number of patches, as those of one recipe of kind "fit" do. */
export async function encodeImages(session: GraphSession, images: readonly PixelValues[]): Promise<EncodedImage[]> {
  const [first] = images;
  if (!first) return [];
  const [numPatches, patchValues] = first.shape;
  const pixels = new Float32Array(images.length * first.data.length);
  for (const [i, image] of images.entries()) pixels.set(image.data, i * first.data.length);
  const feeds = { pixel_values: float32(pixels, [images.length, numPatches, patchValues]) };
  const { visual_tokens: tokens, vision_features: features } = await session.run(feeds, {
    visual_tokens: null,
    vision_features: null,
  });
  const part = (data: Float32Array, i: number) => {
    const length = data.length / images.length;
    return data.subarray(i * length, (i + 1) * length);
  };
  return images.map((_, i) => ({
    visualTokens: part(tokens!.data as Float32Array, i),
    visionFeatures: part(features!.data as Float32Array, i),
  }));
}
