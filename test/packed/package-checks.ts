/**
 * What the package may hold: a budget of bytes and files, the kinds of files that its commands need, and no word from publint
 * or are-the-types-wrong. Both linters read the packed file, not the folder.
 */
import { spawnSync } from "node:child_process";

export interface PackedPackage {
  readonly filename: string;
  readonly files: readonly PackedFile[];
}

interface PackedFile {
  readonly path: string;
  readonly size: number;
}

/**
 * Unpacked, without the bundled model: what everyone downloads beside the models they chose. It was 6 MB until the runtime of the
 * browser, tuning and the page's rooms for seeing came (docs/decisions/0020-size-of-the-package.md).
 */
const maxBytes = 7_000_000;
/** Two files a module (code, types), and what the page, the examples and the sample of the exam hold. */
const maxFiles = 1_700;
const model = "checkpoints/";
const allowed =
  /^(dist\/.+\.(js|d\.ts)|dist\/web\/.+|checkpoints\/ocellus-tiny\/.+|examples\/.+|eval\/sample\/.+|calibration\/.+\.txt|[^/]+\.(md|json)|LICENSE)$/;
const forbidden = /\.map$|\.(test|testkit)\./;

export function packageFaults(files: readonly PackedFile[]): { faults: string[]; summary: string } {
  const bytes = files.reduce((sum, { path, size }) => sum + (path.startsWith(model) ? 0 : size), 0);
  const summary = `${files.length} files, ${(bytes / 1e6).toFixed(2)} MB without the model`;
  const faults = files
    .filter(({ path }) => !allowed.test(path) || forbidden.test(path))
    .map(({ path }) => `${path}: no command needs it; see "files" in package.json`);
  if (bytes > maxBytes)
    faults.push(`expected at most ${maxBytes / 1e6} MB without the model; largest: ${largest(files)}`);
  if (files.length > maxFiles) faults.push(`expected at most ${maxFiles} files`);
  return { faults, summary };
}

function largest(files: readonly PackedFile[]): string {
  const others = files.filter(({ path }) => !path.startsWith(model)).sort((a, b) => b.size - a.size);
  return others
    .slice(0, 5)
    .map(({ path, size }) => `${path} (${Math.round(size / 1000)} kB)`)
    .join(", ");
}

/** An ESM package: what CommonJS and TypeScript's old module resolution make of it is not promised. */
const linters = [
  ["publint", "--strict"],
  ["attw", "--profile", "esm-only", "--no-emoji"],
] as const;

/** The reports of those that found something. */
export function lintFaults(repository: string, file: string): string[] {
  return linters.flatMap(([program, ...options]) => {
    const run = spawnSync("npx", ["--no-install", program, file, ...options], { cwd: repository, encoding: "utf8" });
    return run.status === 0 ? [] : [`${program}: ${run.stdout}${run.stderr}`];
  });
}
