/** The pictures of one prompt: decoded a few at a time, each input once, and turned into pixel values. */
import { OcellusError, throwIfAborted } from "../base/index.js";
import {
  decodeImage,
  type ImageInput,
  type ImageRecipe,
  type PixelValues,
  pixelDigest,
  preprocess,
} from "../image/index.js";

export interface PreparedImage {
  readonly pixels: PixelValues;
  /** SHA-256 of the decoded picture: the key of anything cached about it. */
  readonly digest: string;
}

/** A picture of the default limit takes 300 MB while it is decoded; four of them fit a small machine. */
const maxParallel = 4;

/**
 * One result for each input; inputs that are the same value share one. Only the small pixel values outlive the call.
 * @throws as `decodeImage`, naming which picture it was when there are several.
 */
export async function prepareImages(
  inputs: readonly ImageInput[],
  recipe: ImageRecipe,
  signal: AbortSignal | undefined,
): Promise<PreparedImage[]> {
  const distinct = [...new Set(inputs)];
  const prepared = new Map<ImageInput, PreparedImage>();
  let next = 0;
  const work = async () => {
    while (next < distinct.length) {
      const input = distinct[next++]!;
      try {
        prepared.set(input, await prepareImage(input, recipe, signal));
      } catch (error) {
        next = distinct.length; // the others stop after what they have in hand
        throw inputs.length > 1 ? numbered(error, inputs.indexOf(input)) : error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallel, distinct.length) }, work));
  return inputs.map((input) => prepared.get(input)!);
}

async function prepareImage(
  input: ImageInput,
  recipe: ImageRecipe,
  signal: AbortSignal | undefined,
): Promise<PreparedImage> {
  const decoded = await decodeImage(input, signal ? { signal } : {});
  throwIfAborted(signal);
  return { pixels: preprocess(decoded, recipe), digest: pixelDigest(decoded) };
}

function numbered(error: unknown, index: number): unknown {
  if (!(error instanceof OcellusError) || error.code === "aborted") return error;
  const details = { ...error.details, picture: index + 1 };
  return new OcellusError(error.code, `picture ${index + 1}: ${error.message}`, { details, cause: error });
}
