/**
 * `npm run demo:web`: the bundled model in a page without a server. Writes a folder that any static host can serve, says how
 * large it is, and serves it here.
 *   npm run demo:web -- [--out demo-site] [--port 8090] [--build]      --build: write it and stop
 */
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { gzip } from "node:zlib";
import { build } from "vite";
import { formatBytes } from "../src/core/base/index.js";
import { pack, webPlan } from "../src/core/pack/index.js";
import { isolation, serveFolder } from "./static-server.js";

const root = resolve(import.meta.dirname, "..");
const compress = promisify(gzip);

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: "string", default: join(root, "demo-site") },
      port: { type: "string", default: "8090" },
      build: { type: "boolean", default: false },
    },
  });
  const sizeBytes = await buildDemo(values.out);
  console.log(`${values.out}: ${formatBytes(sizeBytes)}`);
  if (values.build) return;
  const server = await serveFolder(values.out, Number(values.port));
  console.log(`${server.url}  (Ctrl+C ends it)`);
}

/** Replaces the folder. Returns its size, as stored. */
export async function buildDemo(out: string): Promise<number> {
  await rm(out, { recursive: true, force: true });
  await buildPage(out);
  await copyRuntime(join(out, "ort"));
  await cp(join(root, "examples/pictures"), join(out, "assets/pictures"), { recursive: true });
  await pack(join(root, "checkpoints/ocellus-tiny"), { plan: webPlan({}), forWeb: true, into: join(out, "model") });
  await Promise.all(
    (await filesOf(join(out, "model"))).filter((path) => path.endsWith(".onnx")).map((path) => rm(path)), // pages build them
  );
  await writeServiceWorker(out);
  await writeFile(join(out, "_headers"), headersFile());
  const sizes = await Promise.all((await filesOf(out)).map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Its WebAssembly compressed, which the page unpacks: most of the site otherwise. */
async function copyRuntime(out: string): Promise<void> {
  const wasm = "ort-wasm-simd-threaded.wasm";
  const dist = dirname(createRequire(import.meta.url).resolve(`onnxruntime-web/${wasm}`));
  await mkdir(out, { recursive: true });
  await copyFile(join(dist, "ort-wasm-simd-threaded.mjs"), join(out, "ort-wasm-simd-threaded.mjs"));
  await writeFile(join(out, `${wasm}.gz`), await compress(await readFile(join(dist, wasm)), { level: 9 }));
}

/** The page alone: of ONNX Runtime the files above, not what a bundler makes of its other variants. */
async function buildPage(out: string): Promise<void> {
  const web = join(root, "web");
  await build({
    root: web,
    base: "./",
    configFile: false,
    logLevel: "warn",
    worker: { format: "es" },
    build: {
      outDir: out,
      emptyOutDir: false,
      license: { fileName: "licenses.md" },
      rollupOptions: { input: join(web, "demo.html") },
    },
  });
  await rename(join(out, "demo.html"), join(out, "index.html"));
  for (const path of await filesOf(join(out, "assets"))) if (/ort-wasm.*\.(wasm|mjs)$/.test(path)) await rm(path);
}

/** What the page needs beside the model, which it stores itself. */
async function writeServiceWorker(out: string): Promise<void> {
  const paths = (await filesOf(out)).filter((path) => !path.startsWith(join(out, "model")));
  const names = paths.map((path) => relative(out, path).replaceAll("\\", "/")).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(name).update(await readFile(join(out, name)));
  const files = JSON.stringify(names.map((name) => (name === "index.html" ? "./" : name)));
  const source = await readFile(join(root, "web/src/demo/service-worker.js"), "utf8");
  const written = source
    .replace("const files = [];", `const files = ${files};`)
    .replace('const version = "";', `const version = "${hash.digest("hex").slice(0, 12)}";`);
  await writeFile(join(out, "service-worker.js"), written);
}

/** As Netlify and Cloudflare Pages read it. */
function headersFile(): string {
  const lines = Object.entries(isolation).map(([name, value]) => `  ${name}: ${value}`);
  return `/*\n${lines.join("\n")}\n/assets/*\n  cache-control: public, max-age=31536000, immutable\n`;
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) await main(process.argv.slice(2));
