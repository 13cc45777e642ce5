/**
 * What a test says of an error: its code, and the facts among its details. Never its prose, so that words can change.
 *   expect(() => read("x")).toThrow(ocellusError("too_large", { limit: 4096 }))
 */
import { expect } from "vitest";
import type { ErrorCode } from "./error.js";

/** Details that are not named may be there or not; a value may itself be a matcher, such as `expect.any(Number)`. */
export function ocellusError(code: ErrorCode, details: Readonly<Record<string, unknown>> = {}): Error {
  return expect.objectContaining({ name: "OcellusError", code, details: expect.objectContaining(details) });
}
