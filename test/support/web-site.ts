/**
 * A site with the browser's entry and packed models, as any static server gives it, at two addresses: one whose pages are isolated from others,
 * which WebAssembly has its threads by, and one whose pages are not. Without vitest: a bench uses it too.
 */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Rolldown } from "vite";
import { serveFolder } from "../../scripts/static-server.js";

export interface WebSite {
  readonly url: string;
  readonly isolatedUrl: string;
  /** Paths that were asked for, at either. */
  readonly requests: readonly string[];
  /** Answers to requests for such paths wait until the function that is returned is called. */
  hold(paths: RegExp): () => void;
  /** What the bundle is made of. */
  readonly modules: readonly string[];
  close(): Promise<void>;
}

/**
 * @param folder where it is built
 * @param models folders of packed models by their names
 */
export async function openWebSite(folder: string, models: Readonly<Record<string, string>>): Promise<WebSite> {
  const modules = await buildPage(folder);
  mkdirSync(join(folder, "models"));
  for (const [name, path] of Object.entries(models)) {
    symlinkSync(path, join(folder, "models", name));
    writeFileSync(join(folder, "models", `${name}.json`), JSON.stringify(readdirSync(path)));
  }
  const requests: string[] = [];
  let held: { readonly paths: RegExp; readonly released: Promise<void> } | undefined;
  const before = async (path: string) => {
    requests.push(path);
    if (held?.paths.test(path)) await held.released;
  };
  const servers = await Promise.all([
    serveFolder(folder, 0, { headers: {}, before }),
    serveFolder(folder, 0, { before }),
  ]);
  return {
    ...{ url: servers[0].url, isolatedUrl: servers[1].url, requests, modules },
    hold(paths) {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      held = { paths, released };
      return release;
    },
    close: async () => void (await Promise.all(servers.map((server) => server.close()))),
  };
}

async function buildPage(outDir: string): Promise<string[]> {
  const built = await build({
    ...{ root: join(import.meta.dirname, "web-page"), configFile: false, logLevel: "error", base: "./" },
    worker: { format: "es" },
    build: { outDir, minify: false, target: "esnext", assetsInlineLimit: 0 },
  });
  const { output } = built as Rolldown.RolldownOutput;
  return output.flatMap((chunk) => ("moduleIds" in chunk ? chunk.moduleIds : []));
}
