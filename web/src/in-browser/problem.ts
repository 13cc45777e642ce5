/** What went wrong with a model in this browser, by the codes of the page's problems. */
import { OcellusError } from "../browser-model.js";
import type { Problem } from "../conversation.js";

export function problemHere(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const { code, details = {} } = error instanceof OcellusError ? error : {};
  const { param } = details;
  return {
    message,
    status: 0,
    requestId: null,
    code: codeOf(code, details),
    ...(typeof param === "string" && { param }),
  };
}

function codeOf(code: string | undefined, details: Readonly<Record<string, unknown>>): string {
  if (details.promptTokens !== undefined) return "context_length_exceeded";
  if (code === "too_large" && ("neededBytes" in details || "entry" in details)) return "no_room_here";
  if (code === "unauthorized") return code;
  if (code === "aborted") return "not_opened";
  return "failed_here";
}
