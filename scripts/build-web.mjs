/**
 * Builds what browsers run: the page that a server shows into dist/web, then the scripts and styles of the report pages into
 * dist/web/reports, each whole in one file, for a report has to stand alone. `--reports` builds only these.
 */
import { resolve } from "node:path";
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

if (!process.argv.includes("--reports"))
  await build({ root: web, configFile: resolve(web, "vite.config.ts"), logLevel: "warn" });
for (const name of reports) await buildReport(name);
