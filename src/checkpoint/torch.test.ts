import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { toFloat32 } from "../tensor/index.js";
import { openCheckpoint } from "./index.js";

const fixtures = join(import.meta.dirname, "fixtures");
const folder = mkdtempSync(join(tmpdir(), "ocellus-torch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function values(name: string, tensor: string): Promise<{ shape: readonly number[]; values: number[] }> {
  const checkpoint = await openCheckpoint(join(fixtures, name));
  const { shape, bytes, dtype } = await checkpoint.read(tensor);
  await checkpoint.close();
  return { shape, values: [...toFloat32(bytes, dtype)] };
}

describe("PyTorch files", () => {
  it.each([
    ["contiguous", [3, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ["transposed", [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
    ["sliced", [3], [2, 4, 6]],
    ["half", [2], [1.5, -2]],
    ["brain", [2], [1.5, -2]],
    ["float8", [2], [1.5, -2]],
    ["double", [1], [Math.fround(0.1)]],
    ["long", [2], [2 ** 40, -1]],
    ["byte", [2], [0, 255]],
    ["flag", [2], [1, 0]],
    ["scalar", [], [7]],
    ["empty", [0, 3], []],
    ["parameter", [1], [3]],
    ["tied.a", [2, 3], [0, 1, 2, 3, 4, 5]],
    ["tied.b", [2, 3], [0, 1, 2, 3, 4, 5]],
  ])("gives %s in C order", async (tensor, shape, expected) => {
    expect(await values("state.bin", tensor)).toEqual({ shape, values: expected });
  });

  it("reads a range of a transposed tensor", async () => {
    const checkpoint = await openCheckpoint(join(fixtures, "state.bin"));
    expect([...toFloat32(await checkpoint.readRange("transposed", 2, 5), "f32")]).toEqual([8, 1, 5]);
    await checkpoint.close();
  });

  it("finds a state dict one level down", async () => {
    expect(await values("nested.bin", "w")).toEqual({ shape: [2], values: [1, 2] });
  });

  it("refuses a pickle that wants to call something, names it, and runs nothing", async () => {
    await expect(openCheckpoint(join(fixtures, "evil.bin"))).rejects.toThrow(
      /it asks for (posix|nt)\.system; only tensors may be loaded/,
    );
    expect(existsSync("pwned")).toBe(false);
  });

  it("refuses the legacy format in words", async () => {
    await expect(openCheckpoint(join(fixtures, "legacy.bin"))).rejects.toThrow(
      "save it again with a PyTorch newer than 1.6",
    );
  });

  it("recognises safetensors under a .bin name", async () => {
    const path = join(folder, "model.bin");
    writeFileSync(path, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("{}")]));
    await expect(openCheckpoint(path)).rejects.toThrow("a safetensors file: rename it to .safetensors");
  });

  it("throws its own error, and nothing else, on any damaged file", async () => {
    const whole = readFileSync(join(fixtures, "state.bin"));
    const path = join(folder, "mutated.bin");
    // The pickle and the directory are where damage matters; tensor data are free bytes.
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(edits, fc.option(fc.nat(whole.length)), async (changes, length) => {
        const mutated = Buffer.from(whole);
        for (const [at, value] of changes) mutated[at] = value;
        writeFileSync(path, length === null ? mutated : mutated.subarray(0, length));
        try {
          const checkpoint = await openCheckpoint(path);
          for (const name of checkpoint.names()) await checkpoint.read(name);
          await checkpoint.close();
        } catch (error) {
          expect(error).toBeInstanceOf(OcellusError);
        }
      }),
      { seed: 9, numRuns: 400 },
    );
  });
});
