/**
 * An engine that fails, in one shape: `details` say which engine, at which stage, for which reason, and whether any of the answer
 * had come; the message does not name the engine, whose address is not for the clients that read it. That decides what may be tried again elsewhere: before the first token another engine can answer, after it none can.
 */
import { type ErrorCode, OcellusError, shorten } from "../core/base/index.js";

/** How far a request had come. */
export type EngineStage = "connect" | "headers" | "firstToken" | "betweenTokens";

export type EngineFault =
  | "refused" // nothing listens there
  | "network" // the name, the route or the connection
  | "tls"
  | "timeout"
  | "status" // an HTTP status that is no answer
  | "malformed" // neither HTTP, nor events, nor JSON as they should be
  | "cut" // the connection ended before the answer did
  | "endless" // more than any answer is
  | "engine"; // its own error, said in the answer

export interface FailureOptions {
  readonly engine: string;
  readonly stage: EngineStage;
  readonly fault: EngineFault;
  /** Default: `timeout` for a timeout, else `unavailable`. */
  readonly code?: ErrorCode;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export function engineFailure(problem: string, options: FailureOptions): OcellusError {
  const { engine, stage, fault, details, cause } = options;
  const code = options.code ?? (fault === "timeout" ? "timeout" : "unavailable");
  const facts = { engine, stage, fault, ...details };
  return new OcellusError(code, `the engine ${problem}`, { details: facts, cause });
}

/** Whether no part of the answer had come: the same request may be sent to another engine. */
export function isBeforeFirstToken(error: unknown): boolean {
  return error instanceof OcellusError && "engine" in error.details && error.details.stage !== "betweenTokens";
}

export function isFailure(error: unknown, fault: EngineFault): error is OcellusError {
  return error instanceof OcellusError && error.details.fault === fault;
}

/** Of an error of the system or of Node's HTTP parser. */
export function networkFailure(cause: unknown, engine: string, stage: EngineStage): OcellusError {
  const { code = "" } = cause as { code?: string };
  const options = { engine, stage, cause, details: { errno: code } };
  if (code === "ECONNREFUSED")
    return engineFailure("refused the connection; is it running at this address?", { ...options, fault: "refused" });
  if (code.startsWith("HPE_")) return engineFailure("does not speak HTTP", { ...options, fault: "malformed" });
  if (/CERT|TLS|SSL|SIGNATURE|EPROTO/.test(code))
    return engineFailure("has no valid certificate", { ...options, fault: "tls" });
  if (code === "ECONNRESET" || code === "EPIPE" || stage !== "connect")
    return engineFailure("closed the connection before its answer ended", { ...options, fault: "cut" });
  return engineFailure(`cannot be reached (${code})`, { ...options, fault: "network" });
}

/** What an engine says of an error, in any of the shapes that servers use. */
export interface SaidError {
  readonly message: string;
  readonly param?: string;
  /** Tokens of a prompt that its context does not hold. */
  readonly promptTokens?: number;
}

/** OpenAI's `{error: {message}}`, SGLang's `{object: "error", message}`, FastAPI's `{detail}`, and a bare string. */
export function saidError(body: unknown): SaidError | undefined {
  const { error, object, message, detail } = (body ?? {}) as Record<string, unknown>;
  if (typeof error === "string") return { message: shorten(error, maxWords) };
  if (typeof error === "object" && error !== null) return fromMembers(error as Record<string, unknown>);
  if (object === "error" && typeof message === "string") return fromMembers(body as Record<string, unknown>);
  return detail === undefined ? undefined : { message: shorten(wordsOf(detail), maxWords) };
}

/** Enough to act on, and not a prompt that is quoted back. */
const maxWords = 500;

function fromMembers({ message, param, type, code, n_prompt_tokens }: Record<string, unknown>): SaidError {
  const words = shorten(wordsOf(message ?? type ?? code ?? "an error without words"), maxWords);
  const counted = n_prompt_tokens ?? countIn(words);
  const promptTokens = typeof counted === "number" ? { promptTokens: counted } : {};
  return { message: words, ...(typeof param === "string" && { param }), ...promptTokens };
}

/** "contains at least 2049 input tokens", "(length 2049) is longer than the …", "(150000 tokens) exceeds the available …". */
function countIn(words: string): number | undefined {
  if (!/context (?:length|size|window)|model length/i.test(words)) return undefined;
  const found = /\((?:length )?(\d{1,9})(?: tokens)?\) (?:is longer|exceeds)|(\d{1,9}) input tokens/.exec(words);
  return Number(found?.[1] ?? found?.[2] ?? 0);
}

function wordsOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
}
