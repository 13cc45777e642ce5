/**
 * Builds what browsers run: the page that a server shows into dist/web, then the scripts and styles of the report pages into
 * dist/web/reports, each whole in one file, for a report has to stand alone. `--reports` builds only these.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** The script that runs models, a third of all bytes of the page, is stored as it is sent (src/server/routes/web.ts). */
function compressWorker() {
  const assets = resolve(web, "../dist/web/assets");
  for (const name of readdirSync(assets).filter((each) => /^model-worker-.+\.js$/.test(each))) {
    const path = join(assets, name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    rmSync(path);
  }
}

if (!process.argv.includes("--reports")) {
  await build({ root: web, configFile: resolve(web, "vite.config.ts"), logLevel: "warn" });
  compressWorker();
}
for (const name of reports) await buildReport(name);
