/** The package compiled and its report pages built, for command lines and workers of the tests: from the sources a process takes three times as long to start. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

const repository = resolve(import.meta.dirname, "../.."); // folders.ts works in tests only
/** As far below the repository as dist/: the files of the package are found from there. */
export const compiled = join(repository, ".compiled");

/** What `spawn` takes. */
export function ocellusCommand(...args: readonly string[]): [file: string, args: string[]] {
  return [process.execPath, [join(compiled, "cli/bin.js"), ...args]];
}

declare module "vitest" {
  interface ProvidedContext {
    /** For what is made once in a run, by the first test file that wants it. */
    readonly runFolder: string;
  }
}

/** Before the first test, and before each round of a watch; types are checked elsewhere, so it takes a second or two. */
export function setup(project: TestProject): () => void {
  compile();
  project.onTestsRerun(async () => compile());
  const runFolder = mkdtempSync(join(tmpdir(), "ocellus-run-"));
  project.provide("runFolder", runFolder);
  return () => rmSync(runFolder, { recursive: true, force: true });
}

/** Into `compiled`; also for benches that run the command line. */
export function compile(): void {
  if (!areReportsBuilt()) {
    const { NODE_ENV: _, ...env } = process.env; // of a test: the pages are built as they are shipped
    execFileSync(process.execPath, ["scripts/build-web.mjs", "--reports"], { cwd: repository, env, stdio: "inherit" });
  }
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(import.meta.dirname, "tsconfig.json"), "--noCheck"], {
    stdio: "inherit",
  });
}

/** The scripts of the report pages are newer than all that they are made of. */
function areReportsBuilt(): boolean {
  const built = join(repository, "dist/web/reports");
  if (!existsSync(built)) return false;
  const changed = (path: string) => statSync(path).mtimeMs;
  const filesIn = (folder: string) => readdirSync(folder).map((name) => changed(join(folder, name)));
  const sources = [...filesIn(join(repository, "web/src/reports")), changed(join(repository, "scripts/build-web.mjs"))];
  return Math.max(...sources) < Math.min(...filesIn(built));
}
