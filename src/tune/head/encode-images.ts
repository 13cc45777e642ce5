/** Labelled images → the features of a frozen encoder, row by row; what cannot be read is gathered, and named at the end. */
import { OcellusError, throwIfAborted } from "../../core/base/index.js";
import type { FeatureEncoderModel } from "../../core/runtime/index.js";
import { mapConcurrently } from "../../evals/index.js";
import type { BadImage, LabelledImage } from "../data/labelled-images.js";
import type { Matrix } from "./products.js";

export interface EncodedImages {
  readonly images: readonly LabelledImage[];
  readonly features: Matrix;
  /** SHA-256 of each file. */
  readonly digests: readonly string[];
  readonly bad: readonly BadImage[];
  /** How many were in the cache. */
  readonly numCached: number;
}

export interface EncodeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Decoded at once, while one is encoded. */
const concurrency = 4;
/** Faults of the file, not of the machine or of the encoder. */
const faultsOfFiles: readonly OcellusError["code"][] = ["invalid_image", "invalid_file", "not_found", "too_large"];

/** @throws `aborted`, and what is wrong with the encoder or the disk. */
export async function encodeImages(
  encoder: FeatureEncoderModel,
  images: readonly LabelledImage[],
  { signal, onProgress }: EncodeOptions,
): Promise<EncodedImages> {
  let done = 0;
  const found = await mapConcurrently(images, concurrency, async (image) => {
    throwIfAborted(signal);
    const result = await encodeOne(encoder, image, signal);
    onProgress?.(++done, images.length);
    return { image, ...result };
  });
  const good = found.flatMap(({ image, encoded }) => (encoded ? [{ image, ...encoded }] : []));
  return {
    images: good.map(({ image }) => image),
    features: rowsOf(good.map(({ vector }) => vector)),
    digests: good.map(({ digest }) => digest),
    bad: found.flatMap(({ bad }) => bad ?? []),
    numCached: good.filter(({ source }) => source !== "encoded").length,
  };
}

async function encodeOne(encoder: FeatureEncoderModel, { path, origin }: LabelledImage, signal?: AbortSignal) {
  try {
    return { encoded: await encoder.encode(path, signal ? { signal } : {}) };
  } catch (error) {
    if (!(error instanceof OcellusError) || !faultsOfFiles.includes(error.code)) throw error;
    return { bad: { origin, code: error.code, problem: error.message } };
  }
}

function rowsOf(vectors: readonly Float32Array[]): Matrix {
  const columns = vectors[0]?.length ?? 0;
  const data = new Float32Array(vectors.length * columns);
  for (const [i, vector] of vectors.entries()) data.set(vector, i * columns);
  return { data, rows: vectors.length, columns };
}
