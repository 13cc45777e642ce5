/** What an image becomes for a vision encoder, and how many patches that is. */
import type { RgbImage } from "./rgb-image.js";

/** Patches of a picture. */
export interface ImageGrid {
  readonly rows: number;
  readonly columns: number;
  /** Of an image in slices, to whose patches together the above refers: how many there are, and the patches of the overview. */
  readonly slices?: {
    readonly rows: number;
    readonly columns: number;
    readonly overview: { readonly rows: number; readonly columns: number };
  };
  /** Of an image whose quarters are seen before the whole, to whose patches the first two refer: the patches of each. */
  readonly quarters?: readonly { readonly rows: number; readonly columns: number }[];
  /** Pixels that the whole was scaled to, where more than one size has as many whole patches. */
  readonly fitted?: { readonly width: number; readonly height: number };
}

export interface PixelValues {
  /** [num_patches, 3·patch·patch]: rows are patches in raster order, columns channel, y, x. */
  readonly data: Float32Array;
  readonly shape: readonly [numPatches: number, patchValues: number];
  readonly grid: ImageGrid;
  /** The picture before it was stretched to the frame, where it has not many more pixels than that. */
  readonly own?: RgbImage;
}
