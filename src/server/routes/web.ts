/**
 * The web page: files from one folder, index.html for the root, and the package's example pictures. A clone in which it was not
 * built says how to build it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Context, MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import type { App } from "../request-context.js";
import { pagePolicy, plainPolicy } from "../security-headers.js";

const notBuilt = `<!doctype html><meta charset="utf-8"><title>Ocellus</title>
<body style="font: 1.1rem/1.6 system-ui; max-width: 36rem; margin: 15vh auto; padding: 0 1rem">
<p>The server runs; its API is at <code>/v1</code>. The page has not been built in this clone: run
<code>npm run build:web</code> (some seconds), then reload.`;

/** As far above dist/ as above src/. */
const examples = join(import.meta.dirname, "../../../examples");
const pictures = "/assets/pictures/";

const plainHeaders = { "content-security-policy": plainPolicy };

export function addWeb(app: App, folder: string): void {
  let files: MiddlewareHandler | undefined; // a folder that is not there yet it would complain of
  const examplePictures = serveStatic({
    root: examples,
    rewriteRequestPath: (path) => path.slice("/assets".length),
    onFound: addHeaders,
  });
  // By name: a pattern for everything would be in the metrics in the place of every other route.
  app.on("GET", ["/", "/assets/*", "/licenses.md"], compress(), (c, next) => {
    // Looked for at each request: who builds the page meanwhile need not start the server again.
    if (!existsSync(join(folder, "index.html")))
      return c.req.path === "/" ? Promise.resolve(c.html(notBuilt, 503, plainHeaders)) : next();
    files ??= serveStatic({ root: folder, onFound: addHeaders });
    return c.req.path.startsWith(pictures) ? examplePictures(c, next) : files(c, next);
  });
}

function addHeaders(_path: string, c: Context): void {
  c.header("content-security-policy", pagePolicy);
  // Names under assets/ have a digest in them, but for the pictures; index.html names the assets of its build.
  const isAsset = c.req.path.startsWith("/assets/") && !c.req.path.startsWith(pictures);
  c.header("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache");
}
