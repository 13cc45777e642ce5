/**
 * What the inputs x of a product say, as they are now that the products before it are rounded: Σ x·xᵀ, and how far they are from
 * the float model's: Σ (x′ − x)·xᵀ for the inputs, Σ r·xᵀ for what carries the sequence, where the product adds to that.
 */
import { type DeviceTensor, float32 } from "../backend/index.js";
import { throwIfAborted } from "../base/index.js";
import { type Graph, valueNamed } from "../graph/index.js";
import { type ColumnSpan, ridgeOf, type WeightsSource } from "../quantize/index.js";
import { type RunPiece, withPiece } from "./piece-session.js";
import {
  columnsOf,
  inputOf,
  momentNames,
  type Piece,
  type Product,
  type Span,
  targetNames,
  withMoments,
} from "./pieces.js";
import type { Sequence } from "./sequences.js";

/** Most columns that make up for one another: the work on a row grows with them, that on their factor with the third power. */
const mostSpan = 1536;

/** A decoder and where its weights are. */
export interface Decoder {
  readonly graph: Graph;
  readonly weights: WeightsSource;
}

export interface Measuring {
  readonly float: Decoder;
  /** With the codes that there are so far. */
  readonly rounded: Decoder;
  readonly sequences: readonly Sequence[];
  readonly memory: Sums;
  readonly signal: AbortSignal | undefined;
}

/** Memory that all threads see, by use and size: taken again for each product, since what is dropped is freed late. */
export type Sums = Map<string, SumArray>;
type SumArray = Float64Array | Float32Array;

/** Of the columns of the product's input, over all sequences; not factored yet. */
export async function measuredSpans(piece: Piece, product: Product, measuring: Measuring): Promise<ColumnSpan[]> {
  const { float, rounded, sequences, signal, memory } = measuring;
  const { input, closesPiece } = product;
  const into = closesPiece ? valueNamed(float.graph, piece.from) : undefined;
  const spans = spansOf(columnsOf(input));
  const sums = spans.map((span, i) => emptySums(span, { n: i, numRows: into && columnsOf(into), memory }));
  const graph = withMoments(inputOf(rounded.graph, piece, input.name), input.name, spans, into);
  await withPiece(inputOf(float.graph, piece, input.name), { ...float, signal }, (exactly) =>
    withPiece(graph, { ...rounded, signal }, async (run) => {
      for (const sequence of sequences) {
        throwIfAborted(signal);
        const exact = (await exactly(sequence, sequence.exact))[input.name]!;
        const targets = {
          [targetNames.exact]: exact,
          ...(into && { [targetNames.more]: lagOf(sequence, spans.length) }),
        };
        const results = await run(sequence, sequence.hidden, targets);
        for (const [i, sum] of sums.entries()) addMoments(sum, i, results);
      }
    }),
  );
  const numInputs = sequences.reduce((sum, { numTokens }) => sum + numTokens, 0);
  return sums.map((span) => ({ ...span, ridge: ridgeOf(span.gram, span.columns, numInputs) }));
}

/**
 * What the rounded halves before owe the product's sum, a share of it for each span: every span by itself could make up for all
 * of it, and the mean of what helps alone helps too, which their sum need not.
 */
function lagOf({ exact, hidden, numTokens }: Sequence, numSpans: number): DeviceTensor {
  return float32(
    exact.map((value, i) => (value - hidden[i]!) / numSpans),
    [1, numTokens, exact.length / numTokens],
  );
}

function addMoments({ gram, target }: EmptySums, span: number, results: Awaited<ReturnType<RunPiece>>): void {
  const names = momentNames(span);
  const own = results[names.gram]!.data as Float32Array;
  add(gram, own);
  add(target.cross, results[names.cross]!.data as Float32Array);
  add(target.cross, own, -1);
  if (target.more) add(target.more, results[names.more]!.data as Float32Array);
}

/** As few spans as the most columns allow, of equal whole multiples of the largest block, but for the last. */
function spansOf(columns: number): Span[] {
  const blocks = Math.ceil(columns / 128);
  const width = 128 * Math.ceil(blocks / Math.ceil(columns / mostSpan));
  return Array.from({ length: Math.ceil(columns / width) }, (_, i) => {
    return { start: i * width, columns: Math.min(width, columns - i * width) };
  });
}

interface SumArrays<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (memory: SharedArrayBuffer): T;
}

type EmptySums = ReturnType<typeof emptySums>;

function emptySums(
  { start, columns }: Span,
  { n, numRows, memory }: { readonly n: number; readonly numRows: number | undefined; readonly memory: Sums },
) {
  const shared = <T extends SumArray>(part: string, rows: number, make: SumArrays<T>): T => {
    const key = `${part} ${n} ${rows}x${columns}`;
    const known = memory.get(key) ?? new make(new SharedArrayBuffer(make.BYTES_PER_ELEMENT * rows * columns));
    memory.set(key, known);
    return known.fill(0) as T;
  };
  const [gram, factor, cross] = ["gram", "factor", "cross"].map((part) => shared(part, columns, Float64Array));
  const more = numRows === undefined ? undefined : shared("more", numRows, Float32Array);
  return { start, columns, gram: gram!, factor: factor!, target: { cross: cross!, more } };
}

function add(sum: SumArray, values: Float32Array, factor = 1): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += factor * values[i]!;
}
