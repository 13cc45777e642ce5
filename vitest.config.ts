import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.js";

// The head of test/support/compiled-scripts.ts has the reason.
const alias = [{ find: /^\.\/worker-script\.js$/, replacement: resolve("test/support/compiled-scripts.ts") }];

const setupFiles = process.env.CI ? ["test/support/seed.ts"] : [];

// A machine may be slow, and stall: what takes longer than this hangs.
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000 };

// unit: beside the source, fast. whole: spans rooms, runs real sessions and the command line.
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
          name: "unit",
          setupFiles,
          ...timeouts,
          include: ["{src,web/src}/**/*.test.ts", "test/architecture.test.ts"],
          isolate: false, // a module is loaded once for all files of a process: what a file sets, it sets back
          execArgv: ["--max-old-space-size=8192"], // what all these files hold together is above Node's own limit
        },
      },
      {
        resolve: { alias },
        test: {
          name: "whole",
          setupFiles,
          ...timeouts,
          include: ["test/**/*.test.ts"],
          exclude: ["test/architecture.test.ts"],
        },
      },
    ],
  },
});
