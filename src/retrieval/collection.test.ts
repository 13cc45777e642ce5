/** A collection on disk: both kinds of index, kill -9, torn and damaged files, several processes, compaction. */

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { compiledUrl } from "../core/base/compiled.testkit.js";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import type { Collection } from "./collection.js";
import { Collections } from "./collections.js";
import { duplicates } from "./duplicates.js";
import type { NewEntry } from "./entry.js";
import type { PutEntry } from "./put.js";
import { dot } from "./vector-index.js";
import { clustered, unit } from "./vectors.testkit.js";

const root = mkdtempSync(join(tmpdir(), "ocellus-collections-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const dimensions = 16;
const model = { version: "v1", name: "test", dimensions };
const next = clustered(dimensions, 5);

function entry(number: number, more: Partial<NewEntry> = {}): NewEntry {
  const image = Buffer.from(`picture ${number}`);
  const size = { width: 4, height: 3 };
  return { source: `/shop/${number}.jpg`, pixels: `pixels-${number}`, ...size, vector: next(number), image, ...more };
}

const damagedAt = (bytes: Buffer, at: number, flip: number) => bytes.map((byte, i) => (i === at ? byte ^ flip : byte));
const idsOf = (collection: Collection) => [...collection.entries()].map(({ id }) => id);

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
    expect(Buffer.from(await again.image(40)).toString()).toBe("picture 40");
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

  it("is rewritten when most of it was removed, under the eyes of another process", async () => {
    const name = freshName();
    const one = await new Collections(root).create(name, kind, model);
    await one.add(Array.from({ length: 1200 }, (_, i) => entry(i)));
    const other = await new Collections(root).open(name);
    await one.remove(Array.from({ length: 1100 }, (_, i) => i));
    await one.remove([1199]);
    expect(readdirSync(join(root, name)).sort()).toEqual([
      "collection-copy.json",
      "collection.json",
      "entries-2.log",
      "images-2",
    ]);
    await other.refresh();
    expect([other.size, one.size, other.info.generation]).toEqual([99, 99, 2]);
    for (const collection of [one, other])
      expect(Buffer.from(await collection.image(1150)).toString()).toBe("picture 1150");
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
      for (const { id, image } of collection.entries()) {
        expect((await collection.image(id)).length).toBe(image.bytes);
        expect(collection.vector(id)).toHaveLength(dimensions);
      }
      kept = collection.size;
    }
    expect(kept).toBeGreaterThan(0);
  });
});

