/**
 * Four-bit codes of a decoder's matrices that make up for what they lose, by what the matrices are multiplied with: the inputs of
 * each product are measured on a calibration set, layer half by layer half, each half fed by what the halves before it give once
 * they are rounded. [Frantar et al., GPTQ, 2022]
 *
 *   embeddings ─ half 0, in float: H of its inputs ─ codes ─ half 0, rounded ─ half 1, in float: H … ─→
 *
 * Memory: the float weights of one half twice (mapped, and as the runtime lays them out), the hidden states of all sequences, and
 * H of one half's inputs. Nothing grows with the number of layers.
 */
import { OcellusError, throwIfAborted } from "../base/index.js";
import { checkpointDigest, openCheckpoint } from "../checkpoint/index.js";
import {
  cacheRoot,
  joinPath,
  makeFolder,
  removeFolder,
  textDigest,
  withFolderLock,
  withTemporaryFolder,
} from "../fs/index.js";
import type { Graph } from "../graph/index.js";
import {
  type PackingPlan,
  type PackOptions,
  type PackResult,
  pack,
  planDigest,
  planGraphs,
  readModel,
  type SourceModel,
  withAdapter,
} from "../pack/index.js";
import { type ColumnSpan, ridgeOf, type WeightsSource, withStored } from "../quantize/index.js";
import type { BlockFormat } from "../tensor/index.js";
import { type CalibrationSet, readCalibrationSet } from "./calibration-set.js";
import { withPiece } from "./piece-session.js";
import { columnsOf, gramName, type Piece, pieceOf, piecesOf, type Span, withGrams } from "./pieces.js";
import { RoundedStore } from "./rounded-store.js";
import { RoundingThreads } from "./rounding.js";
import { type Sequence, sequencesOf } from "./sequences.js";

/** Most columns that make up for one another: the work on a row grows with them, that on their factor with the third power. */
const mostSpan = 1536;

/** Raised whenever the same set gives other codes: neither a run nor a packed model of another way of rounding is taken up. */
const roundingVersion = 1;

export interface CalibrateOptions extends Omit<PackOptions, "round" | "rewrite"> {
  /** A folder of texts and images. Default: the neutral texts of the package. */
  readonly calibrateOn?: string | undefined;
  readonly onCalibrateProgress?: (done: number, total: number) => void;
}

/**
 * As `pack`, but all four-bit matrices of the decoder's layers are rounded by what they are multiplied with. What a run that ends
 * early has done is in the cache, and the next one continues there.
 * @throws as `pack`; `invalid_request` for a plan without such matrices; `unsupported` for a model that writes no text; `aborted`
 */
export async function packCalibrated(path: string, options: CalibrateOptions): Promise<PackResult> {
  const set = await readCalibrationSet(options.calibrateOn);
  const plan: PackingPlan = {
    ...options.plan,
    calibration: { method: "gptq", version: roundingVersion, digest: set.digest },
  };
  const original = await openCheckpoint(path);
  try {
    const { adapter } = options;
    const checkpoint = adapter ? await withAdapter(original, adapter) : original;
    const model = await readModel(checkpoint);
    const formats = roundedFormats(model, plan);
    const contents = [await checkpointDigest(checkpoint), planDigest(plan)];
    const folder = joinPath(cacheRoot(), "calibrations", textDigest(contents.join("\n")).slice(0, 16));
    return await pack(path, {
      ...options,
      plan,
      round: (write, isPacked) =>
        withStore(folder, formats, options, async (store) => {
          if (await isPacked()) return; // by the process that had the lock
          await roundAll(path, { model, plan, set, store, formats }, options);
          await write(store);
        }),
    });
  } finally {
    await original.close();
  }
}

/** One process at a time works there; the folder goes once its codes are packed. */
async function withStore(
  folder: string,
  formats: ReadonlyMap<string, BlockFormat>,
  { signal }: CalibrateOptions,
  body: (store: RoundedStore) => Promise<void>,
): Promise<void> {
  await makeFolder(folder);
  await withFolderLock(folder, { signal }, async () => {
    const store = new RoundedStore(folder, formats);
    await body(store).finally(() => store.close());
    await removeFolder(folder);
  });
}

interface Work {
  readonly model: SourceModel;
  readonly plan: PackingPlan;
  readonly set: CalibrationSet;
  readonly store: RoundedStore;
  /** Of each matrix that is to be rounded. */
  readonly formats: ReadonlyMap<string, BlockFormat>;
}

/** The four-bit matrices of the decoder's layers that are not stored so in the checkpoint: those are never rounded again. */
function roundedFormats(model: SourceModel, plan: PackingPlan): Map<string, BlockFormat> {
  const { family, weights } = model;
  if (family.kind !== "language")
    throw new OcellusError("unsupported", "calibration needs a model that writes text, not an encoder", {
      details: { modelType: family.modelType, kind: family.kind },
    });
  const formats = new Map<string, BlockFormat>();
  for (const { source } of decoderOf(model, plan).initializers) {
    if (!("tensors" in source) || source.part !== "values" || source.format.kind !== "int4") continue;
    for (const tensor of source.tensors) {
      const isStored = weights.stored?.exactFormat(tensor) !== undefined;
      if (family.parts(tensor) === "decoder" && !isStored) formats.set(tensor, source.format);
    }
  }
  if (formats.size > 0) return formats;
  throw new OcellusError(
    "invalid_request",
    `calibration rounds a decoder's matrices to four bits, and with weights "${plan.weights}" this model has none to round; use int4`,
    { details: { field: "weights", expected: "int4", found: plan.weights } },
  );
}

