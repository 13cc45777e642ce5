/** NaN and infinity have no code in any small format, and in a wide one they make every answer NaN: they are refused by name and place. */
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
  const what = Number.isFinite(value)
    ? `${value}, more than fp16 holds; choose another format, such as --weights fp32`
    : `${value}, with which no answer could be computed; repair the checkpoint, or fetch it again`;
  return new OcellusError("invalid_file", `${name}[${row}, ${column}] is ${what}`, {
    details: { tensor: name, row, column, value: String(value) },
  });
}

/** @throws `invalid_file` naming the first value that is NaN or infinite. */
export function expectFinite(values: Float32Array, columns: number, origin?: Origin): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0; // NaN as soon as one value is not finite
  if (sum !== 0) throw notFinite(values, columns, origin);
}
