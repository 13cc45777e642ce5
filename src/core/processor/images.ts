/** The images of one prompt: read, measured by their headers, then decoded a few at a time, each input once. */
import { OcellusError, throwIfAborted } from "../base/index.js";
import { type ImageFile, type ImageInput, imageSize, ownCopy, readImage, type SeenImage } from "../image/node/index.js";
import { gridOf, type ImageGrid, type ImageRecipe, type RgbImage } from "../image/spec/index.js";

/** Where and how a picture is looked at. @throws as `decodeImage`. */
export type SeeImage = (
  input: ImageInput | ImageFile,
  recipe: ImageRecipe,
  options?: { readonly signal?: AbortSignal },
) => Promise<SeenImage>;

/** A picture of the default limit takes 300 MB while it is decoded; four of them fit a small machine. */
const maxParallel = 4;

/** An image whose bytes are here. */
export type ImageSource = ImageFile | RgbImage;

export interface ReadOptions {
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Copies of what the caller could write to while we wait; inputs that are the same value stay one. */
export function sharedCopies(inputs: readonly ImageInput[]): ImageInput[] {
  const copies = new Map([...new Set(inputs)].map((input) => [input, ownCopy(input)]));
  return inputs.map((input) => copies.get(input)!);
}

/** One source for each input; inputs that are the same value share one. Nothing is decoded. @throws as `readImage`. */
export function readImages(inputs: readonly ImageInput[], options: ReadOptions): Promise<ImageSource[]> {
  return sharing(inputs, (input) => readImage(input, options));
}

/**
 * One result for each source; the same source is decoded once. Only the small pixel values outlive the call.
 * @throws as `decodeImage`, naming which image it was when there are several.
 */
export function prepareImages(
  sources: readonly ImageSource[],
  recipe: ImageRecipe,
  see: SeeImage,
  signal: AbortSignal | undefined,
): Promise<SeenImage[]> {
  return sharing(sources, (source) => see(source, recipe, signal && { signal }));
}

/**
 * The grid of each input by its header. Undefined for what cannot be read: the one that decodes it says what is wrong.
 * @throws `aborted`.
 */
export async function headerGrids(
  inputs: readonly (ImageInput | ImageSource)[],
  recipe: ImageRecipe,
  options: ReadOptions,
): Promise<(ImageGrid | undefined)[]> {
  const grids = await sharing(inputs, (input) => gridOfInput(input, recipe, options).catch(() => undefined));
  throwIfAborted(options.signal);
  return grids;
}

/** Where all images have one size, none is looked at. */
async function gridOfInput(input: ImageInput | ImageSource, recipe: ImageRecipe, options: ReadOptions) {
  if (recipe.kind !== "smart_resize") return gridOf({ width: 1, height: 1 }, recipe);
  return gridOf(await imageSize(await readImage(input, options)), recipe);
}

async function sharing<T, R>(inputs: readonly T[], work: (input: T) => Promise<R>): Promise<R[]> {
  const distinct = [...new Set(inputs)];
  const named = (error: unknown, i: number) => {
    const picture = inputs.indexOf(distinct[i]!) + 1;
    return inputs.length > 1 ? numbered(error, `picture ${picture}`, { picture }) : error;
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
