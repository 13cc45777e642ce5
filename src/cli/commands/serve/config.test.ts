import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../../main.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function config(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["serve", "--print-config", ...argv]), ...written };
}
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function settings(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

describe("ocellus serve --print-config", () => {
  it("takes a flag before a variable before a file before the default, and says which it was", async () => {
    const file = settings("all.json", { port: 1, maxQueue: 1, maxPixelBytes: 1000, host: "127.0.0.2" });
    vi.stubEnv("OCELLUS_MAX_QUEUE", "2");
    vi.stubEnv("OCELLUS_MAX_PIXEL_BYTES", "64m");
    const { code, stdout } = await config("--config", file, "--max-pixel-bytes", "2g");
    expect(code).toBe(0);
    const rows = Object.fromEntries(stdout.split("\n").map((row) => [row.split(/\s+/)[0], row]));
    expect(rows.maxPixelBytes).toMatch(/2147483648 +--max-pixel-bytes$/);
    expect(rows.maxQueue).toMatch(/ 2 +OCELLUS_MAX_QUEUE$/);
    expect(rows.host).toMatch(/"127\.0\.0\.2" +.*all\.json$/);
    expect(rows.deadlineMs).toMatch(/ 300000 +default$/);
  });

  it("prints as JSON what --config reads again, with units spelled out and models in their order", async () => {
    const flags = ["--model", "a=x", "--model", "b=y", "--deadline-ms", "2min", "--no-auth", "--weights", "int4,fp32"];
    const first = await config(...flags, "--json");
    expect(JSON.parse(first.stdout)).toMatchObject({
      models: ["a=x", "b=y"],
      deadlineMs: 120_000,
      auth: false,
      weights: ["int4", "fp32"],
    });
    vi.restoreAllMocks();
    const again = await config("--config", settings("again.json", first.stdout), "--json");
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first.stdout));
  });

  it.each([
    [{ maxQueu: 1 }, [], {}, /\bmaxQueu\b.*\bmaxQueue\b/],
    [{ maxQueue: "many" }, [], {}, /maxQueue \(from .*file\.json\)/],
    ["{", [], {}, /file\.json.*JSON/],
    [{}, [], { OCELLUS_PORT: "70000" }, /port \(from OCELLUS_PORT\)/],
    [{}, [], { OCELLUS_DRAIN_MS: "soon" }, /OCELLUS_DRAIN_MS: .*"soon"/],
    [{}, ["--max-queue", "1.5"], {}, /--max-queue <number>.*'1\.5'/],
  ])("refuses %j with %j and %j, and says where it stands", async (json, flags, environment, message) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    const { code, stderr } = await config("--config", settings("file.json", json), ...flags);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
