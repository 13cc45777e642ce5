/** The server as a function from Request to Response: routes, errors, and what happens around every request. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { OcellusError } from "../core/base/index.js";
import { errorResponse, ignoredHeader } from "../protocol/index.js";
import { addAccess } from "./access.js";
import { addGuarding } from "./guarding.js";
import { type App, type Env, RequestContext } from "./request-context.js";
import { cacheHeader } from "./request-stats.js";
import { addAdmin } from "./routes/admin.js";
import { addAttention } from "./routes/attention.js";
import { addBatches } from "./routes/batches.js";
import { addChatCompletions } from "./routes/chat-completions.js";
import { addCollections } from "./routes/collections.js";
import { addCompletions } from "./routes/completions.js";
import { addDocs } from "./routes/docs.js";
import { addDocumentImages } from "./routes/document-images.js";
import { addDocuments } from "./routes/documents.js";
import { addEmbeddings } from "./routes/embeddings.js";
import { addFiles } from "./routes/files.js";
import { addGuards } from "./routes/guards.js";
import { addHealth } from "./routes/health.js";
import { addImageText } from "./routes/image-text.js";
import { addMatch } from "./routes/match.js";
import { addMessages } from "./routes/messages.js";
import { addMetrics } from "./routes/metrics.js";
import { addModels } from "./routes/models.js";
import { addModerations } from "./routes/moderations.js";
import { addRerank } from "./routes/rerank.js";
import { addResponses } from "./routes/responses.js";
import { addWeb } from "./routes/web.js";
import { securityHeaders } from "./security-headers.js";
import type { Services } from "./services.js";

export function createApp(services: Services): App {
  const app: App = new OpenAPIHono<Env>();
  app.use(securityHeaders());
  addRequestContext(app, services);
  addErrors(app);
  if (services.config.corsOrigins.length > 0) app.use(cors({ origin: [...services.config.corsOrigins] }));
  addAccess(app, services);
  addGuarding(app);
  addChatCompletions(app);
  addResponses(app);
  addMessages(app);
  addCompletions(app, services);
  addEmbeddings(app, services);
  addRerank(app, services);
  addModerations(app, services);
  addGuards(app, services);
  addModels(app, services);
  addFiles(app, services);
  addBatches(app, services);
  addCollections(app, services);
  addAttention(app);
  addMatch(app, services);
  addDocuments(app, services);
  addDocumentImages(app, services);
  addImageText(app);
  addAdmin(app, services);
  addHealth(app, services);
  addMetrics(app, services);
  addDocs(app, services);
  if (services.webFolder !== undefined) addWeb(app, services.webFolder, services.browserModels);
  return app;
}

/** Gives every request its id, its deadline and its end. */
function addRequestContext(app: App, services: Services): void {
  app.use(async (c, next) => {
    const context = new RequestContext(c, services);
    c.set("context", context);
    c.header("x-request-id", context.id);
    try {
      await Promise.race([next(), new Promise<never>((_, reject) => context.onOverdue(reject))]);
    } catch (overdue) {
      context.end(errorResponse(context.reasonFor(overdue)).status, overdue); // next() itself never rejects
      throw overdue;
    }
    if (context.input.ignored.length > 0) c.header(ignoredHeader, context.input.ignored.join(", "));
    const cached = cacheHeader(context);
    if (cached !== undefined) c.header("x-ocellus-cache", cached);
    if (context.assignment) c.header("x-ocellus-version", context.assignment.resolution.tag);
    if (!context.isStreaming) context.end(c.res.status, c.error);
  });
}

function addErrors(app: App): void {
  app.onError((error, c) => {
    const context = c.get("context");
    const { status, body } = errorResponse(context.reasonFor(error), context.caller.isOperator);
    const retryAfterMs = error instanceof OcellusError ? error.details.retryAfterMs : undefined;
    if (typeof retryAfterMs === "number") c.header("retry-after", String(Math.ceil(retryAfterMs / 1000)));
    // The deadline would pass again: official clients repeat a 504 unless they are told not to.
    if (status === 504) c.header("x-should-retry", "false");
    return c.json(context.errorBody(status, body), status as 500);
  });
  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path);
    if (allowed.length > 0 && !allowed.includes(c.req.method)) {
      c.header("allow", allowed.join(", "));
      const wrong = new OcellusError(
        "unsupported",
        `${c.req.path} is not there for ${c.req.method}: expected ${allowed.join(", ")}`,
      );
      return c.json(c.get("context").errorBody(405, errorResponse(wrong).body), 405);
    }
    const missing = new OcellusError("not_found", `there is no ${c.req.method} ${c.req.path} here; see /docs`);
    return c.json(c.get("context").errorBody(404, errorResponse(missing).body), 404);
  });
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The methods that a path has a route of its own for; middleware is there for all. */
function methodsOf(app: App, path: string): string[] {
  const found = methods.filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );
  return found.includes("GET") ? ["GET", "HEAD", ...found.slice(1)] : found;
}