function decoderOf(model: SourceModel, plan: PackingPlan): Graph {
  return planGraphs(model, { ...plan, prefillWeights: "same" }).decoder!;
}

async function roundAll(path: string, work: Work, options: CalibrateOptions): Promise<void> {
  const { model, plan, set, formats } = work;
  const { signal, onCalibrateProgress } = options;
  const float = decoderOf(model, { ...plan, formats: new Map([...(plan.formats ?? []), ...inFloat(formats)]) });
  const pieces = piecesOf(float, (tensor) => formats.has(tensor));
  const sequences = await withTemporaryFolder("calibration-inputs", (folder) =>
    sequencesOf(path, set, { ...options, into: joinPath(folder, "packed") }),
  );
  const threads = new RoundingThreads({ signal });
  const memory: Sums = new Map();
  try {
    for (const [n, piece] of pieces.entries()) {
      throwIfAborted(signal);
      const tensors = piece.products.flatMap((product) => product.tensors);
      if (!(await work.store.open(n, tensors)))
        await roundPiece(n, piece, { ...work, float, sequences, threads, memory, signal });
      if (n + 1 < pieces.length) await advance(piece, work, sequences, signal);
      onCalibrateProgress?.(n + 1, pieces.length);
    }
  } finally {
    await threads.close();
  }
}

function inFloat(formats: ReadonlyMap<string, BlockFormat>) {
  return [...formats.keys()].map((tensor) => [tensor, { kind: "f32" }] as const);
}

interface PieceWork extends Work {
  readonly float: Graph;
  readonly sequences: readonly Sequence[];
  readonly threads: RoundingThreads;
  readonly memory: Sums;
  readonly signal: AbortSignal | undefined;
}

async function roundPiece(n: number, piece: Piece, work: PieceWork): Promise<void> {
  const { model, store, threads, formats } = work;
  const spans = await measuredSpans(piece, work);
  await threads.factor(spans.flat());
  const matrices = [];
  for (const [i, { tensors }] of piece.products.entries())
    for (const tensor of tensors)
      matrices.push(await threads.round(model.weights, tensor, spans[i]!, formats.get(tensor)!));
  await store.write(n, matrices);
}

/** Of the columns of each product's input, over all sequences; not factored yet. */
async function measuredSpans(
  piece: Piece,
  { float, sequences, model, memory, signal }: PieceWork,
): Promise<ColumnSpan[][]> {
  const graph = withGrams(pieceOf(float, piece), piece.products, spansOf);
  const sums = piece.products.map(({ input }, n) =>
    spansOf(columnsOf(input)).map((span, i) => emptySum(span, gramName(n, i), memory)),
  );
  await withPiece(graph, { weights: model.weights, signal }, async (run) => {
    for (const sequence of sequences) {
      throwIfAborted(signal);
      const results = await run(sequence);
      for (const [n, spans] of sums.entries())
        for (const [i, { gram }] of spans.entries()) add(gram, results[gramName(n, i)]!.data as Float32Array);
    }
  });
  const numInputs = sequences.reduce((sum, { numTokens }) => sum + numTokens, 0);
  return sums.map((spans) => spans.map((span) => ({ ...span, ridge: ridgeOf(span.gram, span.columns, numInputs) })));
}

/** As few spans as the most columns allow, of equal whole multiples of the largest block, but for the last. */
function spansOf(columns: number): Span[] {
  const blocks = Math.ceil(columns / 128);
  const width = 128 * Math.ceil(blocks / Math.ceil(columns / mostSpan));
  return Array.from({ length: Math.ceil(columns / width) }, (_, i) => {
    return { start: i * width, columns: Math.min(width, columns - i * width) };
  });
}

/** Memory that all threads see, by number and size: used again for each half, since what is dropped is freed late. */
type Sums = Map<string, Float64Array>;

function emptySum({ start, columns }: Span, name: string, sums: Sums): ColumnSpan {
  const matrix = (part: string) => {
    const key = `${name} ${part} ${columns}`;
    const memory = sums.get(key) ?? new Float64Array(new SharedArrayBuffer(8 * columns * columns));
    sums.set(key, memory);
    return memory.fill(0);
  };
  return { start, columns, gram: matrix("gram"), factor: matrix("factor"), ridge: 0 };
}

function add(sum: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}

/** All sequences through the rounded piece. */
async function advance(
  piece: Piece,
  { model, plan, store }: Work,
  sequences: readonly Sequence[],
  signal?: AbortSignal,
) {
  const weights: WeightsSource = withStored(model.weights, store);
  const graph = pieceOf(decoderOf({ ...model, weights }, plan), piece);
  await withPiece(graph, { weights, signal }, async (run) => {
    for (const sequence of sequences) {
      throwIfAborted(signal);
      sequence.hidden = (await run(sequence))[piece.to]!.data as Float32Array;
    }
  });
}
