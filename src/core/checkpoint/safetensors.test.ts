import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { byteLength, dtypes, type Tensor } from "../tensor/index.js";
import { openCheckpoint } from "./checkpoint.js";
import { damaged } from "./damage.testkit.js";
import { createSafetensorsWriter, writeSafetensors } from "./safetensors-writer.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "model.safetensors");

const tensorSets = fc.uniqueArray(
  fc
    .record({
      name: fc.oneof(
        fc.string({ minLength: 1, maxLength: 12 }),
        fc.constantFrom("__proto__", "constructor", "层.权重"),
      ),
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      seed: fc.nat(255),
    })
    .filter(({ name }) => name !== "__metadata__")
    .map(({ name, dtype, shape, seed }): Tensor => {
      const bytes = Uint8Array.from({ length: byteLength(dtype, shape) }, (_, i) => (i * 31 + seed) & 255);
      return { name, dtype, shape, bytes };
    }),
  { selector: ({ name }) => name, maxLength: 8 },
);

async function readAll(file: string): Promise<Tensor[]> {
  const checkpoint = await openCheckpoint(file);
  try {
    return await Promise.all([...checkpoint.names()].map((name) => checkpoint.read(name)));
  } finally {
    await checkpoint.close();
  }
}

/** A file of this header and `dataBytes` zero bytes. */
function writeRaw(header: unknown, dataBytes: number): void {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  writeFileSync(path, file);
}

