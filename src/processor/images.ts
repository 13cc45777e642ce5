/** The pictures of one prompt: decoded a few at a time, each input once, and turned into pixel values. */
import { OcellusError, throwIfAborted } from "../base/index.js";
import { type ImageInput, type ImageRecipe, preparedBytes, type SeenImage } from "../image/index.js";

/** Where and how a picture is looked at. @throws as `decodeImage`. */
export type SeeImage = (
  input: ImageInput,
  recipe: ImageRecipe,
  options?: { readonly signal?: AbortSignal },
) => Promise<SeenImage>;

/** A picture of the default limit takes 300 MB while it is decoded; four of them fit a small machine. */
const maxParallel = 4;

/**
 * One result for each input; inputs that are the same value share one. Only the small pixel values outlive the call.
 * @throws as `decodeImage`, naming which picture it was when there are several.
 */
export async function prepareImages(
  inputs: readonly ImageInput[],
  recipe: ImageRecipe,
  see: SeeImage,
  signal: AbortSignal | undefined,
): Promise<SeenImage[]> {
  const distinct = [...new Set(inputs)];
  const named = (error: unknown, i: number) => {
    const picture = inputs.indexOf(distinct[i]!) + 1;
    return inputs.length > 1 ? numbered(error, `picture ${picture}`, { picture }) : error;
  };
  const prepared = await fewAtOnce(distinct, (input) => see(input, recipe, signal && { signal }), named);
  const byInput = new Map(distinct.map((input, i) => [input, prepared[i]!]));
  return inputs.map((input) => byInput.get(input)!);
}

/** Of the pixel values of all distinct inputs. What cannot be read has none. @throws `aborted`. */
export async function sumOfBytes(
  inputs: readonly ImageInput[],
  recipe: ImageRecipe,
  signal: AbortSignal | undefined,
): Promise<number> {
  const bytesOf = (input: ImageInput) => preparedBytes(input, recipe, { signal }).catch(() => 0);
  const bytes = await fewAtOnce([...new Set(inputs)], bytesOf, (error) => error);
  throwIfAborted(signal);
  return bytes.reduce((sum, one) => sum + one, 0);
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
