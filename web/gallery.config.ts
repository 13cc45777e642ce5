/** The gallery: every state of the page from fixed data, for tests and pictures. It is built by these alone, and is not in the package. */
import { resolve } from "node:path";
import { defineConfig } from "vite";
import { rolldownOptions, worker } from "./vite.config.js";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  worker,
  build: {
    emptyOutDir: true,
    rolldownOptions: { ...rolldownOptions, input: resolve(import.meta.dirname, "gallery.html") },
  },
});
