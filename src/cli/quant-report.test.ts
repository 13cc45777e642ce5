import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "./main.js";
import { modelInTheBox } from "./package-files.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-quant-report-"));
process.env.OCELLUS_CACHE = join(folder, "cache");
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
  return { code: await main(["quant-report", ...argv]), ...written };
}

describe("ocellus quant-report", () => {
  it("says what two formats lose of the model in the box, and leaves no packing behind", async () => {
    const { code, stdout, stderr } = await run(modelInTheBox, "--formats", "fp32,int4-b32", "--json");
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
  }, 60_000);

  it.each([
    [["--formats", "int3"], 2, /Expected some of fp32, fp16/],
    [["--calibration", join(folder, "absent.jsonl")], 3, /absent\.jsonl/],
  ])("refuses %j with exit code %i", async (more, wanted, message) => {
    const { code, stdout, stderr } = await run(modelInTheBox, ...more);
    expect({ code, stdout }).toEqual({ code: wanted, stdout: "" });
    expect(stderr).toMatch(message);
  });
});
