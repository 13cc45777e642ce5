/**
 * Four-bit codes of a decoder's matrices that make up for what they lose, by what the matrices are multiplied with: the inputs of
 * each product are measured on a calibration set, product by product, as they are once all products before are rounded. What the
 * float model has in their place is the target. [Frantar et al., GPTQ, 2022; Li et al., GPTAQ, 2025]
 *
 *   in float:  embeddings ─ half 0: x′ of q, k, v; x′ of o ─ half 1: x′ of gate, up; … ─→
 *   rounded:   embeddings ─ half 0: x of q, k, v, their codes; x of o, its codes ─ half 1: … ─→
 *
 * Memory: the float weights of one half twice (mapped, and as the runtime lays them out), the hidden states of all sequences twice,
 * and the sums of one product's inputs. Nothing grows with the number of layers.
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
import { withStored } from "../quantize/index.js";
import type { BlockFormat } from "../tensor/index.js";
import { type CalibrationSet, readCalibrationSet } from "./calibration-set.js";
import { type Decoder, type Measuring, measuredSpans } from "./measure.js";
import { withPiece } from "./piece-session.js";
import { type Piece, type Product, pieceOf, piecesOf } from "./pieces.js";
import { RoundedStore } from "./rounded-store.js";
import { RoundingThreads } from "./rounding.js";
import { sequencesOf } from "./sequences.js";

/** Raised whenever the same set gives other codes: neither a run nor a packed model of another way of rounding is taken up. */
const roundingVersion = 2;

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
  const float = { graph: decoderOf(model, inFloat(plan, formats.keys())), weights: model.weights };
  const pieces = piecesOf(float.graph, (tensor) => formats.has(tensor));
  const sequences = await withTemporaryFolder("calibration-inputs", (folder) =>
    sequencesOf(path, set, { ...options, into: joinPath(folder, "packed") }),
  );
  const products = pieces.flatMap((piece) => piece.products);
  const threads = new RoundingThreads({ signal });
  const all = { ...work, float, sequences, threads, memory: new Map(), signal };
  try {
    for (const [n, piece] of pieces.entries()) {
      for (const product of piece.products) await roundProduct(products.indexOf(product), piece, product, all);
      if (n + 1 < pieces.length) await advance(piece, all);
      onCalibrateProgress?.(n + 1, pieces.length);
    }
  } finally {
    await threads.close();
  }
}

interface Rounding extends Work, Omit<Measuring, "rounded"> {
  readonly threads: RoundingThreads;
}

/** The decoder with the codes that there are so far; its other four-bit matrices are in float. */
function roundedDecoder({ model, plan, store, formats }: Work): Decoder {
  const weights = withStored(model.weights, store);
  const left = [...formats.keys()].filter((tensor) => store.exactFormat(tensor) === undefined);
  return { graph: decoderOf({ ...model, weights }, inFloat(plan, left)), weights };
}

function inFloat(plan: PackingPlan, tensors: Iterable<string>): PackingPlan {
  const formats = Array.from(tensors, (tensor) => [tensor, { kind: "f32" }] as const);
  return { ...plan, formats: new Map([...(plan.formats ?? []), ...formats]) };
}

/** @param n among all products */
async function roundProduct(n: number, piece: Piece, product: Product, work: Rounding): Promise<void> {
  const { model, store, threads, formats, signal } = work;
  throwIfAborted(signal);
  if (await store.open(n, product.tensors)) return;
  const spans = await measuredSpans(piece, product, { ...work, rounded: roundedDecoder(work) });
  await threads.factor(spans);
  const matrices = [];
  for (const tensor of product.tensors)
    matrices.push(await threads.round(model.weights, tensor, spans, formats.get(tensor)!));
  await store.write(n, matrices);
}

/** All sequences through the piece, in float and rounded. */
async function advance(piece: Piece, work: Rounding): Promise<void> {
  const { float, sequences, signal } = work;
  const streams = [
    ["exact", float],
    ["hidden", roundedDecoder(work)],
  ] as const;
  for (const [stream, { graph, weights }] of streams)
    await withPiece(pieceOf(graph, piece), { weights, signal }, async (run) => {
      for (const sequence of sequences) {
        throwIfAborted(signal);
        sequence[stream] = (await run(sequence, sequence[stream]))[piece.to]!.data as Float32Array;
      }
    });
}
