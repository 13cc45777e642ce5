/** The images of one prompt: read, measured by their headers, then decoded a few at a time, each input once. */
import { OcellusError, throwIfAborted } from "../base/index.js";
import {
  type ImageInput,
  type ImageSize,
  LoadedImage,
  type LoadOptions,
  type SeenImage,
} from "../image/loaded/index.js";
import {
  dependsOnSize,
  gridOf,
  type ImageDetail,
  type ImageGrid,
  type ImageProcessor,
  type PixelBudget,
  shownSize,
  withPixelBudget,
} from "../image/spec/index.js";

/** Where and how a picture is looked at. @throws as `decodeImage`. */
export type SeeImage = (
  image: LoadedImage,
  imageProcessor: ImageProcessor,
  options?: { readonly signal?: AbortSignal },
) => Promise<SeenImage>;

/** A picture of the default limit takes 300 MB while it is decoded; four of them fit a small machine. */
const maxParallel = 4;

/** An image, and how it is prepared. */
export interface AskedImage {
  readonly image: LoadedImage;
  readonly imageProcessor: ImageProcessor;
}

/** The same image under the same budget is one. @param processors of each image; equal budgets give one object */
export function askedImages(images: readonly LoadedImage[], processors: readonly ImageProcessor[]): AskedImage[] {
  const known: AskedImage[] = [];
  return images.map((image, i) => {
    const imageProcessor = processors[i]!;
    const found = known.find((asked) => asked.image === image && asked.imageProcessor === imageProcessor);
    if (found) return found;
    const asked = { image, imageProcessor };
    known.push(asked);
    return asked;
  });
}

export interface ImageSizes {
  /** As it is stored. Absent of frames, and where the header does not say. */
  readonly size?: ImageSize;
  /** Pixels that the model is shown, of all tiles, slices or quarters together. */
  readonly shown?: { readonly width: number; readonly height: number };
}

/** Of each image; a request has one or two budgets. */
export function processorsOf(
  inputs: readonly { readonly detail?: ImageDetail | undefined }[],
  imageProcessor: ImageProcessor,
  options: PixelBudget,
): ImageProcessor[] {
  const known = new Map<ImageDetail | undefined, ImageProcessor>();
  const of = (detail: ImageDetail | undefined) => {
    const found = known.get(detail) ?? withPixelBudget(imageProcessor, { ...budgetOf(options), detail });
    known.set(detail, found);
    return found;
  };
  of(options.detail); // a bad budget is refused of a question without images, too
  return inputs.map(({ detail = options.detail }) => of(detail));
}

function budgetOf({ minPixels, maxPixels, imageTokens }: PixelBudget): PixelBudget {
  return { minPixels, maxPixels, imageTokens };
}

/** What was sent, and what of it is shown. A file without a size in its header was shown all the same. */
export async function withSizes(
  seen: SeenImage,
  { image, imageProcessor }: AskedImage,
  options: LoadOptions,
): Promise<SeenImage & ImageSizes> {
  const size = await image.size(options).catch(() => undefined);
  return { ...seen, ...(size && { size }), shown: shownSize(seen.grid, imageProcessor.patchSize) };
}

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
  images: readonly AskedImage[],
  see: SeeImage,
  signal: AbortSignal | undefined,
): Promise<SeenImage[]> {
  return sharing(images, ({ image, imageProcessor }) => see(image, imageProcessor, signal && { signal }));
}

/**
 * The grid of each image by its header. Undefined for what cannot be read: the one that decodes it says what is wrong.
 * @throws `aborted`.
 */
export async function headerGrids(
  images: readonly AskedImage[],
  options: LoadOptions,
): Promise<(ImageGrid | undefined)[]> {
  const grids = await sharing(images, (asked) => gridOfImage(asked, options).catch(() => undefined));
  throwIfAborted(options.signal);
  return grids;
}

/** Where all images have one size, none is looked at. */
async function gridOfImage({ image, imageProcessor }: AskedImage, options: LoadOptions) {
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
