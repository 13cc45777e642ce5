/** What went wrong, by the code that the server or the page gave it: the page has words for each in its languages. */
import { ApiError } from "./api.js";
import type { Problem } from "./conversation.js";

/** The server's codes (src/protocol/error-body.ts) as far as a page can meet them, then the page's own. */
export type ProblemKind =
  | "invalid_request"
  | "invalid_image"
  | "unsupported"
  | "content_filter"
  | "unauthorized"
  | "not_found"
  | "too_large"
  | "context_length_exceeded"
  | "overloaded"
  | "unavailable"
  | "timeout"
  | "internal"
  | "unreachable"
  | "broken"
  | "no_collection"
  | "collection_gone"
  | "collection_wordless"
  | "picture_lost"
  | "bad_schema"
  | "no_room_here"
  | "not_opened"
  | "failed_here"
  | "page";

const kinds: Readonly<Record<string, ProblemKind>> = {
  ...{ invalid_request: "invalid_request", invalid_image: "invalid_image", unsupported: "unsupported" },
  ...{ content_filter: "content_filter", unauthorized: "unauthorized", not_found: "not_found", too_large: "too_large" },
  ...{ context_length_exceeded: "context_length_exceeded", overloaded: "overloaded", timeout: "timeout" },
  ...{ unavailable: "unavailable", closed: "unavailable" },
  ...{ invalid_file: "internal", invalid_config: "internal", io: "internal", internal: "internal" },
  ...{ unreachable: "unreachable", broken: "broken", picture_lost: "picture_lost", bad_schema: "bad_schema" },
  ...{ no_room_here: "no_room_here", not_opened: "not_opened", failed_here: "failed_here" },
};

/** Of what has no code of ours: a proxy's page, another server's error. */
const byStatus: Readonly<Record<number, ProblemKind>> = {
  ...{ 401: "unauthorized", 403: "unauthorized", 404: "not_found", 413: "too_large", 429: "overloaded" },
  ...{ 502: "unreachable", 503: "unavailable", 504: "timeout" },
};

/** Where the field at fault says more: of a collection that was asked. */
const byField: Readonly<Record<string, ProblemKind>> = {
  "unsupported collection": "no_collection",
  "not_found collection": "collection_gone",
  "unsupported text": "collection_wordless",
};

export function kindOf({ code, status, param }: Pick<Problem, "code" | "status" | "param">): ProblemKind {
  const named = byField[`${code} ${param}`];
  if (named) return named;
  const known = code ? kinds[code] : undefined;
  return known ?? byStatus[status] ?? (status >= 500 ? "internal" : status >= 400 ? "invalid_request" : "page");
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) {
    const { message, status, code, requestId, param } = error;
    return { message, status, code, requestId, param };
  }
  return { message: error instanceof Error ? error.message : String(error), status: 0, requestId: null };
}
