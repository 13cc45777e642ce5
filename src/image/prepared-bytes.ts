/** What memory a picture's pixel values will take, told by its header: asked before many pictures are decoded at once. */
import { bmpSize } from "./bmp.js";
import { loadSharp } from "./decode.js";
import { gridOf } from "./grid.js";
import { defaultMaxBytes, type ImageFile, type ImageInput, readInput } from "./read-input.js";
import type { ImageRecipe } from "./recipe.js";
import { checkSize, isRgbImage } from "./rgb-image.js";
import { sniffFormat } from "./sniff.js";

export interface HeaderOptions {
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Bytes of what `prepareImage` makes of the picture; where all pictures have one size, without looking at it.
 * @throws as `decodeImage`; an Error of libvips for a damaged header.
 */
export async function preparedBytes(
  input: ImageInput,
  recipe: ImageRecipe,
  options: HeaderOptions = {},
): Promise<number> {
  const isSized = recipe.kind === "smart_resize";
  const size = isSized ? await sizeOf(input, options) : { width: 1, height: 1 };
  checkSize("a picture", size.width, size.height, Number.POSITIVE_INFINITY);
  const { rows, columns } = gridOf(size, recipe);
  const frames = isSized ? recipe.temporalPatchSize : 1;
  return rows * columns * 3 * frames * recipe.patchSize ** 2 * Float32Array.BYTES_PER_ELEMENT;
}

/** As it is stored: which side is up makes no difference to how many pixels there are. */
async function sizeOf(input: ImageInput, { maxBytes = defaultMaxBytes, signal }: HeaderOptions) {
  if (isRgbImage(input)) return input;
  const { bytes, source }: ImageFile = await readInput(input, { maxBytes, signal, fetch });
  if (sniffFormat(bytes, source) === "bmp") return bmpSize(bytes, source);
  const open = await loadSharp();
  return open(bytes, { limitInputPixels: false }).metadata();
}
