/** The script of a picture thread: takes one picture at a time, gives back pixel values or pixels. See image-threads.ts. */
import "./sharp.js";
import { serve } from "../../worker/index.js";
import {
  type DecodedImage,
  decodeAndDigest,
  type GivenImage,
  type ImageFile,
  type ImageLimits,
  prepareImage,
} from "../loaded/index.js";
import type { ImageProcessor } from "../spec/index.js";

const methods = {
  prepare: (input: GivenImage | ImageFile | DecodedImage, imageProcessor: ImageProcessor, limits: ImageLimits) =>
    prepareImage(input, imageProcessor, limits),
  async decode(input: GivenImage | ImageFile, limits: ImageLimits): Promise<DecodedImage> {
    const { image, digest } = await decodeAndDigest(input, limits);
    return { image: { ...image, data: image.data.slice() }, digest }; // memory that libvips gave cannot change hands
  },
};
export type ImageMethods = typeof methods;

serve(() => methods);
