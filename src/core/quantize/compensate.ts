/**
 * Rounding to four bits that makes up for itself: columns are rounded one after another, and what a column loses is taken off
 * those behind it, as far as the inputs of the product let them stand in for it: with (H + ridge)⁻¹ = UᵀU, U upper triangular, the
 * error e of column i moves column j by e·U[i,j] / U[i,i]. [Frantar et al., GPTQ, 2022, algorithm 1] Then refine.ts. Columns are
 * taken in spans, each with an H of its own. Layout and codes are those of blocks.ts.
 */
import { invariant } from "../base/index.js";
import type { BlockFormat } from "../tensor/index.js";
import { emptyRows, type QuantizedRows } from "./blocks.js";
import { type ColumnSpan, dot, type SpanTarget, subtract } from "./column-span.js";
import type { FloatRows } from "./encode.js";
import { expectFinite } from "./not-finite.js";
import { nearestCode, type Panel } from "./panel.js";
import { refine } from "./refine.js";
import { weightedScale } from "./scale-search.js";

/** Rows that are worked on at once: as many as stay in the processor's cache beside one row of U. */
const panelRows = 32;

/** The spans cover the columns, in order. @throws `invalid_file` when a value is NaN or infinite, naming its place. */
export function compensatedRows(source: FloatRows, spans: readonly ColumnSpan[], format: BlockFormat): QuantizedRows {
  const { values, rows, columns, origin } = source;
  invariant(format.kind === "int4", `no compensation in ${format.kind}`);
  invariant(spans.reduce((sum, span) => sum + span.columns, 0) === columns, "the spans do not cover the columns");
  expectFinite(values, columns, origin);
  const out = emptyRows(rows, Math.ceil(columns / format.blockSize), format);
  for (let first = 0; first < rows; first += panelRows) {
    for (const span of spans) {
      const panel = panelOf(source, span, first, format);
      roundPanel(panel, span);
      refine(panel, span);
      store(panel, span, out, Math.ceil(columns / format.blockSize));
    }
  }
  return out;
}

function panelOf(source: FloatRows, span: ColumnSpan, firstRow: number, format: BlockFormat): Panel {
  const { blockSize, zeroPoints = false } = format;
  const rows = Math.min(panelRows, source.rows - firstRow);
  const { columns } = span;
  const values = movedRows(source, span, firstRow, rows);
  const blocks = rows * Math.ceil(columns / blockSize);
  const parts = { codes: new Float64Array(values.length), scales: new Float64Array(blocks) };
  return { firstRow, rows, columns, blockSize, zeroPoints, values, ...parts, zeros: new Float64Array(blocks) };
}

/** The weights of some rows, moved towards the span's target. */
function movedRows(source: FloatRows, span: ColumnSpan, firstRow: number, rows: number): Float64Array {
  const { start, columns, target } = span;
  const values = new Float64Array(rows * columns);
  const at = (row: number) => (firstRow + row) * source.columns + start;
  for (let row = 0; row < rows; row++) values.set(source.values.subarray(at(row), at(row) + columns), row * columns);
  if (target) addSolved(values, pullOf(values, span, target, (source.origin?.firstRow ?? 0) + firstRow), span);
  return values;
}

/** w·C + D of some rows; a row of C is read once for all of them. */
function pullOf(values: Float64Array, { columns }: ColumnSpan, { cross, more }: SpanTarget, row: number): Float64Array {
  const pull = new Float64Array(values.length);
  if (more) pull.set(more.subarray(row * columns, row * columns + pull.length));
  for (let i = 0; i < columns; i++)
    for (let at = 0; at < pull.length; at += columns) subtract(pull, at, cross, i * columns, -values[at + i]!, columns);
  return pull;
}

/** Adds `pull`·UᵀU, the product with (H + ridge)⁻¹, row by row of U. */
function addSolved(values: Float64Array, pull: Float64Array, { columns, factor }: ColumnSpan): void {
  for (let i = 0; i < columns; i++) {
    const [from, count] = [i * columns + i, columns - i];
    for (let at = i; at < pull.length; at += columns)
      subtract(values, at, factor, from, -dot(factor, from, count, pull, at), count);
  }
}

/** `work` holds the values, where they are not rounded yet with the errors of those before them. */
function roundPanel(panel: Panel, span: ColumnSpan): void {
  const work = panel.values.slice();
  for (let column = 0; column < panel.columns; column++) {
    if (column % panel.blockSize === 0) chooseScales(panel, work, span, column);
    roundColumn(panel, work, span, column);
  }
}

/** Of the block that begins at `column`, for what has come to stand there; errors weigh as much as the inputs are large. */
function chooseScales(panel: Panel, work: Float64Array, { gram, columns }: ColumnSpan, column: number): void {
  const count = Math.min(panel.blockSize, columns - column);
  const weights = Float64Array.from({ length: count }, (_, i) => gram[(column + i) * (columns + 1)]!);
  const [blocks, n] = [Math.ceil(columns / panel.blockSize), column / panel.blockSize];
  for (let row = 0; row < panel.rows; row++) {
    const start = row * columns + column;
    const { scale, zeroPoint } = weightedScale(work.subarray(start, start + count), weights, panel.zeroPoints);
    panel.scales[row * blocks + n] = Math.fround(scale);
    panel.zeros[row * blocks + n] = zeroPoint;
  }
}

function roundColumn(panel: Panel, work: Float64Array, { columns, factor }: ColumnSpan, column: number): void {
  const [blocks, n] = [Math.ceil(columns / panel.blockSize), Math.floor(column / panel.blockSize)];
  const diagonal = factor[column * (columns + 1)]!;
  for (let row = 0; row < panel.rows; row++) {
    const [scale, zero] = [panel.scales[row * blocks + n]!, panel.zeros[row * blocks + n]!];
    const value = work[row * columns + column]!;
    const code = nearestCode(value, scale, zero);
    panel.codes[row * columns + column] = code;
    const error = (value - code * scale) / diagonal;
    const next = column + 1;
    subtract(work, row * columns + next, factor, column * columns + next, error, columns - next);
  }
}

/** Two codes a byte, the first in the low nibble; what fills up the last block is the code of zero. */
function store(panel: Panel, { start, columns }: ColumnSpan, out: QuantizedRows, blocks: number): void {
  const { blockSize } = panel;
  const [own, first] = [Math.ceil(columns / blockSize), start / blockSize];
  for (let row = 0; row < panel.rows; row++) {
    const at = panel.firstRow + row;
    for (let n = 0; n < own; n++) {
      const zero = panel.zeros[row * own + n]!;
      out.scales[at * blocks + first + n] = panel.scales[row * own + n]!;
      if (out.zeroPoints) putNibble(out.zeroPoints, at * 2 * Math.ceil(blocks / 2) + first + n, zero);
      for (let i = 0; i < blockSize; i++) {
        const column = n * blockSize + i;
        const code = column < columns ? panel.codes[row * columns + column]! : 0;
        putNibble(out.codes, (at * blocks + first) * blockSize + column, code + zero);
      }
    }
  }
}

function putNibble(bytes: Uint8Array, i: number, code: number): void {
  bytes[i >> 1]! |= code << (i % 2 === 0 ? 0 : 4);
}
