/**
 * familiarity.json: what images a checkpoint was trained on, as a small table beside its weights (docs/familiarity.md; written by
 * `ocellus familiarity`). Where it was made of images of training alone, the familiarity of an image is the cosine between its vector,
 * less their mean, and the nearest vector in the span of their main directions: 1 within what they vary in, less the more of it lies
 * outside. Where it was made of unlike images too, it is the probability of the side of a boundary between both on which the image is.
 */
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { OcellusError } from "../base/index.js";
import type { Checkpoint } from "../checkpoint/portable.js";

export const familiarityFile = "familiarity.json";

/** Widths of published encoders end below 16,384; more directions than this would span whatever there is. */
const limits = { dimensions: 16_384, directions: 256, images: 1000 };

/** Answers of a form: JSON that a request's schema or format asks for; calls of a request's tools. */
export const trainedForms = ["json", "tools"] as const;
export type TrainedForm = (typeof trainedForms)[number];

const tableSchema = z.object({
  /** Default: span. */
  kind: z.enum(["span", "boundary"]).optional(),
  dimensions: z.int().min(1).max(limits.dimensions),
  directions: z.int().min(1).max(limits.directions),
  /** An image below it is not like those of training. */
  threshold: z.number().min(0).max(1),
  /**
   * Base64 of little-endian float32. Of a span: the mean, then orthonormal rows [directions, dimensions]. Of a boundary: a point on it,
   * then its normal, towards the images of training, as long as the logit grows.
   */
  values: z.base64(),
});

const fileSchema = z.strictObject({
  version: z.literal(1),
  /** Most images that one question was trained with. */
  images_per_question: z.int().min(1).max(limits.images).optional(),
  /** What beyond plain answers it was trained for; absent: not known. */
  trained_for: z.array(z.enum(trainedForms)).max(trainedForms.length).optional(),
  images: tableSchema.optional(),
});

export type FamiliarityFile = z.infer<typeof fileSchema>;

/** How like the images of training an image is. */
export interface Familiarity {
  readonly score: number;
  readonly threshold: number;
}

/** @throws `invalid_file` */
export async function readFamiliarity(
  files: Pick<Checkpoint, "path" | "readJson">,
): Promise<FamiliarityFile | undefined> {
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
  const bytes = images && atob(images.values).length;
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
    this.#values = new Float32Array(Uint8Array.from(atob(table.values), (char) => char.charCodeAt(0)).buffer);
  }

  /** `vector`: none where the image was read with an earlier prompt. Undefined: it is not known any more. */
  of(key: string, vector: () => Float32Array | undefined): Familiarity | undefined {
    const score = this.#scores.get(key) ?? this.#score(vector());
    if (score === undefined) return undefined;
    this.#scores.set(key, score);
    return { score, threshold: this.#table.threshold };
  }

  #score(vector: Float32Array | undefined): number | undefined {
    const { dimensions, kind } = this.#table;
    if (vector?.length !== dimensions) return undefined; // a table of another encoder
    const [point, rows] = [this.#values.subarray(0, dimensions), this.#values.subarray(dimensions)];
    return kind === "boundary" ? boundarySide(vector, point, rows) : spanCosine(vector, point, rows);
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

/** The probability that `vector` is of the side of the boundary to which `normal` leads from `point`. */
export function boundarySide(vector: Float32Array, point: Float32Array, normal: Float32Array): number {
  return sigmoid(dot(vector, normal) - dot(point, normal));
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** What a request asks for that the model was not trained for, or that had no effect, in one line for a person. */
export interface ChatNote {
  readonly kind: "unlike_images" | "many_images" | "thinking_budget" | TrainedForm;
  readonly text: string;
  /** What would help. */
  readonly command?: string;
}

export function noteText({ text, command }: ChatNote): string {
  return command === undefined ? text : `${text} ${command}`;
}

/** What a request's answer must be beyond words. */
export function formsOf(options: {
  readonly responseFormat?: { readonly type: string };
  readonly tools?: readonly unknown[];
  readonly toolConstraint?: unknown;
}): TrainedForm[] {
  const { responseFormat, tools = [], toolConstraint } = options;
  const isJson = responseFormat !== undefined && responseFormat.type !== "text";
  return [...(isJson ? ["json" as const] : []), ...(tools.length > 0 || toolConstraint ? ["tools" as const] : [])];
}

/** What a checkpoint says of its training; absent fields: it does not say, and nothing is noted. */
export interface Training {
  readonly imagesPerQuestion?: number | undefined;
  readonly trainedFor?: readonly TrainedForm[] | undefined;
}

const realModel = "ocellus pull Qwen/Qwen3-VL-2B-Instruct";

/** `forms`: those that the answer must have. */
export function trainingNotes(
  images: readonly { readonly familiarity?: Familiarity }[],
  forms: readonly TrainedForm[],
  { imagesPerQuestion = Number.POSITIVE_INFINITY, trainedFor = trainedForms }: Training,
): ChatNote[] {
  const unlike = images.flatMap(({ familiarity: f }, i) => (f && f.score < f.threshold ? [i + 1] : []));
  const which = unlike.length > 1 ? `images ${unlike.join(", ")} are` : `image ${unlike[0]} is`;
  const foreign = `${which} not like those this model was trained on, so its answer may be wrong; a model of real photos:`;
  const many = `this model was trained with at most ${imagesPerQuestion} images a question, found ${images.length}`;
  const untrained = forms.filter((form) => !trainedFor.includes(form));
  return [
    ...(unlike.length > 0 ? [{ kind: "unlike_images", text: foreign, command: realModel } as const] : []),
    ...(images.length > imagesPerQuestion ? [{ kind: "many_images", text: many } as const] : []),
    ...untrained.map((kind) => ({ kind, text: formNotes[kind], command: realModel })),
  ];
}

const formNotes: Readonly<Record<TrainedForm, string>> = {
  json: "this model was not trained to answer in JSON: its form is right, its values may not be; a model that was:",
  tools:
    "this model was not trained to call tools: a call's form is right, whether and how it calls is not; a model that was:",
};
