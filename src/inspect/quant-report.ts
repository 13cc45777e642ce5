/** What each number format costs a model: the error of its matrices, and how far its next tokens are from those of fp32. */

import { groupBy, OcellusError, throwIfAborted } from "../core/base/index.js";
import { packCalibrated } from "../core/calibrate/index.js";
import { openCheckpoint } from "../core/checkpoint/index.js";
import { withTemporaryFolder } from "../core/fs/index.js";
import {
  matrixGroups,
  type PackingPlan,
  type PackProgress,
  pack,
  parsePlan,
  plannedBytes,
  readModel,
} from "../core/pack/index.js";
import { type ChatMessage, loadModel, type VisionLanguageModel } from "../core/runtime/index.js";
import { describeFormat, type WeightFormat } from "../core/tensor/index.js";
import { divergence } from "./divergence.js";
import { formatErrors, type TensorErrors } from "./format-errors.js";
import type { PassOptions } from "./pass.js";
import { placeOf } from "./place.js";

/** Whole plans: the eye and the token table keep eight bits in those of four. */
const plans = {
  fp32: parsePlan("fp32"),
  fp16: parsePlan("fp16"),
  int8: parsePlan("int8"),
  "int4-b32": parsePlan("int4"),
  "int4-b32-calibrated": parsePlan("int4"),
  "int4-b128": parsePlan("int4", { blockSize: 128 }),
  "int4-b128-embedding": parsePlan("int4", { blockSize: 128, embeddingWeights: "int4" }),
  nf4: parsePlan("nf4"),
  "nf4-double": parsePlan("nf4-double"),
} as const satisfies Record<string, PackingPlan>;

export type ReportFormat = keyof typeof plans;

/** Rounded by what their products read of the bundled texts. */
const calibrated: readonly ReportFormat[] = ["int4-b32-calibrated"];

export const reportFormats = Object.keys(plans) as ReportFormat[];

/** Relative error √(Σ(w − ŵ)² / Σw²) by the name of the format; a matrix that nf4 cannot hold has none there. */
export type RelativeErrors = Readonly<Record<string, number>>;

export interface ErrorGroup {
  readonly title: string;
  readonly numTensors: number;
  readonly relative: RelativeErrors;
}

export interface MatrixErrors {
  readonly layers: readonly ErrorGroup[];
  /** The same matrix of every layer together. */
  readonly kinds: readonly ErrorGroup[];
  readonly tensors: readonly { readonly name: string; readonly relative: RelativeErrors }[];
}

const matrixFormats: readonly WeightFormat[] = [
  { kind: "int8", blockSize: 32 },
  ...([32, 64, 128] as const).map((blockSize): WeightFormat => ({ kind: "int4", blockSize })),
  { kind: "nf4", blockSize: 64, nested: false },
];

/** @throws as `formatErrors`. */
export async function reportErrors(path: string, options: PassOptions): Promise<MatrixErrors> {
  const checkpoint = await openCheckpoint(path);
  const model = await readModel(checkpoint).finally(() => checkpoint.close()); // headers outlive it
  const queries = matrixGroups(model).map((group) => ({
    group,
    // blocks of nf4 run on from row to row: a piece of rows that are not whole blocks cannot be measured alone
    formats: matrixFormats.filter(({ kind }) => kind !== "nf4" || group.columns % 64 === 0),
  }));
  const found = await formatErrors(path, queries, options);
  return {
    layers: groupsBy(found, layerOf),
    kinds: groupsBy(found, kindOf),
    tensors: found.map((tensor) => ({ name: tensor.name, relative: relativeOf([tensor]) })),
  };
}

function layerOf(name: string): string {
  const { stack, layer, kind } = placeOf(name);
  return layer === undefined ? stack || kind : `${stack}.${layer}`;
}

function kindOf(name: string): string {
  const { stack, layer, kind } = placeOf(name);
  return layer === undefined ? name : `${stack}.*.${kind}`;
}

function groupsBy(found: readonly TensorErrors[], title: (name: string) => string): ErrorGroup[] {
  return groupBy(found, ({ name }) => title(name)).map(([title, tensors]) => {
    return { title, numTensors: tensors.length, relative: relativeOf(tensors) };
  });
}

/** Of the tensors together that have the format. */
function relativeOf(tensors: readonly TensorErrors[]): RelativeErrors {
  const sums = new Map<string, { noise: number; signal: number }>();
  for (const { signal, errors } of tensors) {
    for (const { format, noise } of errors) {
      const sum = sums.get(describeFormat(format)) ?? { noise: 0, signal: 0 };
      sums.set(describeFormat(format), { noise: sum.noise + noise, signal: sum.signal + signal });
    }
  }
  const relative = ({ noise, signal }: { noise: number; signal: number }) =>
    signal === 0 ? 0 : Math.sqrt(noise / signal);
  return Object.fromEntries([...sums].map(([format, sum]) => [format, relative(sum)]));
}

