/**
 * A site with the browser's entry and packed models, as anybody would serve it: static files. Pages below /isolated/ are sent the headers that give
 * WebAssembly its threads.
 */
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { build, type Rolldown } from "vite";
import { repository, temporaryFolder } from "./folders.js";

export interface WebSite {
  readonly url: string;
  /** What the bundle is made of. */
  readonly modules: readonly string[];
  close(): Promise<void>;
}

const mediaTypes: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** @param models folders of packed models by their names */
export async function openWebSite(models: Readonly<Record<string, string>>): Promise<WebSite> {
  const outDir = join(temporaryFolder(), "site");
  const built = await build({
    ...{ root: join(repository, "test/support/web-page"), configFile: false, logLevel: "error", base: "./" },
    worker: { format: "es" },
    build: { outDir, minify: false, target: "esnext", assetsInlineLimit: 0 },
  });
  const { output } = built as Rolldown.RolldownOutput;
  const server = createServer((request, response) => {
    const path = new URL(request.url!, "http://site").pathname.replace(/^\/isolated/, "");
    const [, model] = /^\/models\/([^/]+)\/$/.exec(path) ?? [];
    if (model !== undefined) return void response.end(JSON.stringify(readdirSync(models[model]!)));
    const file = path.startsWith("/models/") ? modelFile(path) : join(outDir, path === "/" ? "index.html" : path);
    if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    const headers = {
      "content-type": mediaTypes[extname(file)] ?? "application/octet-stream",
      ...isolatedFor(request.url!),
    };
    createReadStream(file).pipe(response.writeHead(200, headers));
  });
  const modelFile = (path: string) => {
    const [name, file] = path.slice("/models/".length).split("/") as [string, string];
    return join(models[name]!, file);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    modules: output.flatMap((chunk) => ("moduleIds" in chunk ? chunk.moduleIds : [])),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isolatedFor(path: string) {
  return path.startsWith("/isolated/") ? isolated : {};
}
