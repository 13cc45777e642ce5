/** Errors on their way between threads. */
import { OcellusError } from "../base/index.js";
import type { Failure } from "./messages.js";

/** A class does not survive the way between workers. */
export function failureOf(error: unknown): Failure {
  if (error instanceof OcellusError) return { code: error.code, message: error.message, details: error.details };
  return { code: "internal", message: `internal: ${error instanceof Error ? error.message : error}`, details: {} };
}

export function errorOf({ code, message, details }: Failure): OcellusError {
  return new OcellusError(code, message, { details });
}
