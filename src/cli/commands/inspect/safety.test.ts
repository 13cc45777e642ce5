import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../../main.js";

const fixtures = resolve(import.meta.dirname, "../../../core/checkpoint/fixtures");
const folder = mkdtempSync(join(tmpdir(), "ocellus-safe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function inspectSafe(path: string, ...more: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["inspect", path, "--safe", ...more]), ...written };
}

describe("ocellus inspect --safe", () => {
  it("names what a dangerous file would call, and ends with exit code 4", async () => {
    const { code, stdout, stderr } = await inspectSafe(join(fixtures, "evil.bin"));
    expect(code).toBe(4);
    expect(stdout).toContain('loading it would call posix.system with ("touch pwned")');
    expect(stdout).toContain("imports posix.system");
    expect(stderr).toMatch(/^error: dangerous: .*evil\.bin.*\n$/);
  });

  it("gives a verdict for every file of a folder, as JSON too", async () => {
    const { code, stdout } = await inspectSafe(fixtures, "--json");
    const { verdict, files } = JSON.parse(stdout) as { verdict: string; files: { path: string; verdict: string }[] };
    expect({ code, verdict }).toEqual({ code: 4, verdict: "dangerous" });
    const found = Object.fromEntries(files.map((file) => [file.path.slice(fixtures.length + 1), file.verdict]));
    expect(found).toMatchObject({ "evil.bin": "dangerous", "legacy.bin": "safe", "state.bin": "safe" });
  });

  it("takes a single pickle of any name, and is content with a safe file", async () => {
    writeFileSync(join(folder, "stranger.pkl"), "cos\nsystem\n(S'ls'\ntR.");
    expect((await inspectSafe(join(folder, "stranger.pkl"))).code).toBe(4);
    expect(await inspectSafe(join(fixtures, "state.bin"))).toMatchObject({ code: 0, stderr: "" });
  });

  it("says so when a folder holds nothing that could hold code", async () => {
    const empty = mkdtempSync(join(folder, "empty-"));
    expect((await inspectSafe(empty)).stdout).toContain("no file here could hold code");
  });

  it("shows no terminal command that a file may hold", async () => {
    writeFileSync(join(folder, "escape.pkl"), "cos\nsystem\n(S'\x1b[2J'\ntR.");
    expect((await inspectSafe(join(folder, "escape.pkl"))).stdout).not.toContain("\x1b");
  });
});
