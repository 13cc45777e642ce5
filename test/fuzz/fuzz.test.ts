/** `npm run fuzz` starts outside the test runner, and its readers take valid and damaged inputs. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

it("runs a target as the command line does", () => {
  const command = ["--import", import.meta.resolve("tsx"), join(import.meta.dirname, "run.ts")];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, "safetensors", "--seconds", "1"], {
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/[1-9]\d* iterations/);
});
