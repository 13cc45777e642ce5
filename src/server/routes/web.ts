/** The web page: files from one folder, and index.html for the root. */
import { serveStatic } from "@hono/node-server/serve-static";
import type { App } from "../exchange.js";

export function addWeb(app: App, folder: string): void {
  app.use("/*", serveStatic({ root: folder }));
}
