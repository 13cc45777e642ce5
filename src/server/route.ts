/**
 * A route and its place in the OpenAPI document, in one call: what is documented is what is served, and a request is checked by the
 * schema that the document shows.
 */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { errorBodySchema } from "../protocol/index.js";
import { readRequest } from "./body.js";
import type { App, Env } from "./request-context.js";

interface RouteSpec<P extends string> {
  /** As Hono spells it: `/v1/models/:id{.+}`. */
  readonly path: P;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly answer?: z.ZodType;
  /** One event of the stream, where `stream: true` asks for one. */
  readonly event?: z.ZodType;
  /** Of an answer that is no JSON. */
  readonly mediaType?: string;
  /** What refusals look like, where it is not as in OpenAI's API. */
  readonly error?: z.ZodType;
  /** An answer of another status. */
  readonly other?: { readonly status: number; readonly description: string; readonly answer: z.ZodType };
}

interface PlainRoute<P extends string> extends RouteSpec<P> {
  readonly method: "get" | "post" | "delete";
  readonly form?: z.ZodObject;
}

interface JsonRoute<P extends string, S extends z.ZodObject> extends RouteSpec<P> {
  readonly request: S;
  /** Parameters that have no effect here, and are named in the answer's header. */
  readonly harmless?: readonly string[];
  readonly limits?: Parameters<typeof readRequest>[3];
}

type Answer = Response | Promise<Response>;

export function addRoute<P extends string>(
  app: App,
  route: PlainRoute<P>,
  handle: (c: Context<Env, P>) => Answer,
): void {
  const { form } = route;
  document(app, route.method, route, form && { "multipart/form-data": { schema: form } });
  app[route.method](route.path, (c) => handle(c as Context<Env, P>));
}

/** A POST whose body is JSON by a schema. */
export function addJsonRoute<P extends string, S extends z.ZodObject>(
  app: App,
  route: JsonRoute<P, S>,
  handle: (c: Context<Env, P>, request: z.output<S>) => Answer,
): void {
  const { request, harmless, limits } = route;
  document(app, "post", route, { "application/json": { schema: request } });
  app.post(route.path, async (c) => handle(c as Context<Env, P>, await readRequest(c, request, harmless, limits)));
}

type Content = Readonly<Record<string, { readonly schema: z.ZodType }>>;

/** `/v1/models/:id{.+}` → `/v1/models/{id}`. */
function documentedPath(path: string): string {
  return path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
}

function document(app: App, method: PlainRoute<string>["method"], route: RouteSpec<string>, body?: Content): void {
  const { summary, query, answer, event, mediaType, other, error = errorBodySchema } = route;
  const path = documentedPath(route.path);
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    operationId: operationId(method, path),
    request: {
      ...(names.length > 0 && { params: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) }),
      ...(query && { query }),
      ...(body && { body: { content: body, required: true } }),
    },
    responses: {
      200: {
        description: "The answer.",
        content: {
          ...(answer && { "application/json": { schema: answer } }),
          ...(event && { "text/event-stream": { schema: event } }),
          ...(mediaType && { [mediaType]: { schema: z.string() } }),
        },
      },
      ...(other && {
        [other.status]: { description: other.description, content: { "application/json": { schema: other.answer } } },
      }),
      "4XX": { description: "Refused.", content: { "application/json": { schema: error } } },
      "5XX": { description: "Failed.", content: { "application/json": { schema: error } } },
    },
  });
}

/** `post /v1/chat/completions` → `postChatCompletions`. */
function operationId(method: string, path: string): string {
  const words = path
    .replace("/v1", "")
    .replace(/\{(\w+)\}/g, "by_$1")
    .split(/[/_]/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
