/** The images of one prompt: read, measured by their headers, then decoded a few at a time, each input once. */
import { OcellusError, throwIfAborted } from "../base/index.js";
import { type ImageInput, LoadedImage, type LoadOptions, type SeenImage } from "../image/node/index.js";
import { dependsOnSize, gridOf, type ImageGrid, type ImageProcessor } from "../image/spec/index.js";

/** Where and how a picture is looked at. @throws as `decodeImage`. */
export type SeeImage = (
  image: LoadedImage,
  imageProcessor: ImageProcessor,
  options?: { readonly signal?: AbortSignal },
) => Promise<SeenImage>;

/** A picture of the default limit takes 300 MB while it is decoded; four of them fit a small machine. */
const maxParallel = 4;

/** Before anything is waited for, since the caller could write to its memory; inputs that are the same value stay one. */
export function loadedImages(inputs: readonly ImageInput[]): LoadedImage[] {
  const loaded = new Map([...new Set(inputs)].map((input) => [input, LoadedImage.of(input)]));
  return inputs.map((input) => loaded.get(input)!);
}

/** Nothing is decoded. @throws as `LoadedImage.read`. */
export async function readImages(images: readonly LoadedImage[], options: LoadOptions): Promise<void> {
  await sharing(images, (image) => image.read(options));
}

/**
 * One result for each image; the same one is decoded once. Only the small pixel values outlive the call.
 * @throws as `decodeImage`, naming which image it was when there are several.
 */
export function prepareImages(
  images: readonly LoadedImage[],
  imageProcessor: ImageProcessor,
  see: SeeImage,
  signal: AbortSignal | undefined,
): Promise<SeenImage[]> {
  return sharing(images, (image) => see(image, imageProcessor, signal && { signal }));
}

/**
 * The grid of each image by its header. Undefined for what cannot be read: the one that decodes it says what is wrong.
 * @throws `aborted`.
 */
export async function headerGrids(
  images: readonly LoadedImage[],
  imageProcessor: ImageProcessor,
  options: LoadOptions,
): Promise<(ImageGrid | undefined)[]> {
  const grids = await sharing(images, (image) => gridOfImage(image, imageProcessor, options).catch(() => undefined));
  throwIfAborted(options.signal);
  return grids;
}

/** Where all images have one size, none is looked at. */
async function gridOfImage(image: LoadedImage, imageProcessor: ImageProcessor, options: LoadOptions) {
  if (!dependsOnSize(imageProcessor)) return gridOf({ width: 1, height: 1 }, imageProcessor);
  return gridOf(await image.size(options), imageProcessor);
}

async function sharing<T, R>(inputs: readonly T[], work: (input: T) => Promise<R>): Promise<R[]> {
  const distinct = [...new Set(inputs)];
  const named = (error: unknown, i: number) => {
    const picture = inputs.indexOf(distinct[i]!) + 1;
    return inputs.length > 1 ? numbered(error, `image ${picture}`, { image: picture }) : error;
  };
  const results = await fewAtOnce(distinct, work, named);
  const byInput = new Map(distinct.map((input, i) => [input, results[i]!]));
  return inputs.map((input) => byInput.get(input)!);
}

/** `work` on every item, a few at a time; after a failure the others stop with what they have in hand. */
export async function fewAtOnce<T, R>(
  items: readonly T[],
  work: (item: T, i: number) => Promise<R>,
  named: (error: unknown, i: number) => unknown,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      try {
        results[i] = await work(items[i]!, i);
      } catch (error) {
        next = items.length;
        throw named(error, i);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallel, items.length) }, worker));
  return results;
}

/** The same error, saying which of several inputs it was. */
export function numbered(error: unknown, name: string, place: Readonly<Record<string, number>>): unknown {
  if (!(error instanceof OcellusError) || error.code === "aborted") return error;
  const details = { ...error.details, ...place };
  return new OcellusError(error.code, `${name}: ${error.message}`, { details, cause: error });
}
