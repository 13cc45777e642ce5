/**
 * familiarity.json: what images a checkpoint was trained on, as a small table beside its weights (docs/familiarity.md; written by
 * `ocellus familiarity`). The familiarity of an image is the cosine between its vector, less the mean of the training images', and the
 * nearest vector in the span of their main directions: 1 within what they vary in, less the more of the image lies outside.
 */
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { OcellusError } from "../base/index.js";
import type { Checkpoint } from "../checkpoint/index.js";

export const familiarityFile = "familiarity.json";

/** Widths of published encoders end below 16,384; more directions than this would span whatever there is. */
const limits = { dimensions: 16_384, directions: 256, images: 1000 };

const tableSchema = z.object({
  dimensions: z.int().min(1).max(limits.dimensions),
  directions: z.int().min(1).max(limits.directions),
  /** An image below it is not like those of training. */
  threshold: z.number().min(0).max(1),
  /** Base64 of little-endian float32: the mean, then orthonormal rows [directions, dimensions]. */
  values: z.base64(),
});

const fileSchema = z.strictObject({
  version: z.literal(1),
  /** Most images that one question was trained with. */
  images_per_question: z.int().min(1).max(limits.images).optional(),
  images: tableSchema.optional(),
});

export type FamiliarityFile = z.infer<typeof fileSchema>;

/** How like the images of training an image is. */
export interface Familiarity {
  readonly score: number;
  readonly threshold: number;
}

/** @throws `invalid_file` */
export async function readFamiliarity(files: Checkpoint): Promise<FamiliarityFile | undefined> {
  const json = await files.readJson(familiarityFile);
  if (json === undefined) return undefined;
  const found = fileSchema.safeParse(json);
  const path = `${files.path}/${familiarityFile}`;
  if (!found.success) {
    const [{ path: field, message } = { path: [], message: "" }] = found.error.issues;
    throw damaged(path, field.join("."), message);
  }
  const { images } = found.data;
  const expected = images && 4 * images.dimensions * (1 + images.directions);
  const bytes = images && Buffer.byteLength(images.values, "base64");
  if (bytes !== expected) throw damaged(path, "images.values", `expected ${expected} bytes, found ${bytes}`);
  return found.data;
}

function damaged(path: string, field: string, problem: string): OcellusError {
  return new OcellusError("invalid_file", `${path}: ${field}: ${problem}; make it again: ocellus familiarity FOLDER`, {
    details: { path, field },
  });
}

/** Scores of the images of one model; those of cached ones are remembered, since their features are not read again. */
export class FamiliarImages {
  readonly #table: NonNullable<FamiliarityFile["images"]>;
  readonly #values: Float32Array;
  readonly #scores = new LRUCache<string, number>({ max: 10_000 }); // some 2 MB

  constructor(table: NonNullable<FamiliarityFile["images"]>) {
    this.#table = table;
    this.#values = new Float32Array(Uint8Array.from(Buffer.from(table.values, "base64")).buffer);
  }

  /** `vector`: none where the image was read with an earlier prompt. Undefined: it is not known any more. */
  of(key: string, vector: () => Float32Array | undefined): Familiarity | undefined {
    const score = this.#scores.get(key) ?? this.#score(vector());
    if (score === undefined) return undefined;
    this.#scores.set(key, score);
    return { score, threshold: this.#table.threshold };
  }

  #score(vector: Float32Array | undefined): number | undefined {
    const { dimensions } = this.#table;
    if (vector?.length !== dimensions) return undefined; // a table of another encoder
    return spanCosine(vector, this.#values.subarray(0, dimensions), this.#values.subarray(dimensions));
  }
}

/** Of `vector` less `mean`, with its projection on the orthonormal `rows`. */
export function spanCosine(vector: Float32Array, mean: Float32Array, rows: Float32Array): number {
  const off = vector.map((value, i) => value - mean[i]!);
  let within = 0;
  for (let row = 0; row < rows.length; row += off.length) within += dot(off, rows.subarray(row, row + off.length)) ** 2;
  const all = dot(off, off);
  return all === 0 ? 1 : Math.min(1, Math.sqrt(within / all));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** One line for a person each: what of a question's images lies outside of what the model was trained on. */
export function imageNotes(
  pictures: readonly { readonly familiarity?: Familiarity }[],
  imagesPerQuestion = Number.POSITIVE_INFINITY,
): string[] {
  const unlike = pictures.flatMap(({ familiarity: f }, i) => (f && f.score < f.threshold ? [i + 1] : []));
  const which = unlike.length > 1 ? `images ${unlike.join(", ")} are` : `image ${unlike[0]} is`;
  const foreign = `${which} not like those this model was trained on, so its answer may be wrong; a model of real photos: ocellus pull Qwen/Qwen3-VL-2B-Instruct`;
  const many = `this model was trained with at most ${imagesPerQuestion} images a question, found ${pictures.length}`;
  return [...(unlike.length > 0 ? [foreign] : []), ...(pictures.length > imagesPerQuestion ? [many] : [])];
}
