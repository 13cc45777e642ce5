import { defineConfig } from "vitest/config";

// unit: beside the source, fast. whole: spans rooms, runs real sessions and the command line.
export default defineConfig({
  test: {
    // Both of two cores: the default leaves one of them idle.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["{src,web/src}/**/*.test.ts", "test/architecture.test.ts"],
          testTimeout: 20_000,
          hookTimeout: 20_000,
        },
      },
      {
        test: {
          name: "whole",
          include: ["test/**/*.test.ts"],
          globalSetup: "test/support/command.ts",
          exclude: ["test/architecture.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000, // models are loaded in hooks
        },
      },
    ],
  },
});
