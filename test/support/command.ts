/** The command line as its users run it, compiled: a process starts in a third of the time that it needs from the sources. */
import { execFileSync, type SpawnSyncOptions } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../.."); // folders.ts works in tests only
/** As far below the repository as dist/: the files of the package are found from there. */
const compiled = join(repository, ".compiled");

/** What `spawn` takes. */
export function ocellusCommand(...args: readonly string[]): [file: string, args: string[]] {
  return [process.execPath, [join(compiled, "cli/bin.js"), ...args]];
}

/** Before the first test; types are checked elsewhere, so it takes some seconds, and less where little has changed. */
export function setup(): void {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const fast = ["--noCheck", "--declaration", "false", "--incremental"];
  const places = ["--outDir", compiled, "--tsBuildInfoFile", join(compiled, ".tsbuildinfo")];
  const options: SpawnSyncOptions = { cwd: repository, stdio: "inherit" };
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...fast, ...places], options);
}
