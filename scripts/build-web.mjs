/**
 * Builds what browsers run: the page that a server shows into dist/web, then the scripts and styles of the report pages into
 * dist/web/reports, each whole in one file, for a report has to stand alone. `--reports` builds only these.
 */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const web = resolve(import.meta.dirname, "../web");
const reports = ["inspect", "diff", "trace", "golden", "roc"];

async function buildReport(name) {
  await build({
    ...{ root: web, configFile: false, logLevel: "warn" },
    build: {
      lib: {
        entry: `src/reports/${name}.ts`,
        name: "report",
        formats: ["iife"],
        fileName: () => `${name}.js`,
        cssFileName: name,
      },
      outDir: resolve(web, "../dist/web/reports"),
      emptyOutDir: false,
    },
  });
}

/** Scripts from this size on are stored as they are sent (src/server/routes/web.ts): they are most of the page's bytes. */
const largeBytes = 100_000;

function compressLarge() {
  const assets = resolve(web, "../dist/web/assets");
  for (const path of readdirSync(assets).map((name) => join(assets, name))) {
    if (!path.endsWith(".js") || statSync(path).size < largeBytes) continue;
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    rmSync(path);
  }
}

if (!process.argv.includes("--reports")) {
  await build({ root: web, configFile: resolve(web, "vite.config.ts"), logLevel: "warn" });
  compressLarge();
}
for (const name of reports) await buildReport(name);
