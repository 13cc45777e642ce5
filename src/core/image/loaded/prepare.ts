/** A picture from its file to what a vision graph reads, in one step: what the picture threads do, or the caller's own. */
import { throwIfAborted } from "../../base/index.js";
import { type ImageGrid, type ImageProcessor, type PixelValues, preprocess } from "../spec/index.js";
import { type DecodedImage, type DecodeOptions, decodeAndDigest } from "./decode.js";
import type { ImageFile } from "./platform.js";
import type { GivenImage } from "./read-input.js";

/** A picture, or a pair of frames, as the vision graph takes it. */
export interface PreparedImage {
  readonly pixels: PixelValues;
  /**
   * SHA-256 of the decoded picture, or of both frames: with the grid, which follows from the pixel budget, the key of
   * anything cached about it.
   */
  readonly digest: string;
}

/** A picture whose pixels may not have been asked for yet: who knows its digest and grid need not decode it. */
export interface SeenImage {
  readonly digest: string;
  readonly grid: ImageGrid;
  /** @throws as `decodeImage`. */
  readonly pixels: () => Promise<PixelValues>;
  /** Set where the digest and the grid are those of another picture, which was taken for this one. */
  readonly standsFor?: Substitute;
}

/** What was given, and what answers for it. */
export interface Substitute {
  /** Of the picture that was given. */
  readonly digest: string;
  /** Cosine of coarse descriptors; what decides is a comparison of the pixels. */
  readonly similarity: number;
  /** What the vision graph made of the picture that answers. */
  readonly features: Readonly<Record<string, Float32Array>>;
}

/** `prepareImage`, wherever it runs. */
export type PrepareImage = (
  source: GivenImage | ImageFile | DecodedImage,
  imageProcessor: ImageProcessor,
  options?: Pick<DecodeOptions, "signal">,
) => Promise<PreparedImage>;

/** A prepared picture as one that was seen. */
export function seen({ digest, pixels }: PreparedImage): SeenImage {
  return { digest, grid: pixels.grid, pixels: async () => pixels };
}

/** @throws as `decodeImage`. */
export async function prepareImage(
  source: GivenImage | ImageFile | DecodedImage,
  imageProcessor: ImageProcessor,
  options: DecodeOptions = {},
): Promise<PreparedImage> {
  const { image, digest } = await decodeAndDigest(source, options);
  throwIfAborted(options.signal);
  return { pixels: preprocess(image, imageProcessor), digest };
}
