/** Where a model's images are decoded and fitted, and within which limits. */
import {
  type DecodeOptions,
  type ImageInput,
  type ImageLimits,
  LoadedImage,
  type PrepareImage,
  prepareImage,
} from "../image/loaded/index.js";
import type { ImageProcessor, PixelValues } from "../image/spec/index.js";

/** Ends with the model. */
export interface OpenedImages {
  readonly limits: ImageLimits;
  /** Whether they are read beside the caller's thread. */
  readonly onThreads: boolean;
  readonly prepare: PrepareImage;
  /** An image as it was given, as its model reads it. @throws as `decodeImage`. */
  see(image: ImageInput, imageProcessor: ImageProcessor, options: SeeOptions): Promise<PixelValues>;
  /** Of given threads: nothing. */
  close(): Promise<void>;
}

type SeeOptions = Pick<DecodeOptions, "signal">;

/** @param elsewhere prepares them beside the caller's thread */
export function openedImages(limits: ImageLimits, elsewhere?: PrepareImage): OpenedImages {
  const prepare: PrepareImage = (source, imageProcessor, options = {}) =>
    elsewhere?.(source, imageProcessor, options) ?? prepareImage(source, imageProcessor, { ...limits, ...options });
  return {
    ...{ limits, onThreads: elsewhere !== undefined, prepare },
    async see(image, imageProcessor, options) {
      const source = await LoadedImage.of(image).take({ ...limits, ...options });
      return (await prepare(source, imageProcessor, options)).pixels;
    },
    close: async () => {},
  };
}
