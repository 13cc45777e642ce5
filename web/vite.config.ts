/** The page: built once into dist/web, which `ocellus serve` serves. `npx vite web` develops it beside a running server. */
import { resolve } from "node:path";
import { defineConfig } from "vite";

const server = process.env.OCELLUS_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: import.meta.dirname,
  base: "./", // also behind a proxy that puts a path before it
  build: {
    outDir: resolve(import.meta.dirname, "../dist/web"),
    emptyOutDir: true,
    license: { fileName: "licenses.md" },
  },
  server: { proxy: { "/assets/pictures": server, "/v1": server, "/health": server, "/metrics": server } },
});
