import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { temporaryFolder } from "../../base/temporary-folder.testkit.js";
import { encoderCacheKey } from "./encoder-cache-key.js";
import { decodeRecord, encodeRecord } from "./feature-record.node.js";
import { type Features, fromStored, toStored } from "./features.js";
import { openCache } from "./open-encoder-cache.js";

/** 20 bytes as they are kept. */
const features = (value: number): Features => ({ visual_tokens: new Float32Array(10).fill(value) });
const firstValue = async (found: Promise<{ features: Features }>) => (await found).features.visual_tokens![0];
const never = () => Promise.reject(new Error("encoded again"));

/** Whole numbers below a limit, the same ones every time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The files of a disk tier. */
const recordsIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

describe("the feature store", () => {
  it("refuses a folder that is in use, naming it, and leaves nothing when it is closed", async () => {
    const folder = temporaryFolder();
    const store = await openCache({ folder });
    const path = join(folder, "in-use.lock");
    await expect(openCache({ folder })).rejects.toThrow(ocellusError("unavailable", { folder, path }));
    await store.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("encodes a picture once, also for two who ask at the same time", async () => {
    const store = await openCache();
    let runs = 0;
    const encode = async () => features(++runs);
    const found = await Promise.all([store.get("x", encode), store.get("x", encode)]);
    found.push(await store.get("x", encode));
    expect(found.map(({ source }) => source)).toEqual(["encoded", "memory", "memory"]);
    expect(found.map(({ features: { visual_tokens: v } }) => v![0])).toEqual([1, 1, 1]);
    expect(await firstValue(store.get("y", encode))).toBe(2);
  });

  it("gives the first asker what every later one gets, rounded as it is kept", async () => {
    const store = await openCache();
    const third = async () => features(1 / 3);
    const [first, later] = [await firstValue(store.get("x", third)), await firstValue(store.get("x", never))];
    expect(first).not.toBe(Math.fround(1 / 3));
    expect(later).toBe(first);
  });

  it("keeps apart what differs in any part of the key", async () => {
    const parts = { model: "m", preprocessing: "p", pixels: "d", rows: 4, columns: 6 };
    const cuts = [{ slices: { rows: 1, columns: 2 } }, { slices: { rows: 2, columns: 1 } }, { quarters: [1, 2, 3, 4] }];
    const sizes = [{ fitted: { width: 60, height: 41 } }, { fitted: { width: 41, height: 60 } }];
    const variants = [
      {},
      { model: "n" },
      { preprocessing: "q" },
      { pixels: "e" },
      { rows: 6, columns: 4 },
      ...cuts,
      ...sizes,
    ];
    const store = await openCache();
    const keys = variants.map((variant) => encoderCacheKey({ ...parts, ...variant }));
    const values = await Promise.all(keys.map((key, i) => firstValue(store.get(key, async () => features(i)))));
    expect(values).toEqual([...variants.keys()]);
  });

  it("keeps nothing with a budget of 0, and still answers", async () => {
    const store = await openCache({ maxBytes: 0 });
    let runs = 0;
    for (let i = 1; i <= 3; i++) expect(await firstValue(store.get("x", async () => features(++runs)))).toBe(i);
    expect(store.stats).toMatchObject({ bytes: 0, entries: 0 });
  });

  it("keeps what is pinned, whatever else is asked for, until the last holder lets go, within a budget of its own", async () => {
    const store = await openCache({ maxBytes: 0, maxPinnedBytes: 45 });
    const letGo = [await store.pin("a", async () => features(1)), await store.pin("a", async () => features(9))];
    await store.pin("b", async () => features(2));
    await expect(store.pin("c", async () => features(3))).rejects.toMatchObject({ code: "too_large" });
    for (let i = 0; i < 50; i++) await store.get(`other ${i % 7}`, async () => features(i));
    expect(store.stats).toMatchObject({ pinnedBytes: 40, bytes: 0 });
    const sourceOf = async (key: string) => (await store.get(key, async () => features(1))).source;
    expect(await sourceOf("a")).toBe("memory");
    letGo[0]!();
    letGo[0]!(); // twice says nothing more
    expect(await sourceOf("a")).toBe("memory");
    letGo[1]!();
    expect(store.stats.pinnedBytes).toBe(20);
    expect(await sourceOf("a")).toBe("encoded");
  });

  it("does not remember a failure", async () => {
    const store = await openCache();
    const no = new Error("no");
    await expect(store.get("x", () => Promise.reject(no))).rejects.toBe(no);
    expect(await firstValue(store.get("x", async () => features(3)))).toBe(3);
  });

  it("lets one asker go without taking the picture from the other, and stops the work when no one is left", async () => {
    const store = await openCache();
    const [first, second] = [new AbortController(), new AbortController()];
    let unwanted: AbortSignal | undefined;
    let done = (_: Features) => {};
    const encode = (signal: AbortSignal) => {
      unwanted = signal;
      return new Promise<Features>((resolve) => {
        done = resolve;
      });
    };
    const one = store.get("x", encode, first.signal);
    const two = store.get("x", encode, second.signal);
    await Promise.resolve();
    first.abort();
    await expect(one).rejects.toThrow(ocellusError("aborted"));
    expect(unwanted!.aborted).toBe(false);
    second.abort();
    await expect(two).rejects.toThrow(ocellusError("aborted"));
    expect(unwanted!.aborted).toBe(true);
    const next = firstValue(store.get("x", async () => features(2)));
    done(features(1)); // a run that could not be stopped any more is not remembered
    expect(await next).toBe(2);
    expect(await firstValue(store.get("x", never))).toBe(2);
  });

  it("never mixes keys up when every hash of them is the same", async () => {
    const options = { folder: temporaryFolder(), hash: () => 7, nameOf: () => "00".repeat(32) };
    for (let round = 0; round < 2; round++) {
      const store = await openCache({ ...options, maxBytes: 100 });
      for (let i = 0; i < 40; i++)
        expect(await firstValue(store.get(`key ${i % 8}`, async () => features(i % 8)))).toBe(i % 8);
      expect(store.stats.damagedRecords).toBe(0);
      await store.close();
    }
  });

  it("answers concurrent lookups as an oracle without a memory does, with evictions, aborts and a disk", async () => {
    const numLookups = Number(process.env.OCELLUS_LOOKUPS ?? 10_000);
    const store = await openCache({ maxBytes: 400, folder: temporaryFolder(), maxFolderBytes: 6000 });
    const random = randomNumbers(1);
    const ask = async () => {
      const image = Math.min(random(60), random(60));
      const controller = random(10) === 0 ? new AbortController() : undefined;
      const encode = async () => {
        await new Promise((resolve) => setTimeout(resolve, random(2)));
        return features(image);
      };
      const asked = firstValue(store.get(`picture ${image}`, encode, controller?.signal));
      if (controller) setTimeout(() => controller.abort(), random(2));
      const value = await asked.catch((error: Error) => error.message);
      if (value !== "the caller aborted the request") expect(value).toBe(image);
      expect(store.stats.bytes).toBeLessThanOrEqual(400);
    };
    const worker = async () => {
      for (let i = 0; i < numLookups / 40; i++) await ask();
    };
    await Promise.all(Array.from({ length: 40 }, worker));
    await store.close();
    expect(store.stats).toMatchObject({ damagedRecords: 0, diskFailures: 0 });
  }, 600_000);
});

describe("features on disk", () => {
  it("are there after a restart, and within their budget", async () => {
    const folder = temporaryFolder();
    const first = await openCache({ folder });
    for (let i = 0; i < 20; i++) await first.get(`${i}`, async () => features(i));
    await first.close();
    expect(first.stats.diskRecords).toBe(20);
    const recordBytes = first.stats.diskBytes / 20;
    const second = await openCache({ folder, maxFolderBytes: 5.5 * recordBytes });
    const found = await second.get("3", never);
    expect([found.source, found.features.visual_tokens![0]]).toEqual(["disk", 3]);
    await second.get("new", async () => features(1));
    await second.close();
    expect(second.stats.diskBytes).toBeLessThanOrEqual(5.5 * recordBytes);
    const onDisk = recordsIn(folder).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(onDisk).toBe(second.stats.diskBytes);
  });

  it("that are damaged in any byte, or cut short, are noticed, dropped, made again and counted", async () => {
    const folder = temporaryFolder();
    const fill = await openCache({ folder });
    await fill.get("x", async () => features(1));
    await fill.close();
    const [path] = recordsIn(folder);
    const sound = readFileSync(path!);
    for (const damage of [0, 9, 20, sound.length - 40, sound.length - 1, "cut", "empty"] as const) {
      const bytes = Buffer.from(sound);
      if (typeof damage === "number") bytes[damage]! ^= 1;
      writeFileSync(path!, damage === "cut" ? bytes.subarray(0, 50) : damage === "empty" ? "" : bytes);
      const store = await openCache({ folder });
      expect(await firstValue(store.get("x", async () => features(2)))).toBe(2);
      await store.close();
      expect(store.stats).toMatchObject({ damagedRecords: 1, diskRecords: 1 });
      expect(decodeRecord(readFileSync(path!))).toBeDefined();
    }
  });

  it("that were swapped by hand answer for no one", async () => {
    const folder = temporaryFolder();
    const fill = await openCache({ folder });
    for (const value of [1, 2]) await fill.get(`${value}`, async () => features(value));
    await fill.close();
    const [one, two] = recordsIn(folder) as [string, string];
    renameSync(one, `${folder}/aside`);
    renameSync(two, one);
    renameSync(`${folder}/aside`, two);
    const store = await openCache({ folder });
    for (const value of [1, 2]) {
      const found = await store.get(`${value}`, async () => features(value));
      expect([found.source, found.features.visual_tokens![0]]).toEqual(["encoded", value]);
    }
    await store.close();
    expect(store.stats.damagedRecords).toBe(2);
  });

  it("cost an answer nothing but time when the disk fails", async () => {
    const folder = temporaryFolder();
    const store = await openCache({ folder });
    for (let i = 0; i < 256; i++) writeFileSync(join(folder, i.toString(16).padStart(2, "0")), ""); // files where folders should be
    expect(await firstValue(store.get("x", async () => features(1)))).toBe(1);
    await store.close();
    expect(store.stats.diskFailures).toBeGreaterThan(0);
  });
});

describe("a record", () => {
  it("gives back any features: 16 bit where the largest value loses no more than f16 must, else all bits", () => {
    const values = fc.array(fc.float({ noDefaultInfinity: true, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(values, fc.string(), (list, key) => {
        const stored = toStored({ a: Float32Array.from(list), b: Float32Array.of(1 / 3) });
        const { key: again, stored: read } = decodeRecord(encodeRecord(key, stored))!;
        expect([again, read]).toEqual([key, stored]);
        const { a, b } = fromStored(read) as { a: Float32Array; b: Float32Array };
        const largest = Math.max(0, ...list.map(Math.abs));
        for (const [i, value] of list.entries())
          expect(Math.abs(a[i]! - value)).toBeLessThanOrEqual(2 ** -11 * largest);
        expect(b[0]).toBeCloseTo(1 / 3, 3);
      }),
      { seed: 61 },
    );
    const dtypes = (...list: number[]) => toStored({ a: Float32Array.from(list) })[0]!.dtype;
    expect([dtypes(1, 1 / 3), dtypes(1e6, 1), dtypes(1e-8), dtypes(Number.NaN)]).toEqual(["f16", "f32", "f32", "f32"]);
  });
});
