/** Pooling of a vision encoder's rows into one. */
import { type Scope, toEnd, type Value } from "../graph/index.js";

/** The mean over the rows, those before `from` left out. rows [count, D] → [1, D] */
export function meanOfRows(scope: Scope, rows: Value, { from } = { from: 0 }): Value {
  const counted =
    from === 0 ? rows : scope.op("Slice", [rows, scope.int64([from]), scope.int64([toEnd]), scope.int64([0])]);
  return scope.op("ReduceMean", [counted], { axes: [0], keepdims: 1 });
}
