import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../../main.js";
import { bundledModel } from "../../package-files.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-pack-"));
vi.stubEnv("OCELLUS_CACHE", join(folder, "cache"));
afterAll(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function pack(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["pack", bundledModel, ...argv]), ...written };
}

describe("ocellus pack", () => {
  it("takes block size, zero points and the eye's format into the packed model", async () => {
    const into = join(folder, "packed");
    const flags = ["--weights", "int4", "--block-size", "64", "--zero-points", "--vision-weights", "same"];
    const { code, stdout } = await pack(...flags, "--into", into, "--json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, path: into, written: true });
    const header = readFileSync(join(into, "weights.safetensors"), "latin1").slice(0, 60_000);
    expect(header).toMatch(/vision_tower\.blocks\.0\.attn\.qkv\.weight\.int4\.zero_points/);
    const { shape } =
      /"language_model\.layers\.0\.mlp\.w2\.weight\.int4\.scales":\{[^}]*"shape":(?<shape>\[[\d,]+\])/.exec(header)!
        .groups!;
    const config = JSON.parse(readFileSync(join(bundledModel, "config.json"), "utf8"));
    const { hidden_size, intermediate_size } = config.text_config;
    expect(JSON.parse(shape!).reduce((a: number, b: number) => a * b)).toBe(hidden_size * (intermediate_size / 64));
  });

  it.each([
    [["--block-size", "48"], /32, 64 .*128.*48/],
    [["--weights", "auto", "--budget", "6MB", "--zero-points"], /--weights auto /],
    [["--for", "web", "--weights", "auto", "--budget", "6MB"], /--weights auto .*browsers/],
    [["--for", "web", "--kv-cache-dtype", "int8"], /--kv-cache-dtype int8 .*browsers/],
    [["--for", "web", "--prefill-weights", "int8"], /prefill weights.*web/],
    [["--budget", "6MB"], /--budget .*--dry-run .*--weights auto/],
  ])("refuses %j", async (flags, message) => {
    const { code, stdout, stderr } = await pack(...flags);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});