describe("the files of a collection", () => {
  async function filled(): Promise<{ name: string; collection: Collection; log: string }> {
    const name = freshName();
    const collection = await new Collections(root).create(name, "exact", model);
    await collection.add([entry(0), entry(1), entry(2)]);
    return { name, collection, log: join(root, name, "entries-1.log") };
  }

  it("may end in the middle of a record, at any byte: the rest is whole, and the next writer continues", async () => {
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

  it("with any one byte damaged keep every other entry, name what is lost, and can be repaired and written to", async () => {
    const { name, log } = await filled();
    const folder = join(root, name);
    const whole = readFileSync(log);
    const places = fc.record({ at: fc.nat(whole.length - 1), flip: fc.integer({ min: 1, max: 255 }) });
    const law = fc.asyncProperty(places, async ({ at, flip }) => {
      for (const file of readdirSync(folder)) if (/^(entries|pictures)-[^1]/.test(file)) rmSync(join(folder, file));
      writeFileSync(join(folder, "collection.json"), infoText);
      writeFileSync(join(folder, "images-1"), imageBytes);
      writeFileSync(log, damagedAt(whole, at, flip));
      const damagedRecord = [1, 2].filter((i) => at >= recordStarts[i]!).length;
      const left = [0, 1, 2].filter((i) => i !== damagedRecord);
      const collection = await new Collections(root).open(name);
      expect(idsOf(collection)).toEqual(left);
      for (const id of left) expect(Buffer.from(await collection.image(id)).toString()).toBe(`picture ${id}`);
      // The last one, longer than the file by its own words, cannot be told from a write that was cut short.
      const isNamed = damagedRecord < 2 || collection.lost.length > 0;
      if (isNamed) expect(collection.lost).toMatchObject([{ at: recordStarts[damagedRecord] }]);
      const [added] = await collection.add([entry(7)]);
      if (isNamed) expect(added!.id).toBeGreaterThan(2);
      const found = await collection.repair();
      expect([found.entries, found.lost.length]).toEqual([3, isNamed ? 1 : 0]);
      const again = await new Collections(root).open(name);
      expect([idsOf(again), again.lost]).toEqual([[...left, added!.id], []]);
    });
    const recordStarts = [0, 1, 2].map((i) => whole.indexOf(`{"source":"/shop/${i}`) - 12);
    const infoText = readFileSync(join(folder, "collection.json"));
    const imageBytes = readFileSync(join(folder, "images-1"));
    await fc.assert(law, { numRuns: 60 });
  });

  it("name the sources of entries that are lost, whose ids are never given again", async () => {
    const { name, log } = await filled();
    const whole = readFileSync(log);
    writeFileSync(log, damagedAt(whole, whole.length - 20, 1));
    const collection = await new Collections(root).open(name);
    expect(collection.lost).toEqual([{ at: expect.any(Number), bytes: expect.any(Number), sources: ["/shop/2.jpg"] }]);
    expect((await collection.add([entry(3)]))[0]!.id).toBeGreaterThan(2);
    await expect(new Collections(root).export(name, join(root, `${name}-copy`))).rejects.toMatchObject({
      code: "invalid_file",
      details: { lost: [{ sources: ["/shop/2.jpg"] }] },
    });
  });

  it("keep an entry whose picture is damaged, and add it again after a repair", async () => {
    const { name } = await filled();
    const images = join(root, name, "images-1");
    writeFileSync(images, damagedAt(readFileSync(images), 3, 1));
    const collection = await new Collections(root).open(name);
    await expect(collection.image(0)).rejects.toMatchObject({ code: "invalid_file", details: { id: 0 } });
    expect((await collection.check()).damagedImages).toMatchObject([{ id: 0 }]);
    await collection.repair();
    const again = await new Collections(root).open(name);
    expect([idsOf(again), again.entry(0).stamp]).toEqual([[0, 1, 2], undefined]);
    expect(Buffer.from(await again.image(1)).toString()).toBe("picture 1");
    await expect(again.image(0)).rejects.toMatchObject({ code: "invalid_file" });
    truncateSync(join(root, name, "images-2"), 4);
    await expect(again.image(1)).rejects.toMatchObject({ code: "invalid_file" });
    rmSync(join(root, name, "images-2"));
    expect((await again.check()).damagedImages).toHaveLength(3);
    await again.repair();
    expect((await again.put([entry(1)])).map(({ isNew, replaced }) => [isNew, replaced])).toEqual([[true, 1]]);
    expect((await again.check()).damagedImages).toHaveLength(2);
  });

  it("that are missing or do not fit are an error, not an empty collection", async () => {
    const { name, collection, log } = await filled();
    const whole = readFileSync(log);
    const damages: (() => void)[] = [
      () => rmSync(log),
      () => writeFileSync(log, Buffer.concat([whole, whole])), // the same ids again
    ];
    for (const damage of damages) {
      damage();
      await expect(new Collections(root).open(name)).rejects.toMatchObject({ code: "invalid_file" });
      await expect(collection.add([entry(9)])).rejects.toMatchObject({ code: "invalid_file" });
      writeFileSync(log, whole);
      await collection.refresh();
      expect(collection.size).toBe(3);
    }
  });

  it("that are put back from an older copy are read from their start", async () => {
    const { collection, log } = await filled();
    const whole = readFileSync(log);
    await collection.add([entry(3), entry(4)]);
    writeFileSync(log, whole);
    expect((await collection.add([entry(5)]))[0]!.id).toBe(3);
    expect(collection.size).toBe(4);
  });

  it("are as they were when an entry is refused", async () => {
    const { collection, log } = await filled();
    const before = readFileSync(log);
    const short = entry(8, { vector: unit(Float32Array.from([1, 2])) });
    await expect(collection.add([entry(7), short])).rejects.toMatchObject({ code: "invalid_request" });
    expect([collection.size, readFileSync(log).equals(before)]).toEqual([3, true]);
  });
});

describe("entries that are put", () => {
  it("replace those of the same source and page, and stay where the stamp is the same", async () => {
    const collection = await new Collections(root).create(freshName(), "exact", model);
    const page = (number: number, stamp: string, more = {}) =>
      entry(number, { source: "m.pdf", page: number, stamp, ...more });
    const facts = (put: readonly PutEntry[]) => put.map(({ entry: { id }, isNew, replaced }) => [id, isNew, replaced]);
    expect(facts(await collection.put([page(1, "a"), page(2, "a"), page(3, "a")]))).toEqual(
      [0, 1, 2].map((id) => [id, true, 0]),
    );
    expect(facts(await collection.put([page(1, "a"), page(2, "b")]))).toEqual([
      [0, false, 1],
      [3, true, 0],
    ]);
    expect(idsOf(collection)).toEqual([0, 2, 3]);
    expect(facts(await collection.put([page(1, "a")], { whole: true }))).toEqual([[0, false, 2]]);
    expect(idsOf(await new Collections(root).open(collection.info.name))).toEqual([0]);
    await expect(collection.put([page(4, "a"), page(4, "b")])).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("are there once, in whichever order any number of writers put them", async () => {
    const name = freshName();
    await new Collections(root).create(name, "exact", model);
    const writer = async (order: readonly number[]) => {
      const collection = await new Collections(root).open(name);
      for (const i of order) await collection.put([entry(i, { stamp: "s" })]);
    };
    await Promise.all([writer([0, 1, 2, 3]), writer([3, 2, 1, 0]), writer([0, 2, 1, 3])]);
    const sources = [...(await new Collections(root).open(name)).entries()].map(({ source }) => source);
    expect(sources.sort()).toEqual([0, 1, 2, 3].map((i) => `/shop/${i}.jpg`));
  });

  it("are removed by what their labels say", async () => {
    const collection = await new Collections(root).create(freshName(), "exact", model);
    await collection.add([1, 2, 3, 4].map((price) => entry(price, { metadata: { price } })));
    expect(await collection.removeWhere({ price: { $gt: 2 } })).toBe(2);
    expect(idsOf(collection)).toEqual([0, 1]);
    await expect(collection.removeWhere({})).rejects.toMatchObject({ code: "invalid_request" });
    await expect(collection.removeWhere({ $not: "x" })).rejects.toMatchObject({ code: "invalid_request" });
  });
});

describe("a snapshot", () => {
  it.each(["exact", "hnsw"] as const)(
    "of a collection with the index %s has all of it, and nothing that is damaged",
    async (kind) => {
      const [name, copy] = [freshName(), join(root, `snapshot-${kind}`)];
      const collections = new Collections(root);
      const collection = await collections.create(name, kind, model);
      await collection.add([0, 1, 2, 3].map((i) => entry(i, { text: `text ${i}` })));
      await collection.remove([3]);
      await collections.export(name, copy);
      await collection.remove([0]);
      const back = await collections.import(`${name}-back`, copy);
      expect([idsOf(back), back.info.name, back.entry(2).text]).toEqual([[0, 1, 2], `${name}-back`, "text 2"]);
      for (const id of [0, 1, 2]) expect(Buffer.from(await back.image(id)).toString()).toBe(`picture ${id}`);
      const vector = collection.vector(1)!;
      expect((await back.search({ vector, count: 1 }))[0]!.entry.id).toBe(1);
      expect((await back.add([entry(9)]))[0]!.id).toBe(4);
      await expect(collections.export(name, copy)).rejects.toMatchObject({ code: "invalid_request" });
      await expect(collections.import(name, copy)).rejects.toMatchObject({ code: "invalid_request" });
      await expect(collections.import("other", join(root, "nowhere"))).rejects.toMatchObject({ code: "not_found" });
      writeFileSync(join(copy, "images-1"), damagedAt(readFileSync(join(copy, "images-1")), 2, 4));
      await expect(collections.import("other", copy)).rejects.toMatchObject({
        code: "invalid_file",
        details: { images: [0] },
      });
      expect(await collections.has("other")).toBe(false);
    },
  );
});

describe("the collections of a folder", () => {
  it("have names that are no paths, are listed, and go when they are removed", async () => {
    const collections = new Collections(join(root, "shelf"));
    expect(await collections.list()).toEqual({ collections: [], damaged: [] });
    for (const name of ["", "../x", ".hidden", "a/b", "x".repeat(65), "nul\0"])
      for (const call of [() => collections.open(name), () => collections.create(name, "exact", model)])
        await expect(call(), name).rejects.toMatchObject({ code: "invalid_request" });
    await collections.create("shoes", "exact", model);
    await collections.create("bags", "exact", model);
    await expect(collections.create("bags", "exact", model)).rejects.toThrow(
      ocellusError("invalid_request", { param: "name", found: "bags" }),
    );
    expect((await collections.list()).collections.map(({ name }) => name)).toEqual(["bags", "shoes"]);
    await expect(collections.open("shoe")).rejects.toThrow(
      ocellusError("not_found", { wanted: "shoe", nearest: expect.arrayContaining(["shoes"]) }),
    );
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

describe("near duplicates", () => {
  /** Components of the graph of all pairs, by looking at every pair. */
  function components(vectors: readonly Float32Array[], minScore: number): number[][] {
    const group = vectors.map((_, i) => i);
    const joinGroups = (a: number, b: number) => {
      for (const [i, of] of group.entries()) if (of === group[a]) group[i] = group[b]!;
    };
    for (let a = 0; a < vectors.length; a++)
      for (let b = 0; b < a; b++) if (dot(vectors[a]!, 0, vectors[b]!, dimensions) >= minScore) joinGroups(a, b);
    const members = new Map<number, number[]>();
    for (const [i, of] of group.entries()) members.set(of, [...(members.get(of) ?? []), i]);
    return [...members.values()].filter((ids) => ids.length > 1);
  }
  const sorted = (groups: readonly number[][]) =>
    groups.map((ids) => [...ids].sort((a, b) => a - b)).sort((a, b) => a[0]! - b[0]!);

  it("are the connected ones, also where many are equal or nearly equal", async () => {
    const cases = fc.record({
      seed: fc.nat(1e6),
      spread: fc.double({ min: 0.02, max: 0.4, noNaN: true }),
      minScore: fc.double({ min: 0.7, max: 0.99, noNaN: true }),
    });
    const law = fc.asyncProperty(cases, async ({ seed, spread, minScore }) => {
      const make = clustered(dimensions, 3, spread, seed);
      const vectors = Array.from({ length: 70 }, (_, i) => make(i));
      const collection = await new Collections(root).create(freshName(), "exact", model);
      await collection.add(vectors.map((vector, i) => entry(i, { vector })));
      const groups = await duplicates(collection, { minScore });
      expect(sorted(groups.map(({ entries }) => entries.map(({ id }) => id)))).toEqual(
        sorted(components(vectors, minScore)),
      );
      for (const { score } of groups) expect(score).toBeGreaterThanOrEqual(minScore);
    });
    await fc.assert(law, { numRuns: 25 });
  });

  it("are found behind 17 and more equal pictures, which are one of the group each", async () => {
    const collection = await new Collections(root).create(freshName(), "exact", model);
    const vector = next(1);
    const near = unit(vector.map((x, i) => x + (i === 0 ? 0.05 : 0)));
    const equal = Array.from({ length: 40 }, (_, i) => entry(i, { vector, pixels: "equal" }));
    await collection.add([
      ...equal,
      entry(40, { vector: near }),
      entry(41, { vector: unit(near.map((x, i) => x + (i === 1 ? 0.05 : 0))) }),
    ]);
    const groups = await duplicates(collection, { minScore: 0.95 });
    expect(groups.map(({ by, entries }) => [by, entries.length])).toEqual([
      ["vector", 42],
      ["pixels", 40],
    ]);
  });
});

/** A process that adds entry after entry and tells each, killed; how many it had told. */
async function killedAfter(name: string, delayMs: number): Promise<number> {
  const script = fileURLToPath(compiledUrl("add-entries.testkit.ts", import.meta.url));
  const child = spawn(process.execPath, [script, root, name]);
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
