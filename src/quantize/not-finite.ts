/** NaN and infinity have no code in any small format: they are refused by name and place. */
import { OcellusError } from "../base/index.js";

/** Where a piece of rows comes from, for messages. */
export interface Origin {
  readonly tensor: string;
  readonly firstRow: number;
}

/** The error for the first value that is not finite, `limit` being the largest that the format holds. */
export function notFinite(values: Float32Array, columns: number, origin?: Origin, limit = Infinity): OcellusError {
  const index = values.findIndex((value) => !(Math.abs(value) < limit));
  const row = (origin?.firstRow ?? 0) + Math.floor(index / columns);
  const [name, column, value] = [origin?.tensor ?? "tensor", index % columns, values[index]!];
  const what = Number.isFinite(value) ? `${value}, more than fp16 holds` : `${value}, which has no code`;
  return new OcellusError(
    "invalid_file",
    `${name}[${row}, ${column}] is ${what}; mend the checkpoint, or keep its numbers as they are with --weights fp32`,
    { details: { tensor: name, row, column, value: String(value) } },
  );
}
