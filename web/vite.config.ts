/** The page: built once into dist/web, which `ocellus serve` serves. `npx vite web` develops it beside a running server. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const server = process.env.OCELLUS_SERVER ?? "http://127.0.0.1:8080";

/** What a page runs models with comes from the server's own onnxruntime-web, beside the page's scripts: script and WebAssembly fit together. */
const runtimeFolder = resolve(dirname(fileURLToPath(import.meta.resolve("onnxruntime-web"))), "..");
const { version } = JSON.parse(readFileSync(resolve(runtimeFolder, "package.json"), "utf8")) as { version: string };
const paths = Object.fromEntries(
  ["wasm", "webgpu"].map((build) => [`onnxruntime-web/${build}`, `./onnxruntime/${version}/ort.${build}.min.mjs`]),
);
export const rolldownOptions = { external: Object.keys(paths), output: { paths } };
export const worker = { format: "es", rolldownOptions } as const;

export default defineConfig({
  root: import.meta.dirname,
  base: "./", // also behind a proxy that puts a path before it
  worker,
  build: {
    rolldownOptions,
    outDir: resolve(import.meta.dirname, "../dist/web"),
    emptyOutDir: true,
    license: { fileName: "licenses.md" },
  },
  server: { proxy: { "/assets/pictures": server, "/v1": server, "/health": server, "/metrics": server } },
});
