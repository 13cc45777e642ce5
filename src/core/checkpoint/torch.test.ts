import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { toFloat32 } from "../tensor/index.js";
import { openCheckpoint } from "./checkpoint.js";
import { damaged } from "./damage.testkit.js";
import { int, memoise, pickleOf, recall, tensor, text } from "./torch.testkit.js";
import { zipOf } from "./zip.testkit.js";

const fixtures = join(import.meta.dirname, "fixtures");
const folder = mkdtempSync(join(tmpdir(), "ocellus-torch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function values(name: string, tensor: string): Promise<{ shape: readonly number[]; values: number[] }> {
  const checkpoint = await openCheckpoint(resolve(fixtures, name));
  const { shape, bytes, dtype } = await checkpoint.read(tensor);
  await checkpoint.close();
  return { shape, values: [...toFloat32(bytes, dtype)] };
}

async function readAll(path: string): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    for (const name of checkpoint.names()) await checkpoint.read(name);
  } finally {
    await checkpoint.close();
  }
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

  it("gives any range of a tensor that is not in C order like the same part of the whole", async () => {
    const checkpoint = await openCheckpoint(join(fixtures, "state.bin"));
    const whole = [...toFloat32((await checkpoint.read("transposed")).bytes, "f32")];
    for (let start = 0; start <= 12; start++)
      for (let end = start; end <= 12; end++)
        expect([...toFloat32(await checkpoint.readRange("transposed", start, end), "f32")]).toEqual(
          whole.slice(start, end),
        );
    await checkpoint.close();
  });

  it("reads shards named by an index", async () => {
    const sharded = mkdtempSync(join(folder, "sharded-"));
    copyFileSync(join(fixtures, "nested.bin"), join(sharded, "1.bin"));
    copyFileSync(join(fixtures, "state.bin"), join(sharded, "2.bin"));
    const weight_map = { w: "1.bin", half: "2.bin" };
    writeFileSync(join(sharded, "pytorch_model.bin.index.json"), JSON.stringify({ weight_map }));
    const checkpoint = await openCheckpoint(sharded);
    expect([...checkpoint.names()]).toEqual(["w", "half"]);
    expect([...toFloat32((await checkpoint.read("half")).bytes, "f16")]).toEqual([1.5, -2]);
    await checkpoint.close();
  });

  it("finds a state dict one level down", async () => {
    expect(await values("nested.bin", "w")).toEqual({ shape: [2], values: [1, 2] });
  });

  it("refuses a pickle that wants to call something, names it, and runs nothing", async () => {
    await expect(openCheckpoint(join(fixtures, "evil.bin"))).rejects.toThrow(
      ocellusError("invalid_file", { found: expect.stringMatching(/^(posix|nt)\.system$/) }),
    );
    expect(existsSync("pwned")).toBe(false);
  });

  it("refuses the legacy format in words", async () => {
    await expect(openCheckpoint(join(fixtures, "legacy.bin"))).rejects.toThrow(
      ocellusError("invalid_file", { format: "pickle" }),
    );
  });

  it("recognises safetensors under a .bin name", async () => {
    const path = join(folder, "model.bin");
    writeFileSync(path, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("{}")]));
    await expect(openCheckpoint(path)).rejects.toThrow(ocellusError("invalid_file", { format: "safetensors" }));
  });

  /** A file of one pickle and a storage of six f32. */
  function made(pickle: string, files: Record<string, string> = { "data/0": "\0".repeat(24) }): string {
    const path = join(folder, "made.bin");
    const entries = Object.entries({ "data.pkl": pickleOf(pickle).toString("latin1"), ...files });
    writeFileSync(path, zipOf(entries.map(([name, contents]) => [`a/${name}`, contents])));
    return path;
  }
  const vector = (length: number, stride: number) => tensor(`${int(length)}\x85`, `${int(stride)}\x85`);
  const dictionary = (...items: string[]) => `}${items.map((item) => `${item}s`).join("")}`;

  it("reads a file made by hand", async () => {
    expect(await values(made(dictionary(text("w") + vector(3, 2))), "w")).toEqual({ shape: [3], values: [0, 0, 0] });
  });

  it.each([
    [
      "reaches past its storage",
      vector(4, 2),
      ocellusError("invalid_file", { tensor: "w", shape: [4], storageBytes: 24 }),
    ],
    ["repeats its storage", vector(7, 0), ocellusError("unsupported", { tensor: "w", shape: [7], storageBytes: 24 })],
    [
      "has sizes that overflow",
      tensor(`(${"J\xff\xff\xff\x7f".repeat(40)}t`, `(${int(1).repeat(40)}t`),
      ocellusError("invalid_file", { tensor: "w" }),
    ],
  ])("refuses a tensor that %s", async (_, made_, error) => {
    await expect(openCheckpoint(made(dictionary(text("w") + made_)))).rejects.toThrow(error);
  });

  it("refuses a storage that is not in the archive, and bytes in another order", async () => {
    const pickle = dictionary(text("w") + vector(3, 2));
    await expect(openCheckpoint(made(pickle, {}))).rejects.toThrow(ocellusError("invalid_file", { storage: "0" }));
    const big = { "data/0": "\0".repeat(24), byteorder: "big" };
    await expect(openCheckpoint(made(pickle, big))).rejects.toThrow(ocellusError("unsupported", { byteOrder: "big" }));
  });

  it("wants one dictionary of tensors, and names what it found", async () => {
    const inner = dictionary(text("w") + vector(3, 2));
    const two = dictionary(text("step") + vector(1, 1), text("model") + inner);
    await expect(openCheckpoint(made(two))).rejects.toThrow(
      ocellusError("invalid_file", { found: 2, tensors: ["step", "w"] }),
    );
    await expect(openCheckpoint(made(dictionary()))).rejects.toThrow(
      ocellusError("invalid_file", { expected: 1, found: 0 }),
    );
  });

  it("looks once at a dictionary that a hostile pickle names many times", async () => {
    const numbers = Array.from({ length: 40_000 }, (_, i) => `M${String.fromCharCode(i & 255, i >> 8)}`);
    const inner = `}${memoise(0)}(${numbers.map((n) => `${n}N`).join("")}u`;
    const outer = `}(${text("x")}${inner}${numbers.map((n) => n + recall(0)).join("")}u`;
    await expect(openCheckpoint(made(outer))).rejects.toThrow(ocellusError("invalid_file", { expected: 1, found: 0 }));
  });

  it("throws its own error, and nothing else, on any damaged file", async () => {
    const whole = readFileSync(join(fixtures, "state.bin"));
    const path = join(folder, "mutated.bin");
    await fc.assert(
      fc.asyncProperty(damaged(whole), async (mutated) => {
        writeFileSync(path, mutated);
        await readAll(path).catch((error) => expect(error).toBeInstanceOf(OcellusError));
      }),
      { seed: 9, numRuns: 400 },
    );
  });
});
