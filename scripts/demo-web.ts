/**
 * `npm run demo:web`: the bundled model in a page without a server. Writes a folder that any static host can serve, says how
 * large it is, and serves it here.
 *   npm run demo:web -- [--out demo-site] [--port 8090] [--build]      --build: write it and stop
 */
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join, relative, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { build } from "vite";
import { formatBytes } from "../src/core/base/index.js";
import { pack, webPlan } from "../src/core/pack/index.js";
import { isolation, serveFolder } from "./static-server.js";

const root = resolve(import.meta.dirname, "..");
const compress = promisify(brotliCompress);

export interface SiteSize {
  /** As stored on the host. */
  readonly plainBytes: number;
  /** As a host sends it that compresses what gains by it. */
  readonly sentBytes: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: "string", default: join(root, "demo-site") },
      port: { type: "string", default: "8090" },
      build: { type: "boolean", default: false },
    },
  });
  const { plainBytes, sentBytes } = await buildDemo(values.out);
  console.log(`${values.out}: ${formatBytes(plainBytes)}, sent compressed ${formatBytes(sentBytes)}`);
  if (values.build) return;
  const server = await serveFolder(values.out, Number(values.port));
  console.log(`${server.url}  (Ctrl+C ends it)`);
}

/** Replaces the folder. */
export async function buildDemo(out: string): Promise<SiteSize> {
  await rm(out, { recursive: true, force: true });
  await buildPage(out);
  const ort = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  await mkdir(join(out, "ort"), { recursive: true });
  for (const name of ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"])
    await copyFile(join(ort, name), join(out, "ort", name));
  await cp(join(root, "examples/pictures"), join(out, "assets/pictures"), { recursive: true });
  await pack(join(root, "checkpoints/ocellus-tiny"), { plan: webPlan({}), forWeb: true, into: join(out, "model") });
  await Promise.all(
    (await filesOf(join(out, "model"))).filter((path) => path.endsWith(".onnx")).map((path) => rm(path)), // pages build them
  );
  await writeServiceWorker(out);
  await writeFile(join(out, "_headers"), headersFile());
  return compressAll(out);
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

const gains = new Set([".html", ".js", ".mjs", ".css", ".json", ".wasm", ".svg", ".md"]);

/** Writes what a server may send instead beside each file that gains by it. */
async function compressAll(out: string): Promise<SiteSize> {
  let [plainBytes, sentBytes] = [0, 0];
  for (const path of await filesOf(out)) {
    const { size } = await stat(path);
    plainBytes += size;
    const packed = gains.has(extname(path)) && size > 1024 ? await compressed(path) : undefined;
    if (packed) await writeFile(`${path}.br`, packed);
    sentBytes += packed?.length ?? size;
  }
  return { plainBytes, sentBytes };
}

/** Level 9: the highest takes half a minute for ONNX Runtime and gains 3 %. */
async function compressed(path: string): Promise<Buffer> {
  return compress(await readFile(path), { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) await main(process.argv.slice(2));
