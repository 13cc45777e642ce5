/** An answer whose status is not 200: whose fault it is, in our codes. */
import type { ErrorCode, OcellusError } from "../core/base/index.js";
import { engineFailure, saidError } from "./failure.js";

interface Rule {
  readonly from: number;
  readonly to?: number;
  readonly code: ErrorCode;
  readonly problem: string;
}

const badKey = "does not accept the API key that this server has for it";

/** The first that fits. A key or a model that the engine does not know is no fault of a client of ours. */
const rules: readonly Rule[] = [
  { from: 401, code: "unavailable", problem: badKey },
  { from: 403, code: "unavailable", problem: badKey },
  { from: 404, code: "unavailable", problem: "does not have this model, or speaks another protocol" },
  { from: 413, code: "too_large", problem: "takes no body of this size" },
  { from: 429, code: "overloaded", problem: "has too many requests" },
  { from: 501, code: "unsupported", problem: "cannot do this" },
  { from: 503, code: "unavailable", problem: "is not ready" },
  { from: 400, to: 499, code: "invalid_request", problem: "does not take this request" },
  { from: 500, to: 599, code: "unavailable", problem: "failed" },
];
const otherwise: Rule = { from: 0, code: "unavailable", problem: "does not answer" };

/** Its own words are repeated only where they are about the request itself: others could be about other people's. */
export function statusFailure(
  engine: string,
  status: number,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
): OcellusError {
  const said = saidError(jsonOrNothing(text));
  const place = { engine, stage: "headers", fault: "status" } as const;
  const details = { status, ...(said && { said: said.message }), ...more };
  const words = said ? `: ${said.message}` : "";
  if (said?.promptTokens !== undefined) {
    const { promptTokens } = said;
    const tooLarge = { ...place, code: "too_large", details: { ...details, promptTokens } } as const;
    return engineFailure(`cannot hold the prompt${words}`, tooLarge);
  }
  const { code, problem } = rules.find(({ from, to = from }) => status >= from && status <= to) ?? otherwise;
  const isOurs = code !== "invalid_request";
  const param = isOurs || said?.param === undefined ? {} : { param: said.param };
  const all = { ...place, code, details: { ...details, ...param } };
  return engineFailure(`${problem} (${status})${isOurs ? "" : words}`, all);
}

export function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