export interface FormatComparison {
  readonly format: ReportFormat;
  /** Of all weights, as packed. */
  readonly bytes: number;
  /** Mean over all tokens of fp32's answers, in nats. */
  readonly kl: number;
  /** Share of the tokens where the likeliest is fp32's. */
  readonly sameTop: number;
  readonly numTokens: number;
}

export interface DivergenceOptions {
  readonly formats: readonly ReportFormat[];
  readonly signal?: AbortSignal;
  readonly onPackProgress?: (progress: PackProgress) => void;
  /** In answers: those of fp32, then the same scored by each format. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Tokens of each answer that are compared. */
const maxTokens = 32;

type Conversation = readonly ChatMessage[];
type Reference = { conversation: Conversation; ids: readonly number[]; logits: readonly Float32Array[] };

/** Bytes of all weights by format, as packed. */
export async function packedBytes(path: string, formats: readonly ReportFormat[]): Promise<Map<ReportFormat, number>> {
  const checkpoint = await openCheckpoint(path);
  const source = await readModel(checkpoint).finally(() => checkpoint.close()); // headers outlive it
  return new Map(formats.map((format) => [format, plannedBytes(source, plans[format])]));
}

/** One packing at a time is in the cache meanwhile. @throws as `pack`, `loadModel`; `invalid_request`, `aborted`. */
export async function reportDivergence(
  path: string,
  conversations: readonly Conversation[],
  options: DivergenceOptions,
): Promise<FormatComparison[]> {
  if (conversations.length === 0)
    throw new OcellusError("invalid_request", "no conversations to compare formats on", {
      details: { field: "conversations", found: 0 },
    });
  const bytes = await packedBytes(path, options.formats);
  const total = (options.formats.length + 1) * conversations.length;
  let done = 0;
  const advance = () => {
    throwIfAborted(options.signal);
    options.onProgress?.(++done, total);
  };
  const references = await withFormat(path, "fp32", options, (model) =>
    referencesOf(model, conversations, options.signal, advance),
  );
  const found: FormatComparison[] = [];
  for (const format of options.formats) {
    const measured = await withFormat(path, format, options, (model) =>
      compared(model, references, options.signal, advance),
    );
    found.push({ format, bytes: bytes.get(format)!, ...measured });
  }
  return found;
}

/**
 * Packs the checkpoint in a format, into the cache and for as long as `body` runs.
 * @throws as `pack`.
 */
export async function withPackedFormat<T>(
  path: string,
  format: ReportFormat,
  { signal, onPackProgress }: Pick<DivergenceOptions, "signal" | "onPackProgress">,
  body: (packedPath: string) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder("quant-report", async (folder) => {
    const progress = { ...(signal && { signal }), ...(onPackProgress && { onProgress: onPackProgress }) };
    const packFormat = calibrated.includes(format) ? packCalibrated : pack;
    const packed = await packFormat(path, { plan: plans[format], into: `${folder}/packed`, ...progress });
    return body(packed.path);
  });
}

async function withFormat<T>(
  path: string,
  format: ReportFormat,
  options: DivergenceOptions,
  body: (model: VisionLanguageModel) => Promise<T>,
): Promise<T> {
  return withPackedFormat(path, format, options, async (packedPath) => {
    const { signal } = options;
    const model = await loadModel(packedPath, { device: "cpu", maxSequences: 1, ...(signal && { signal }) });
    try {
      return await body(model);
    } finally {
      await model.close();
    }
  });
}

async function referencesOf(
  model: VisionLanguageModel,
  conversations: readonly Conversation[],
  signal: AbortSignal | undefined,
  advance: () => void,
) {
  const references: Reference[] = [];
  for (const conversation of conversations) {
    const { tokens } = await model.answer(conversation, {
      maxTokens,
      sampling: { temperature: 0 },
      ...(signal && { signal }),
    });
    const ids = tokens.map(({ tokenId }) => tokenId);
    references.push({ conversation, ids, logits: await scores(model, conversation, ids, signal) });
    advance();
  }
  return references;
}

async function scores(
  model: VisionLanguageModel,
  conversation: Conversation,
  ids: readonly number[],
  signal: AbortSignal | undefined,
) {
  const logits: Float32Array[] = [];
  for await (const step of model.score(await model.prepare(conversation), ids)) {
    throwIfAborted(signal);
    logits.push(step.slice());
  }
  return logits;
}

async function compared(
  model: VisionLanguageModel,
  references: readonly Reference[],
  signal: AbortSignal | undefined,
  advance: () => void,
) {
  let [kl, numSame, numTokens] = [0, 0, 0];
  for (const { conversation, ids, logits } of references) {
    for (const [i, step] of (await scores(model, conversation, ids, signal)).entries()) {
      const found = divergence(logits[i]!, step);
      kl += found.kl;
      numSame += found.sameTop ? 1 : 0;
      numTokens++;
    }
    advance();
  }
  return { kl: kl / numTokens, sameTop: numSame / numTokens, numTokens };
}
