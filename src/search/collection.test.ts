/** A collection on disk: both kinds of index, kill -9, torn and damaged files, several processes, compaction. */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Collection } from "./collection.js";
import { Collections } from "./collections.js";
import { duplicates } from "./duplicates.js";
import type { NewEntry } from "./entry.js";
import { clustered, unit } from "./vectors.testkit.js";

const root = mkdtempSync(join(tmpdir(), "ocellus-collections-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const dimensions = 16;
const model = { version: "v1", name: "test", dimensions };
const next = clustered(dimensions, 5);

function entry(number: number, more: Partial<NewEntry> = {}): NewEntry {
  const picture = Buffer.from(`picture ${number}`);
  const size = { width: 4, height: 3 };
  return { source: `/shop/${number}.jpg`, pixels: `pixels-${number}`, ...size, vector: next(number), picture, ...more };
}

let numNames = 0;
const freshName = () => `c${++numNames}`;

describe.each(["exact", "hnsw"] as const)("a collection with the index %s", (kind) => {
  it("is found again in a new process with all it had: vectors, texts, labels, pictures", async () => {
    const name = freshName();
    const first = await new Collections(root).create(name, kind, model);
    const vector = next(3);
    await first.add(Array.from({ length: 40 }, (_, i) => entry(i)));
    const [red] = await first.add([entry(40, { vector, text: "red dress", metadata: { shelf: "A", price: 12 } })]);
    await first.remove([5, 6, 999]);
    await first.save();
    const again = await new Collections(root).open(name);
    expect([again.size, again.info.kind, again.info.model]).toEqual([39, kind, model]);
    expect(await again.search({ vector, count: 1 })).toEqual([
      { entry: red, score: expect.closeTo(1, 5), cosine: expect.closeTo(1, 5) },
    ]);
    expect((await again.search({ vector: next(5), count: 50 })).map((hit) => hit.entry.id)).not.toContain(5);
    expect(Buffer.from(await again.picture(40)).toString()).toBe("picture 40");
    expect((await again.search({ words: "a dress", count: 3 })).map((hit) => hit.entry.id)).toEqual([40]);
    expect(await again.search({ vector, words: "absent", count: 3 })).toHaveLength(3);
    expect(await again.search({ vector, count: 3, where: { shelf: "A", price: "12" } })).toHaveLength(1);
    expect(await again.search({ vector, count: 3, where: { shelf: "B" } })).toEqual([]);
    expect(await again.search({ vector, count: 3, where: { constructor: "x" } })).toEqual([]);
  });

  it("shows what another process has written since, and gives no id twice", async () => {
    const name = freshName();
    const one = await new Collections(root).create(name, kind, model);
    const others = new Collections(root);
    const other = await others.open(name);
    const ids = (entries: readonly { id: number }[]) => entries.map(({ id }) => id);
    expect(ids(await one.add([entry(1)]))).toEqual([0]);
    expect(ids(await other.add([entry(2)]))).toEqual([1]);
    await one.remove([1]);
    expect(ids(await other.add([entry(3)]))).toEqual([2]);
    expect(ids([...(await others.open(name)).entries()])).toEqual([0, 2]);
    const turns = Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other).add([entry(10 + i)]));
    const given = (await Promise.all(turns)).flatMap(ids);
    expect(new Set(given).size).toBe(20);
    await one.refresh();
    expect(one.size).toBe(22);
  });

  it("is written anew when most of it was removed, under the eyes of another process", async () => {
    const name = freshName();
    const one = await new Collections(root).create(name, kind, model);
    await one.add(Array.from({ length: 1200 }, (_, i) => entry(i)));
    const other = await new Collections(root).open(name);
    await one.remove(Array.from({ length: 1100 }, (_, i) => i));
    await one.remove([1199]);
    expect(readdirSync(join(root, name)).sort()).toEqual(["collection.json", "entries-2.log", "pictures-2"]);
    await other.refresh();
    expect([other.size, one.size, other.info.generation]).toEqual([99, 99, 2]);
    for (const collection of [one, other])
      expect(Buffer.from(await collection.picture(1150)).toString()).toBe("picture 1150");
    expect((await other.add([entry(1)]))[0]!.id).toBe(1200);
    expect((await new Collections(root).open(name)).size).toBe(100);
  });

  it("keeps every entry that was told to be kept, whenever its writer is killed", async () => {
    const name = freshName();
    await new Collections(root).create(name, kind, model);
    let kept = 0;
    for (const delayMs of [30, 110, 250]) {
      const told = await killedAfter(name, delayMs);
      const collection = await new Collections(root).open(name);
      expect(collection.size).toBeGreaterThanOrEqual(kept + told);
      for (const { id, picture } of collection.entries()) {
        expect((await collection.picture(id)).length).toBe(picture.bytes);
        expect(collection.vector(id)).toHaveLength(dimensions);
      }
      kept = collection.size;
    }
    expect(kept).toBeGreaterThan(0);
  }, 60_000); // three processes start
});

