/** The script of a thread that rounds: factors of columns, and rows by them. See rounding.ts. */
import { type ColumnSpan, compensatedRows, type FloatRows, writeFactor } from "../quantize/index.js";
import type { BlockFormat } from "../tensor/index.js";
import { serve } from "../worker/index.js";

const methods = {
  /** In the shared memory that it is given. */
  factor: (span: ColumnSpan): void => writeFactor(span),
  round: (rows: FloatRows, spans: readonly ColumnSpan[], format: BlockFormat) => compensatedRows(rows, spans, format),
};
export type RoundingMethods = typeof methods;

serve(() => methods);
