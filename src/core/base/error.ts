/**
 * The one error class of the house. A message is one line: it names the object, what was expected, what was found and what
 * to try; `details` carries the same facts for programs. Broken promises of our own code are `invariant` failures instead.
 */

import { printable } from "./printable.js";

/** Closed list; `exitCode` and the server's status table are keyed by it. */
export type ErrorCode =
  | "not_found" // a file, a tensor, a model, a provider that is not there
  | "invalid_file" // a file whose bytes are not what its format allows
  | "invalid_config" // config.json and its kin
  | "invalid_request" // arguments, messages, sampling options
  | "invalid_image"
  | "too_large" // over a stated bound
  | "unsupported" // understood, but not something we do
  | "unavailable" // device, provider or dependency missing on this machine
  | "blocked" // a guard has refused it
  | "unauthorized" // no key, or an unknown one
  | "overloaded" // the queue is full, or a key has used up its share
  | "timeout" // the request's deadline passed
  | "aborted"
  | "closed" // used after its close()
  | "io" // the disk or the network failed
  | "internal";

export interface ErrorOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class OcellusError extends Error {
  override readonly name = "OcellusError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** What a request itself is at fault for. */
const requestFaults: readonly ErrorCode[] = ["invalid_request", "invalid_image", "unsupported", "too_large"];

/** The same error, said of a parameter of the request, where it does not name one itself. */
export function ofParam(error: unknown, param: string): unknown {
  if (!(error instanceof OcellusError) || !requestFaults.includes(error.code) || "param" in error.details) return error;
  const { code, message, details } = error;
  return new OcellusError(code, message, { details: { ...details, param }, cause: error });
}

const exitCodes: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 2,
  not_found: 3,
  invalid_file: 4,
  invalid_config: 4,
  invalid_image: 4,
  too_large: 5,
  unsupported: 6,
  unavailable: 7,
  overloaded: 8,
  io: 9,
  unauthorized: 10,
  timeout: 11,
  blocked: 12,
  closed: 13,
  internal: 70,
  aborted: 130,
};

/** Process exit code for an error: one table, used by the command line. */
export function exitCode(error: unknown): number {
  return error instanceof OcellusError ? exitCodes[error.code] : 70;
}

/** @throws an internal error when our own code has broken a promise; never use it for outside input. */
export function invariant(condition: unknown, message: string, details?: ErrorOptions["details"]): asserts condition {
  if (!condition) throw new OcellusError("internal", `internal: ${message}`, details && { details });
}

/**
 * Wraps whatever was thrown by the file system in our error, keeping the reason in words a user can act on.
 * @param hint what else to try, such as a setting that names another folder
 */
export function ioError(action: string, path: string, cause: unknown, hint?: string): OcellusError {
  const code = (cause as { code?: string } | undefined)?.code;
  const reasons: Record<string, string> = {
    ENOENT: "it does not exist",
    EACCES: "permission was denied; check the owner and mode",
    EPERM: "the operation is not permitted",
    EROFS: "it is on a disk that can only be read",
    EISDIR: "it is a folder, a file was expected",
    ENOTDIR: "a part of the path is a file, a folder was expected",
    ENOSPC: "the disk is full; free some space and run the command again",
    EDQUOT: "the disk quota is used up; free some space and run the command again",
    EMFILE: "too many files are open; raise `ulimit -n`",
  };
  const reason = (code && reasons[code]) ?? (cause instanceof Error ? cause.message : String(cause));
  const message = [`cannot ${action} ${path}: ${reason}`, ...(hint === undefined ? [] : [hint])].join("; ");
  return new OcellusError(code === "ENOENT" ? "not_found" : "io", message, {
    details: { path, errno: code },
    cause,
  });
}

/** @throws the signal's reason as an `aborted` error when the caller has given up. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

export function aborted(signal: AbortSignal | undefined): OcellusError {
  return new OcellusError("aborted", "the caller aborted the request", { cause: signal?.reason });
}
