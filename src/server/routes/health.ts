/** GET /health/live: the process answers. GET /health/ready: questions are welcome; 503 while loading or draining. */
import type { App } from "../request-context.js";
import type { Services } from "../services.js";

export function addHealth(app: App, { models, lifecycle, version }: Services): void {
  app.get("/health/live", (c) => c.json({ status: "ok", version }));
  app.get("/health/ready", (c) => {
    const status = lifecycle.isDraining ? "draining" : models.isReady ? "ok" : "loading";
    return c.json({ status }, status === "ok" ? 200 : 503);
  });
}
