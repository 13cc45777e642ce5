/** Our errors as OpenAI's clients expect them: one table from code to status, one shape of body. */
import { z } from "zod";
import { type ErrorCode, OcellusError } from "../core/base/index.js";
import { guardReportsSchema, wireGuardReports } from "./guards.js";

export const errorBodySchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
    ocellus: z.object({ guards: guardReportsSchema }).optional(),
  })
  .meta({ id: "Error" });

export type ErrorBody = z.infer<typeof errorBodySchema>;

/** What of the file formats reaches a request is a fault of the server's own model, hence 500. */
const statuses = {
  invalid_request: 400,
  invalid_image: 400,
  unsupported: 400,
  blocked: 400, // as in OpenAI's and Azure's APIs
  unauthorized: 401,
  not_found: 404,
  too_large: 413,
  overloaded: 429,
  aborted: 499, // no one reads it: the client has gone (nginx's number)
  invalid_file: 500,
  invalid_config: 500,
  io: 500,
  internal: 500,
  unavailable: 503,
  closed: 503,
  timeout: 504,
} as const satisfies Readonly<Record<ErrorCode, number>>;

export type ErrorStatus = (typeof statuses)[ErrorCode];

const types: Readonly<Partial<Record<ErrorStatus, string>>> = {
  401: "authentication_error",
  429: "rate_limit_error",
  500: "server_error",
  503: "server_error",
  504: "server_error",
};

/**
 * The status and body of any error; what is unexpected is not shown to clients, only logged.
 * @param toOperator told why the server itself failed too: such messages may name paths
 */
export function errorResponse(error: unknown, toOperator = false): { status: ErrorStatus; body: ErrorBody } {
  const known = error instanceof OcellusError ? error : undefined;
  const code = known?.code ?? "internal";
  const { promptTokens, param, guards } = known?.details ?? {};
  // A prompt that does not fit the context is a 400 with this code in OpenAI's API, and clients look for it.
  if (promptTokens !== undefined)
    return { status: 400, body: body(400, known!.message, "context_length_exceeded", textOf(param)) };
  const status = statuses[code];
  const isHidden = status === 500 && (!toOperator || code === "internal");
  const message = isHidden ? "the server failed on this request; its log has the reason" : known!.message;
  const shown = code === "blocked" ? "content_filter" : code; // the word that clients know
  const said = body(status, message, shown, textOf(param));
  return { status, body: Array.isArray(guards) ? { ...said, ocellus: { guards: wireGuardReports(guards) } } : said };
}

/** The same as Anthropic's clients expect it; `param` and `code` are more than these know. */
export const anthropicErrorSchema = z
  .object({
    type: z.literal("error"),
    error: errorBodySchema.shape.error,
    request_id: z.string(),
    ocellus: errorBodySchema.shape.ocellus,
  })
  .meta({ id: "AnthropicError" });

const anthropicTypes: Readonly<Record<number, string>> = {
  401: "authentication_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  503: "overloaded_error",
  504: "timeout_error",
};

export function anthropicError(
  status: number,
  { error, ...rest }: ErrorBody,
  request_id: string,
): z.infer<typeof anthropicErrorSchema> {
  const type = anthropicTypes[status] ?? "invalid_request_error";
  return { type: "error", error: { ...error, type }, request_id, ...rest };
}

function textOf(param: unknown): string | null {
  return typeof param === "string" && param !== "" ? param : null;
}

function body(status: ErrorStatus, message: string, code: string, param: string | null = null): ErrorBody {
  return { error: { message, type: types[status] ?? "invalid_request_error", param, code } };
}
