import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.js";

// The head of test/support/compiled-scripts.ts has the reason.
const alias = [{ find: /^\.\/worker-script\.js$/, replacement: resolve("test/support/compiled-scripts.ts") }];

const common = {
  setupFiles: ["test/support/afterwards.ts", ...(process.env.CI ? ["test/support/seed.ts"] : [])],
  // A machine may be slow, and stall: what takes longer than this hangs.
  ...{ testTimeout: 120_000, hookTimeout: 120_000 },
};

/** A module is loaded once for all files of a process: what a file sets, it sets back. A file that needs a fresh process stands in `alone`. */
const together = {
  isolate: false,
  execArgv: ["--max-old-space-size=8192"], // what all these files hold together is above Node's own limit
};

/** They start processes and browsers, replace modules, count work (test/support/counted-work.ts), ask what a process loads, or read images as a browser does. */
const alone = [
  "test/{e2e,hostile}/**/*.test.ts",
  "test/{browser,demo-web,guard-linear,guard-side-doors,linear-patterns,nothing-leaves,optional-packages,report-page}.test.ts",
  "test/{serve-sockets,trace-page,tune-vision,webgpu}.test.ts",
  "web/src/in-browser/*.test.ts",
];

// unit: beside the source, fast. whole: spans rooms, runs real sessions and the command line; alone: those with a process of their own.
export default defineConfig({
  test: {
    // One more than there are cores: where whole tests wait for a server or a browser, another file runs. The default leaves a core idle.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    globalSetup: "test/support/command.ts",
    projects: [
      {
        resolve: { alias },
        test: {
          ...{ ...common, ...together, name: "unit" },
          include: ["{src,web/src}/**/*.test.ts", "test/architecture.test.ts"],
          exclude: alone,
        },
      },
      {
        resolve: { alias },
        test: {
          ...{ ...common, ...together, name: "whole" },
          include: ["test/**/*.test.ts"],
          exclude: ["test/architecture.test.ts", ...alone],
        },
      },
      { resolve: { alias }, test: { ...common, name: "alone", include: alone } },
    ],
  },
});
