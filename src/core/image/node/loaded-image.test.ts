import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { type DecodeImage, decodeAndDigest, LoadedImage } from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-loaded-"));
afterAll(() => rmSync(folder, { recursive: true }));

const png = (level: number) =>
  sharp({ create: { width: 4, height: 3, channels: 3, background: { r: level, g: 0, b: 0 } } })
    .png()
    .toBuffer();
const pixels = () => ({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });

function counting(): DecodeImage & { count: number } {
  const decode = Object.assign(
    (...given: Parameters<DecodeImage>) => {
      decode.count++;
      return decodeAndDigest(...given);
    },
    { count: 0 },
  );
  return decode;
}

describe("a loaded image", () => {
  it("is the same one wherever it is loaded again", () => {
    const image = LoadedImage.of("a.png");
    expect(LoadedImage.of(image)).toBe(image);
  });

  it("is read once: what a path shows later is another image", async () => {
    const path = join(folder, "a.png");
    writeFileSync(path, await png(10));
    const image = LoadedImage.of(path);
    const digest = await image.fileDigest();
    writeFileSync(path, await png(20));
    expect(await image.fileDigest()).toBe(digest);
    expect((await image.decoded(decodeAndDigest)).image.data[0]).toBe(10);
  });

  it("is decoded once, whoever asks, until it is taken", async () => {
    const image = LoadedImage.of(await png(10));
    const decode = counting();
    const [first, second] = await Promise.all([image.decoded(decode), image.decoded(decode)]);
    expect([decode.count, second]).toEqual([1, first]);
    expect(await image.take()).toBe(first);
    expect(await image.take()).toHaveProperty("bytes"); // it is forgotten
    await image.decoded(decode);
    expect(decode.count).toBe(2);
  });

  it("holds what the caller's memory held when it was loaded", async () => {
    const [bytes, given] = [new Uint8Array(await png(10)), pixels()];
    const [file, image] = [LoadedImage.of(bytes), LoadedImage.of(given)];
    bytes.fill(0);
    given.data.fill(0);
    expect((await file.decoded(decodeAndDigest)).image.data[0]).toBe(10);
    expect((await image.decoded(decodeAndDigest)).image.data).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("of pixels has no digest of a file, though a file could hold the same bytes", async () => {
    const [image, file] = [LoadedImage.of(pixels()), LoadedImage.of(Uint8Array.of(1, 2, 3))];
    const { digest } = await image.decoded(decodeAndDigest);
    expect(await image.fileDigest()).toBe(`pixels ${digest}`);
    expect(await file.fileDigest()).toMatch(/^[0-9a-f]{64}$/);
    expect(await image.take()).toMatchObject({ digest });
  });

  it("keeps each reader's own limits, and can be asked again after a refusal", async () => {
    const image = LoadedImage.of(await png(10));
    await image.read();
    await expect(image.read({ maxBytes: 10 })).rejects.toThrow(ocellusError("too_large", { maxBytes: 10 }));
    const failure = new Error("no");
    await expect(image.decoded(() => Promise.reject(failure))).rejects.toBe(failure);
    expect((await image.decoded(decodeAndDigest)).image.width).toBe(4);
    const missing = LoadedImage.of(join(folder, "later.png"));
    await expect(missing.read()).rejects.toThrow(ocellusError("not_found"));
    writeFileSync(join(folder, "later.png"), await png(10));
    expect(await missing.size()).toMatchObject({ width: 4, height: 3 });
    await expect(LoadedImage.of(pixels()).read({ maxPixels: 0 })).rejects.toThrow(ocellusError("too_large"));
  });
});
