/** What was found in files, on its way to a terminal: in one place, so that no text is forgotten. */
import { shorten } from "../../core/base/index.js";

/** Longer than any name or sentence of ours; names in a file may be megabytes long. */
const maxLength = 400;

/** The same plain data with every string printable and of one line at most. */
export function shown<T>(data: T): T {
  return shownValue(data) as T;
}

function shownValue(value: unknown): unknown {
  if (typeof value === "string") return shorten(value, maxLength);
  if (Array.isArray(value)) return value.map(shownValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [shorten(key, maxLength), shownValue(held)]));
}
