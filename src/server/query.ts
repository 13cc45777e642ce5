/** Numbers in an address's query. */
import { refusal } from "../protocol/index.js";
import type { HonoContext } from "./request-context.js";

/** @throws `invalid_request` beyond the bounds. */
export function queryNumber<T extends number | undefined>(
  c: HonoContext,
  name: string,
  fallback: T,
  low: number,
  high: number,
): number | T {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= low && value <= high) return value;
  throw refusal(name, `${name}: expected a number from ${low} to ${high}, found ${JSON.stringify(text.slice(0, 40))}`);
}