describe("safetensors", () => {
  it("reads back what was written, for any names, dtypes and shapes", async () => {
    await fc.assert(
      fc.asyncProperty(tensorSets, async (tensors) => {
        await writeSafetensors(path, tensors, { origin: "test" });
        const byName = (a: Tensor, b: Tensor) => (a.name < b.name ? -1 : 1);
        expect((await readAll(path)).sort(byName)).toEqual([...tensors].sort(byName));
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  it("reads a range of elements without the rest", async () => {
    await writeSafetensors(path, [
      { name: "w", dtype: "i16", shape: [2, 3], bytes: Uint8Array.from({ length: 12 }, (_, i) => i) },
    ]);
    const checkpoint = await openCheckpoint(path);
    expect([...(await checkpoint.readRange("w", 2, 4))]).toEqual([4, 5, 6, 7]);
    await expect(checkpoint.readRange("w", 4, 7)).rejects.toThrow(
      ocellusError("invalid_request", { tensor: "w", start: 4, end: 7, numElements: 6 }),
    );
    await expect(checkpoint.read("v")).rejects.toThrow(ocellusError("not_found", { tensor: "v", nearest: ["w"] }));
    await checkpoint.close();
  });

  it("throws its own error, and nothing else, on any damaged file", async () => {
    const tensors: Tensor[] = [
      { name: "a", dtype: "f32", shape: [2, 2], bytes: new Uint8Array(16) },
      { name: "b", dtype: "u8", shape: [3], bytes: new Uint8Array(3) },
    ];
    await writeSafetensors(path, tensors);
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(damaged(whole), async (mutated) => {
        writeFileSync(path, mutated);
        await readAll(path).catch((error) => expect(error).toBeInstanceOf(OcellusError));
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  const entry = (offsets: [number, number], shape = [2], dtype = "F32") => ({ dtype, shape, data_offsets: offsets });
  it.each([
    ["a hole", { a: entry([0, 8]), b: entry([12, 20]) }, 20, { tensor: "b", expected: 8, found: 12 }],
    ["an overlap", { a: entry([0, 8]), b: entry([4, 12]) }, 12, { tensor: "b", expected: 8, found: 4 }],
    [
      "bytes behind the last tensor",
      { a: entry([0, 8]) },
      9,
      { expected: expect.any(Number), found: expect.any(Number) },
    ],
    ["offsets that do not fit the shape", { a: entry([0, 8], [3]) }, 8, { tensor: "a", expected: 12, found: 8 }],
    ["a shape that overflows", { a: entry([0, 8], [2 ** 52, 2 ** 52]) }, 8, { tensor: "a", shape: [2 ** 52, 2 ** 52] }],
    ["a negative size", { a: entry([0, 8], [-2]) }, 8, { tensor: "a", found: expect.stringContaining("-2") }],
    ["a list for metadata", { __metadata__: ["a"] }, 0, { field: "__metadata__" }],
    ["metadata that is not strings", { __metadata__: { a: 1 } }, 0, { field: "__metadata__" }],
    [
      "a name twice",
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      { part: "header", key: "a" },
    ],
    [
      "a dtype twice",
      '{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}',
      0,
      { part: "header", key: "dtype" },
    ],
    ["a header that nests without end", `{"a":${"[".repeat(5_000_000)}`, 0, { part: "header", limit: 3 }],
    ["a header of empty objects", `{"a":[${"{},".repeat(4_000_000)}{}]}`, 0, { part: "header", limit: 3_200_000 }],
    ["a header that is no JSON", "{nope", 0, { part: "header", at: 2 }],
  ])("refuses %s", async (_, header, dataBytes, details) => {
    writeRaw(header, dataBytes);
    await expect(openCheckpoint(path)).rejects.toThrow(ocellusError("invalid_file", { path, ...details }));
  });

  it("names the dtypes it reads when it meets another", async () => {
    writeRaw({ a: entry([0, 8], [2], "F6_E2M3") }, 8);
    await expect(openCheckpoint(path)).rejects.toThrow(
      ocellusError("unsupported", { tensor: "a", dtype: "F6_E2M3", supported: expect.arrayContaining(["F64"]) }),
    );
  });

  it("is not taken for a pickle when the header has 640 bytes", async () => {
    writeRaw(JSON.stringify({ a: entry([0, 8]) }).padEnd(640), 8); // 640 is 80 02 in little-endian order
    expect((await readAll(path)).map(({ name }) => name)).toEqual(["a"]);
  });

  it("says so when the file was cut short after opening", async () => {
    writeRaw({ a: entry([0, 8]) }, 8);
    const checkpoint = await openCheckpoint(path);
    truncateSync(path, readFileSync(path).length - 4);
    await expect(checkpoint.read("a")).rejects.toThrow(
      ocellusError("invalid_file", { path, length: 8, found: readFileSync(path).length }),
    );
    await checkpoint.close();
  });

  it("starts its data on a multiple of 64 bytes and keeps the caller's order", async () => {
    const infos = ["b", "a"].map((name) => ({ name, dtype: "u8" as const, shape: [3] }));
    const writer = await createSafetensorsWriter(path, infos);
    expect([writer.offsetOf("b") % 64, writer.offsetOf("a") - writer.offsetOf("b")]).toEqual([0, 3]);
    for (const piece of [[1, 2], [3], [4, 5, 6]]) await writer.write(Uint8Array.from(piece));
    await writer.finish();
    expect((await readAll(path)).map(({ name, bytes }) => [name, ...bytes])).toEqual([
      ["b", 1, 2, 3],
      ["a", 4, 5, 6],
    ]);
  });

  it("does not let a piece run into the next tensor, nor a tensor go missing", async () => {
    const infos = ["a", "b"].map((name) => ({ name, dtype: "u8" as const, shape: [2] }));
    const writer = await createSafetensorsWriter(path, infos);
    await expect(writer.write(new Uint8Array(3))).rejects.toThrow(
      ocellusError("internal", { tensor: "a", expected: 2, found: 3 }),
    );
    await writer.write(new Uint8Array(2));
    await expect(writer.finish()).rejects.toThrow(ocellusError("internal", { missingBytes: 2 }));
    await writer.abort();
  });

  it.runIf(existsSync("/dev/full"))("says what to do when the disk is full", async () => {
    await expect(writeSafetensors("/dev/full", [])).rejects.toThrow(
      ocellusError("io", { path: "/dev/full", errno: "ENOSPC" }),
    );
  });

  it("refuses a header longer than the limit before reading it", async () => {
    const file = new Uint8Array(64);
    new DataView(file.buffer).setBigUint64(0, 2n ** 40n, true);
    file[8] = 0x7b;
    writeFileSync(path, file);
    await expect(openCheckpoint(path)).rejects.toThrow(
      ocellusError("too_large", { headerBytes: 2 ** 40, limit: 16_777_216 }),
    );
  });

  it.each([
    ["a PyTorch file", Buffer.from("PK\x03\x04aaaaaaaaaaaa"), { format: "torch" }],
    ["a pickle", Buffer.from("\x80\x02}q\x00.aaaaaaaaaa", "latin1"), { format: "pickle" }],
    ["a Git LFS pointer", Buffer.from("version https://git-lfs.github.com/spec/v1"), { format: "git-lfs" }],
    ["an empty file", Buffer.alloc(0), { expected: 8, found: 0 }],
    ["an HTML page", Buffer.from("<!DOCTYPE html><html>"), { format: "html" }],
  ])("recognises %s under a .safetensors name", async (_, bytes, details) => {
    writeFileSync(path, bytes);
    await expect(openCheckpoint(path)).rejects.toThrow(ocellusError("invalid_file", { path, ...details }));
  });
});
