/** GET /metrics: for Prometheus; with `Accept: application/json`, the same numbers for a page. */
import type { App } from "../request-context.js";
import { addRoute } from "../route.js";
import type { Services } from "../services.js";

export function addMetrics(app: App, { metrics: { registry } }: Services): void {
  addRoute(
    app,
    { method: "get", path: "/metrics", summary: "Numbers for Prometheus.", mediaType: "text/plain" },
    async (c) => {
      if (/\bapplication\/json\b/.test(c.req.header("accept") ?? "")) return c.json(await registry.getMetricsAsJSON());
      return c.body(await registry.metrics(), 200, { "content-type": registry.contentType });
    },
  );
}
