/**
 * Codes that are there already, made better one at a time: by the gradient G = (H + ridge)·(w − ŵ) each takes the place that leaves
 * least of (w − ŵ)ᵀ(H + ridge)(w − ŵ) while all others stay. The error never grows. Further sweeps, and scales moved the same way,
 * gain a few percent more and double the work: docs/log.md.
 * [coordinate descent, as in Behdin et al., QuantEase, 2023]
 */
import { type ColumnSpan, dot, subtract } from "./column-span.js";
import { nearestCode, type Panel } from "./panel.js";

export function refine(panel: Panel, span: ColumnSpan): void {
  const gradient = gradientOf(panel, span);
  for (let column = 0; column < panel.columns; column++) refineCodes(panel, span, gradient, column);
}

/** [rows, columns]; a row of H is read once for all rows. */
function gradientOf(panel: Panel, { gram, ridge }: ColumnSpan): Float64Array {
  const { rows, columns, values, codes } = panel;
  const errors = values.map((value, i) => value - codes[i]! * scaleAt(panel, Math.floor(i / columns), i % columns));
  const gradient = new Float64Array(values.length);
  for (let column = 0; column < columns; column++)
    for (let row = 0; row < rows; row++) {
      const at = row * columns + column;
      gradient[at] = dot(gram, column * columns, columns, errors, row * columns) + ridge * errors[at]!;
    }
  return gradient;
}

function scaleAt({ scales, columns, blockSize }: Panel, row: number, column: number): number {
  return scales[row * Math.ceil(columns / blockSize) + Math.floor(column / blockSize)]!;
}

function refineCodes(panel: Panel, span: ColumnSpan, gradient: Float64Array, column: number): void {
  const { rows, columns, blockSize, codes, zeros } = panel;
  const [blocks, n] = [Math.ceil(columns / blockSize), Math.floor(column / blockSize)];
  const curvature = span.gram[column * (columns + 1)]! + span.ridge;
  for (let row = 0; row < rows; row++) {
    const at = row * columns + column;
    const scale = scaleAt(panel, row, column);
    const code = nearestCode(codes[at]! * scale + gradient[at]! / curvature, scale, zeros[row * blocks + n]!);
    if (code === codes[at]) continue;
    move(gradient, row, span, column, (code - codes[at]!) * scale);
    codes[at] = code;
  }
}

/** ŵ of a column grows by `step`. */
function move(
  gradient: Float64Array,
  row: number,
  { gram, columns, ridge }: ColumnSpan,
  column: number,
  step: number,
): void {
  subtract(gradient, row * columns, gram, column * columns, step, columns);
  gradient[row * columns + column]! -= ridge * step;
}
