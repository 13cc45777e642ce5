/**
 * The web page: files from one folder, index.html for the root, and the package's example pictures. A clone in which it was not
 * built says how to build it.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { serveStatic } from "@hono/node-server/serve-static";
import type { MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import type { BrowserModels } from "../browser-models.js";
import type { App } from "../request-context.js";
import { computingPagePolicy, pagePolicy, plainPolicy } from "../security-headers.js";

const notBuilt = `<!doctype html><meta charset="utf-8"><title>Ocellus</title>
<body style="font: 1.1rem/1.6 system-ui; max-width: 36rem; margin: 15vh auto; padding: 0 1rem">
<p>The server runs; its API is at <code>/v1</code>. The page has not been built in this clone: run
<code>npm run build:web</code> (some seconds), then reload.`;

/** As far above dist/ as above src/. */
const examples = join(import.meta.dirname, "../../../examples");
const pictures = "/assets/pictures/";

/** Of onnxruntime-web: the page names its version, so that browsers keep the files of one and not those of another. */
const runtime = /^\/assets\/onnxruntime\/[\w.-]+(?=\/)/;

const unpack = promisify(gunzip);
const plainHeaders = { "content-security-policy": plainPolicy };

/** @param browserModels absent: the page runs no models itself, and may not. */
export function addWeb(app: App, folder: string, browserModels?: BrowserModels): void {
  const addHeaders = pageHeaders(browserModels !== undefined);
  let files: MiddlewareHandler | undefined; // a folder that is not there yet it would complain of
  const examplePictures = serveStatic({
    root: examples,
    rewriteRequestPath: (path) => path.slice("/assets".length),
  });
  const runtimeFiles = serveStatic({
    root: browserModels?.runtimeFolder ?? folder,
    rewriteRequestPath: (path) => path.replace(runtime, ""),
  });
  // By name: a pattern for everything would be in the metrics in the place of every other route.
  app.on("GET", ["/", "/assets/*", "/licenses.md"], compress(), async (c, next) => {
    // Looked for at each request: who builds the page meanwhile need not start the server again.
    if (!existsSync(join(folder, "index.html")))
      return c.req.path === "/" ? c.html(notBuilt, 503, plainHeaders) : next();
    files ??= serveStatic({ root: folder });
    const isRuntime = runtime.test(c.req.path) && browserModels?.isRuntimeFile(c.req.path.replace(runtime, ""));
    const serve = isRuntime ? runtimeFiles : c.req.path.startsWith(pictures) ? examplePictures : files;
    const found =
      (await compressedScript(folder, c.req.path, c.req.header("accept-encoding"))) ?? (await serve(c, next));
    if (found instanceof Response) addHeaders(c.req.path, found.headers);
    return found;
  });
}

const script = /^\/assets\/[\w.-]+\.js$/;

/** One that is stored compressed alone, as the package has its large ones; undefined: there is none of this name. */
async function compressedScript(folder: string, path: string, accepted = ""): Promise<Response | undefined> {
  const file = join(folder, `${path}.gz`);
  if (!script.test(path) || !existsSync(file)) return undefined;
  const bytes = await readFile(file);
  const takesGzip = /\bgzip\b/.test(accepted);
  const headers = { "content-type": "text/javascript; charset=utf-8", vary: "accept-encoding" };
  return takesGzip
    ? new Response(bytes, { headers: { ...headers, "content-encoding": "gzip" } })
    : new Response(await unpack(bytes), { headers });
}

/** A page that runs models shares no memory with other sites, so that WebAssembly may have threads. */
function pageHeaders(isComputing: boolean): (path: string, headers: Headers) => void {
  return (path, headers) => {
    headers.set("content-security-policy", isComputing ? computingPagePolicy : pagePolicy);
    if (isComputing) headers.set("cross-origin-embedder-policy", "require-corp");
    // Names under assets/ have a digest or a version in them, but for the pictures; index.html names the assets of its build.
    const isAsset = path.startsWith("/assets/") && !path.startsWith(pictures);
    headers.set("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache");
  };
}
