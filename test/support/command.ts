/** The package compiled, for command lines and workers of the tests: from the sources a process takes three times as long to start. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

const repository = resolve(import.meta.dirname, "../.."); // folders.ts works in tests only
/** As far below the repository as dist/: the files of the package are found from there. */
export const compiled = join(repository, ".compiled");

/** What `spawn` takes. */
export function ocellusCommand(...args: readonly string[]): [file: string, args: string[]] {
  return [process.execPath, [join(compiled, "cli/bin.js"), ...args]];
}

/** Before the first test, and before each round of a watch; types are checked elsewhere, so it takes a second or two. */
export function setup(project: TestProject): void {
  compile();
  project.onTestsRerun(async () => compile());
}

function compile(): void {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(import.meta.dirname, "tsconfig.json"), "--noCheck"], {
    stdio: "inherit",
  });
}
