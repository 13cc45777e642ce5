/** What a LoRA adapter moves: per tensor its rank, and the norm of what is added beside the norm of the weight it is added to. */
import { throwIfAborted } from "../core/base/index.js";
import { type Adapter, type Checkpoint, type LowRank, openCheckpoint } from "../core/checkpoint/index.js";
import { adapterTargets, withAdapter } from "../core/pack/index.js";
import { openAdapter } from "../core/runtime/index.js";
import { elementCount, toFloat32 } from "../core/tensor/index.js";

export interface MovedTensor {
  /** As the checkpoint names it. */
  readonly tensor: string;
  readonly kind: "low_rank" | "replaced" | "replaced_and_low_rank";
  readonly rank?: number;
  readonly scaling?: number;
  /** Frobenius norms. */
  readonly deltaNorm: number;
  readonly weightNorm: number;
  /** deltaNorm / weightNorm */
  readonly ratio: number;
}

export interface AdapterReport {
  readonly adapter: string;
  readonly checkpoint: string;
  /** The model that the adapter was trained on, as its config names it. */
  readonly base?: string;
  readonly digest: string;
  /** Those that are moved most first. */
  readonly tensors: readonly MovedTensor[];
}

interface ReportOptions {
  readonly signal?: AbortSignal | undefined;
}

/** 4 MiB of float32 at once. */
const pieceElements = 2 ** 20;

/** @throws as `openAdapter` and `openCheckpoint`; `invalid_file` for an adapter of another model; `aborted`. */
export async function adapterReport(path: string, folder: string, options: ReportOptions = {}): Promise<AdapterReport> {
  return withOpen(openCheckpoint(path), (checkpoint) =>
    withOpen(openAdapter(folder), async (adapter) => {
      const tensors = await movedTensors(checkpoint, adapter, options);
      tensors.sort((a, b) => b.ratio - a.ratio);
      const { base, digest } = adapter;
      return { adapter: folder, checkpoint: path, ...(base !== undefined && { base }), digest, tensors };
    }),
  );
}

async function withOpen<T extends { close(): Promise<void> }, R>(
  opening: Promise<T>,
  use: (opened: T) => Promise<R>,
): Promise<R> {
  const opened = await opening;
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

async function movedTensors(checkpoint: Checkpoint, adapter: Adapter, options: ReportOptions): Promise<MovedTensor[]> {
  const merged = await withAdapter(checkpoint, adapter);
  const targets = await adapterTargets(checkpoint, adapter);
  const found: MovedTensor[] = [];
  for (const [tensor, { rank, scaling, replacement, readLowRank }] of targets) {
    const kind = replacement === undefined ? "low_rank" : readLowRank ? "replaced_and_low_rank" : "replaced";
    const weightNorm = await normOf(checkpoint, tensor, options);
    const deltaNorm =
      replacement === undefined
        ? lowRankNorm(await readLowRank!())
        : await distance(checkpoint, merged, tensor, options);
    const ranked = rank !== undefined && scaling !== undefined && { rank, scaling };
    found.push({ tensor, kind, ...ranked, deltaNorm, weightNorm, ratio: weightNorm > 0 ? deltaNorm / weightNorm : 0 });
  }
  return found;
}

/** ‖s·LR‖² = s² · Σ (LᵀL) ∘ (RRᵀ): two small matrices instead of the whole product. */
function lowRankNorm({ rank, scaling, left, right }: LowRank): number {
  const columns = right.length / rank;
  let sum = 0;
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j <= i; j++) {
      let [ofLeft, ofRight] = [0, 0];
      for (let row = 0; row < left.length; row += rank) ofLeft += left[row + i]! * left[row + j]!;
      for (let column = 0; column < columns; column++)
        ofRight += right[i * columns + column]! * right[j * columns + column]!;
      sum += (i === j ? 1 : 2) * ofLeft * ofRight;
    }
  }
  return Math.abs(scaling) * Math.sqrt(Math.max(0, sum));
}

async function normOf(checkpoint: Checkpoint, name: string, { signal }: ReportOptions): Promise<number> {
  let sum = 0;
  for await (const values of pieces(checkpoint, name, signal)) for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

async function distance(a: Checkpoint, b: Checkpoint, name: string, { signal }: ReportOptions): Promise<number> {
  let sum = 0;
  const others = pieces(b, name, signal);
  for await (const values of pieces(a, name, signal)) {
    const { value: other } = (await others.next()) as { value: Float32Array };
    for (let i = 0; i < values.length; i++) sum += (other[i]! - values[i]!) ** 2;
  }
  return Math.sqrt(sum);
}

async function* pieces(checkpoint: Checkpoint, name: string, signal?: AbortSignal): AsyncGenerator<Float32Array> {
  const { shape, dtype } = checkpoint.info(name)!;
  const count = elementCount(shape);
  for (let start = 0; start < count; start += pieceElements) {
    throwIfAborted(signal);
    yield toFloat32(await checkpoint.readRange(name, start, Math.min(count, start + pieceElements)), dtype);
  }
}
