import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../../main.js";
import { bundledModel } from "../../package-files.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-quant-report-"));
vi.stubEnv("OCELLUS_CACHE", join(folder, "cache"));
afterAll(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["inspect", "quant-report", ...argv]), ...written };
}

describe("ocellus inspect quant-report", () => {
  it("says what two formats lose of the bundled demo model, and leaves no packing behind", async () => {
    const { code, stdout, stderr } = await run(bundledModel, "--formats", "fp32,int4-b32", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { formats, layers, kinds, tensors } = JSON.parse(stdout);
    const [fp32, int4] = formats;
    expect(fp32).toMatchObject({ format: "fp32", sameTop: 1 });
    expect(fp32.kl).toBeLessThan(1e-9);
    expect(int4.kl).toBeGreaterThan(fp32.kl);
    expect(int4.bytes).toBeLessThan(fp32.bytes / 2);
    for (const { relative } of [...layers, ...kinds, ...tensors])
      expect(relative["int8 b32"]).toBeLessThan(relative["int4 b32"] / 8);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  it("asks labelled questions in each format, each in a process of its own, and compares with fp32", async () => {
    const { code, stdout, stderr } = await run("--tasks", "--limit", "2", "--formats", "int8", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { checkpoint, formats } = JSON.parse(stdout);
    expect({ checkpoint, names: formats.map((each: { format: string }) => each.format) }).toEqual({
      checkpoint: bundledModel,
      names: ["fp32", "int8"],
    });
    for (const { tasks, peakBytes, tokensPerSecond } of formats) {
      expect(tasks.map((each: { task: string }) => each.task).sort()).toEqual([
        ...["advice", "class", "code", "colour", "count", "describe", "dialog", "match"], // the kinds of eval/sample
        ...["pattern", "presence", "price", "where"],
      ]);
      expect(tasks.every(({ questions }: { questions: number }) => questions >= 1 && questions <= 12)).toBe(true);
      expect(peakBytes).toBeGreaterThan(100e6); // Node.js and ONNX Runtime alone
      expect(tokensPerSecond).toBeGreaterThan(0);
    }
    expect(formats[0].tasks.every((each: { points: number }) => each.points === 0)).toBe(true);
    expect(formats[1].bytes).toBeLessThan(formats[0].bytes / 3);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  it("prints the table, and says when the questions are too few", async () => {
    const { code, stdout } = await run("--tasks", "--limit", "1", "--formats", "fp16");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^task +asked +fp32 +fp16\n/);
    expect(stdout).toMatch(/\ncount +4 +[\d.]+ % +\+0\.00 ±/);
    expect(stdout).toMatch(/\npeak RSS +\d+ MB +\d+ MB\n/);
    expect(stdout).toContain("too few questions to tell 1 point");
  });

  it.each([
    [["--formats", "int3"], 2, /'int3'.*fp32, fp16/],
    [["--calibration", join(folder, "absent.jsonl")], 3, /absent\.jsonl/],
    [["--tasks", "--questions", join(folder, "absent.jsonl")], 3, /absent\.jsonl/],
    [["--tasks", "--calibration", "x.jsonl"], 2, /--calibration .*--tasks.*--questions/],
    [["--limit", "5"], 2, /--questions .*--limit .*--tasks/],
  ])("refuses %j with exit code %i", async (more, wanted, message) => {
    const { code, stdout, stderr } = await run(...more);
    expect({ code, stdout }).toEqual({ code: wanted, stdout: "" });
    expect(stderr).toMatch(message);
  });
});
