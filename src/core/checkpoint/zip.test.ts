import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { RandomAccessFile } from "../fs/index.js";
import { readStoredEntry, readZipDirectory } from "./zip.js";
import { type ZipOptions, type ZipPart, zipOf } from "./zip.testkit.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-zip-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withFile<T>(contents: Uint8Array, use: (file: RandomAccessFile) => Promise<T>): Promise<T> {
  const path = join(folder, "x.bin");
  writeFileSync(path, contents);
  const file = await RandomAccessFile.open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** All entries, read as text. */
async function textsIn(file: RandomAccessFile): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, entry] of await readZipDirectory(file))
    texts[name] = new TextDecoder().decode(await readStoredEntry(file, entry, 1000));
  return texts;
}

describe("zip files", () => {
  const two: ZipPart[] = [
    ["a/data.pkl", "pickle"],
    ["a/data/0", "0123456789"],
  ];

  it.each<[string, ZipOptions]>([
    ["32-bit", {}],
    ["zip64", { zip64: true }],
    ["commented", { comment: "made by hand" }],
  ])("gives the entries of a %s file", async (_, options) => {
    expect(await withFile(zipOf(two, options), textsIn)).toEqual(
      Object.fromEntries(two.map(([name, contents]) => [name, contents])),
    );
  });

  it("refuses compressed entries in words", async () => {
    await expect(withFile(zipOf([["a/data.pkl", "pickle", { method: 8 }]]), textsIn)).rejects.toThrow(
      ocellusError("unsupported", { entry: "a/data.pkl", method: 8 }),
    );
  });

  it("refuses a name that stands twice", async () => {
    await expect(withFile(zipOf([...two, ["a/data/0", "x"]]), textsIn)).rejects.toThrow(
      ocellusError("invalid_file", { entry: "a/data/0", field: "name" }),
    );
  });

  it("says when the end is missing, or the directory lies elsewhere", async () => {
    const whole = zipOf(two);
    await expect(withFile(whole.subarray(0, -4), textsIn)).rejects.toThrow(
      ocellusError("invalid_file", { part: "end record" }),
    );
    await expect(withFile(whole.subarray(8), textsIn)).rejects.toThrow(
      ocellusError("invalid_file", { part: "directory" }),
    );
  });

  it("bounds what zip64 numbers may claim", async () => {
    const whole = zipOf(two, { zip64: true });
    whole.writeBigUInt64LE(2n ** 60n, whole.length - 22 - 20 - 56 + 40); // the directory's size
    await expect(withFile(whole, textsIn)).rejects.toThrow(ocellusError("invalid_file", { offset: 2 ** 60 }));
  });
});
