/** GET /health/live: the process answers. GET /health/ready: questions are welcome; 503 while loading or draining. */
import { z } from "@hono/zod-openapi";
import { backendCountsSchema } from "../../protocol/index.js";
import { backendCounts } from "../backends.js";
import type { App } from "../request-context.js";
import { addRoute } from "../route.js";
import type { Services } from "../services.js";

const healthSchema = z.object({
  status: z.enum(["ok", "loading", "draining"]),
  /** Of models whose engines are elsewhere, by model. */
  backends: z.record(z.string(), backendCountsSchema).optional(),
  /** Of a server with --redis-url: `local` while the store is away, and each server keeps the whole limit by itself. */
  rate_limits: z.enum(["shared", "local"]).optional(),
});
const liveSchema = z.object({ status: z.literal("ok"), version: z.string() });

export function addHealth(app: App, services: Services): void {
  const { models, lifecycle, version, rates } = services;
  addRoute(app, { method: "get", path: "/health/live", summary: "The process answers.", answer: liveSchema }, (c) =>
    c.json({ status: "ok", version }),
  );
  const other = { status: 503, description: "Not yet, or not any more.", answer: healthSchema };
  addRoute(
    app,
    {
      method: "get",
      path: "/health/ready",
      summary: "Questions are welcome; 503 while models load or the server is being stopped.",
      answer: healthSchema,
      other,
    },
    (c) => {
      const status = lifecycle.isDraining ? "draining" : models.isReady ? "ok" : "loading";
      const { backends } = services;
      const { isShared } = rates;
      const more = {
        ...(backends && { backends: backendCounts(backends) }),
        ...(isShared !== undefined && { rate_limits: isShared ? ("shared" as const) : ("local" as const) }),
      };
      return c.json({ status, ...more }, status === "ok" ? 200 : 503);
    },
  );
}
