/** `npm run engines`: the contract of test/engines.test.ts against the real engines, for a nightly run (some minutes each). */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../..");
const vitest = join(repository, "node_modules/vitest/vitest.mjs");
const env = { ...process.env, CI_ENGINES: "1" };
const args = [vitest, "run", "--project", "whole", "test/engines.test.ts"];
process.exit(spawnSync(process.execPath, args, { cwd: repository, env, stdio: "inherit" }).status ?? 1);
