/**
 * Every hostile checkpoint is refused with one line within a second of processor time, and its audit takes no longer. All
 * run in one process that may not write, start anything or load native code (Node's permission model), and that grows by
 * less than 200 MB over all of them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { repository, temporaryFolder } from "../support/folders.js";
import { allCases } from "./all-cases.js";
import type { Confined } from "./confined.js";
import { canary } from "./pickle-cases.js";

const root = temporaryFolder();
const maxCpuMs = 1000;
const maxGrowthBytes = 200e6;
let confined: Confined;

/** The child as plain JavaScript in a folder of its own: beside a confined process there can be no loader. */
function compileChild(): string {
  const out = join(root, "js");
  const config = {
    extends: join(repository, "tsconfig.json"),
    compilerOptions: { noEmit: false, noCheck: true, types: [], outDir: out, rootDir: repository },
    files: [join(repository, "test/hostile/confined.ts")],
    include: [],
  };
  mkdirSync(out);
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(out, "package.json"), '{"type":"module"}');
  symlinkSync(join(repository, "node_modules"), join(out, "node_modules"));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json")], { stdio: "inherit" });
  return join(out, "test/hostile/confined.js");
}

function writeCases(): string[] {
  return allCases.map((hostile, n) => {
    const folder = join(root, String(n));
    mkdirSync(folder);
    hostile.write(folder);
    return join(folder, hostile.open ?? ".");
  });
}

function runConfined(child: string, paths: readonly string[]): Confined {
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  const permission = major > 22 || (major === 22 && minor >= 13) ? "--permission" : "--experimental-permission";
  writeFileSync(join(root, "paths.json"), JSON.stringify(paths));
  const options = [permission, "--allow-fs-read=*", "--no-warnings", "--expose-gc", child, join(root, "paths.json")];
  const output = execFileSync(process.execPath, options, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  return JSON.parse(output) as Confined;
}

beforeAll(() => {
  confined = runConfined(compileChild(), writeCases());
}, 300_000);

describe("hostile checkpoints", () => {
  it.each(allCases.map((hostile, n) => [hostile.name, hostile, n] as const))("refuses %s", (_, hostile, n) => {
    const { loading, audit } = confined.results[n]!;
    expect(loading.text).toContain(hostile.reason);
    expect(loading.code).toMatch(/^(invalid_file|invalid_config|too_large|unsupported|not_found|io)$/);
    expect(loading.text.replaceAll(root, "").length).toBeLessThanOrEqual(300);
    expect(loading.text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(loading.cpuMs).toBeLessThan(maxCpuMs);

    expect(audit.text).not.toContain("not ours");
    if (hostile.isDangerous) expect(audit.text).toBe("dangerous");
    expect(audit.cpuMs).toBeLessThan(maxCpuMs);
  });

  it("are many, and none stands twice", () => {
    expect(allCases.length).toBeGreaterThan(400);
    expect(new Set(allCases.map(({ name }) => name)).size).toBe(allCases.length);
  });

  it("take less than 200 MB, all of them together", () => {
    expect(confined.peakBytes - confined.baselineBytes).toBeLessThan(maxGrowthBytes);
  });

  it("make no one load what starts processes or runs text as code, and leave no trace", () => {
    expect(confined.loadedModules).toEqual([]);
    expect([canary, join(root, canary)].filter((path) => existsSync(path))).toEqual([]);
  });
});