describe("the files of a collection", () => {
  async function filled(): Promise<{ name: string; collection: Collection; log: string }> {
    const name = freshName();
    const collection = await new Collections(root).create(name, "exact", model);
    await collection.add([entry(0), entry(1), entry(2)]);
    return { name, collection, log: join(root, name, "entries-1.log") };
  }

  it("may end in the middle of a record, at any byte: the rest is whole, and the next writer goes on", async () => {
    const { name, log } = await filled();
    const whole = readFileSync(log);
    const two = whole.lastIndexOf("OCEN");
    for (const end of [two + 1, two + 11, two + 60, whole.length - 1]) {
      writeFileSync(log, whole.subarray(0, end));
      const collection = await new Collections(root).open(name);
      expect(collection.size, `cut at ${end}`).toBe(2);
      await collection.add([entry(3)]);
      expect([...(await new Collections(root).open(name)).entries()].map(({ source }) => source)).toEqual(
        [0, 1, 3].map((i) => `/shop/${i}.jpg`),
      );
    }
    writeFileSync(log, Buffer.concat([whole, Buffer.alloc(5000)])); // as some file systems leave it
    expect((await new Collections(root).open(name)).size).toBe(3);
  });

  it("are not believed when a bit of them is wrong", async () => {
    const { name, log } = await filled();
    const whole = readFileSync(log);
    for (const at of [2, 9, 40, 300]) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 16;
      writeFileSync(log, bytes);
      await expect(new Collections(root).open(name)).rejects.toMatchObject({
        code: "invalid_file",
        message: expect.stringMatching(/record at byte 0 is damaged, and others follow/),
      });
    }
    writeFileSync(log, whole);
    const collection = await new Collections(root).open(name);
    const pictures = join(root, name, "pictures-1");
    const bytes = readFileSync(pictures);
    bytes[3]! ^= 1;
    writeFileSync(pictures, bytes);
    await expect(collection.picture(0)).rejects.toMatchObject({ code: "invalid_file" });
    expect(Buffer.from(await collection.picture(1)).toString()).toBe("picture 1");
    truncateSync(pictures, 4);
    await expect(collection.picture(1)).rejects.toMatchObject({ code: "invalid_file" });
    appendFileSync(join(root, name, "collection.json"), "x");
    await expect(new Collections(root).open(name)).rejects.toMatchObject({ code: "invalid_file" });
  });

  it("are as they were when an entry is refused", async () => {
    const { collection, log } = await filled();
    const before = readFileSync(log);
    const short = entry(8, { vector: unit(Float32Array.from([1, 2])) });
    await expect(collection.add([entry(7), short])).rejects.toMatchObject({ code: "invalid_request" });
    expect([collection.size, readFileSync(log).equals(before)]).toEqual([3, true]);
  });
});

describe("the collections of a folder", () => {
  it("have names that are no paths, are listed, and go when they are removed", async () => {
    const collections = new Collections(join(root, "shelf"));
    expect(await collections.list()).toEqual([]);
    for (const name of ["", "../x", ".hidden", "a/b", "x".repeat(65), "nul\0"])
      for (const call of [() => collections.open(name), () => collections.create(name, "exact", model)])
        await expect(call(), name).rejects.toMatchObject({ code: "invalid_request" });
    await collections.create("shoes", "exact", model);
    await collections.create("bags", "exact", model);
    await expect(collections.create("bags", "exact", model)).rejects.toThrow(/a collection bags already/);
    expect((await collections.list()).map(({ name }) => name)).toEqual(["bags", "shoes"]);
    await expect(collections.open("shoe")).rejects.toThrow(/no collection shoe \(nearest: shoes/);
    await collections.remove("shoes");
    for (const call of [() => collections.remove("shoes"), () => collections.open("shoes")])
      await expect(call()).rejects.toMatchObject({ code: "not_found" });
    expect(existsSync(join(root, "shelf", "shoes"))).toBe(false);
    expect(readdirSync(join(root, "shelf"))).toEqual(["bags"]);
  });
});

describe("duplicates", () => {
  it("are pictures with the same pixels, and on demand those that look alike, link by link", async () => {
    const collection = await new Collections(root).create(freshName(), "exact", model);
    const axis = (i: number) => Float32Array.from({ length: dimensions }, (_, j) => (j === i ? 1 : 0));
    const tilted = (cosine: number, towards: number) =>
      axis(1).map((x, j) => cosine * x + (j === towards ? Math.sqrt(1 - cosine ** 2) : 0));
    await collection.add([
      entry(0, { vector: axis(0) }),
      entry(1, { vector: axis(0), pixels: "pixels-0" }),
      entry(2, { vector: axis(1) }),
      entry(3, { vector: tilted(0.99, 2) }),
      entry(4, { vector: tilted(0.96, 3) }),
      entry(5, { vector: axis(5) }),
    ]);
    const shown = async (minScore?: number) =>
      (await duplicates(collection, { minScore })).map(({ by, score, entries }) => [
        by,
        Number(score.toFixed(2)),
        entries.map(({ id }) => id).sort(),
      ]);
    expect(await shown()).toEqual([["pixels", 1, [0, 1]]]);
    expect(await shown(0.985)).toEqual([
      ["pixels", 1, [0, 1]],
      ["vector", 0.99, [2, 3]],
    ]);
    expect((await shown(0.955))[0]).toEqual(["vector", 0.96, [2, 3, 4]]);
  });
});

/** A process that adds entry after entry and tells each, killed; how many it had told. */
async function killedAfter(name: string, delayMs: number): Promise<number> {
  const script = join(import.meta.dirname, "add-entries.testkit.ts");
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), script, root, name]);
  let told = 0;
  let timer: NodeJS.Timeout | undefined;
  let problem = "";
  child.stderr.on("data", (text) => (problem += text));
  child.stdout.on("data", (text: Buffer) => {
    told += text.toString().split("\n").length - 1;
    timer ??= setTimeout(() => child.kill("SIGKILL"), delayMs);
  });
  await new Promise((done) => child.once("exit", done));
  clearTimeout(timer);
  expect(problem).toBe("");
  return told;
}
