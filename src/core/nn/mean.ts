/** Pooling of a vision encoder's rows into one. */
import type { Scope, Value } from "../graph/index.js";

/** Larger than any number of rows: Slice takes what there is. */
const toTheEnd = 2 ** 31 - 1;

/** The mean over the rows, those before `from` left out. rows [count, D] → [1, D] */
export function meanOfRows(scope: Scope, rows: Value, { from } = { from: 0 }): Value {
  const counted =
    from === 0 ? rows : scope.op("Slice", [rows, scope.int64([from]), scope.int64([toTheEnd]), scope.int64([0])]);
  return scope.op("ReduceMean", [counted], { axes: [0], keepdims: 1 });
}
