import sharp, { type SharpOptions } from "sharp";
import { describe, expect, it } from "vitest";
import { headerSize } from "./header.js";

const [width, height] = [37, 23];
const made = { create: { width, height, channels: 3, background: "#369" } } satisfies SharpOptions;
const formats = ["png", "jpeg", "webp", "gif"] as const;

/** As libvips reads it. */
async function known(bytes: Uint8Array) {
  const found = await sharp(bytes).metadata();
  const { orientation } = found;
  return { width: found.width, height: found.height, ...(orientation !== undefined && { orientation }) };
}

async function turned(format: "png" | "jpeg" | "webp", orientation: number): Promise<Uint8Array> {
  return new Uint8Array(await sharp(made).withMetadata({ orientation }).toFormat(format).toBuffer());
}

/** A JPEG whose first segment is the EXIF of a camera with the highest byte first. */
async function bigEndian(orientation: number): Promise<Uint8Array> {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  const exif = [...Buffer.from("Exif\0\0"), ...tiff];
  const plain = await sharp(made).jpeg().toBuffer();
  return Uint8Array.from([0xff, 0xd8, 0xff, 0xe1, 0, exif.length + 2, ...exif, ...plain.subarray(2)]);
}

const frames = () =>
  Promise.all(
    ["#369", "#963"].map((background) =>
      sharp({ create: { ...made.create, background } })
        .png()
        .toBuffer(),
    ),
  );

const variants: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  "a progressive JPEG": () => sharp(made).jpeg({ progressive: true }).toBuffer(),
  "a PNG of 16 bits, interlaced": () => sharp(made).toColourspace("rgb16").png({ progressive: true }).toBuffer(),
  "a lossless WebP": () => sharp(made).webp({ lossless: true }).toBuffer(),
  "a lossy WebP with transparency": () => sharp(made).ensureAlpha(0.5).webp().toBuffer(),
  "an animated GIF": async () =>
    sharp(await frames(), { join: { animated: true } })
      .gif()
      .toBuffer(),
  "an animated WebP": async () =>
    sharp(await frames(), { join: { animated: true } })
      .webp()
      .toBuffer(),
  "a JPEG with the highest byte first": () => bigEndian(6),
};

describe("the size in an image's header", () => {
  it.each(formats)("is libvips's for %s", async (format) => {
    const bytes = await sharp(made).toFormat(format).toBuffer();
    expect(headerSize(bytes)).toEqual({ width, height });
    expect(await known(bytes)).toEqual({ width, height });
  });

  it.each(["png", "jpeg", "webp"] as const)("has every orientation that EXIF tells of %s", async (format) => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await turned(format, orientation);
      expect(await known(bytes)).toEqual({ width, height, orientation });
      expect(headerSize(bytes)).toEqual({ width, height, orientation });
    }
  });

  it.each(Object.keys(variants))("is libvips's for %s", async (name) => {
    const bytes = await variants[name]!();
    expect(headerSize(bytes)).toEqual(await known(bytes));
  });

  it("is that of the whole file, or unknown, wherever the file is cut", async () => {
    for (const bytes of [await turned("png", 6), await turned("jpeg", 6), await turned("webp", 6)]) {
      const whole = headerSize(bytes)!;
      for (let length = 0; length < bytes.length; length++) {
        const found = headerSize(bytes.subarray(0, length));
        if (found) expect(whole).toMatchObject(found);
      }
    }
  });

  it("is unknown of other bytes", () => {
    for (const bytes of [[], [0xff, 0xd8], [0xff, 0xd8, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8]])
      expect(headerSize(Uint8Array.from(bytes))).toBeUndefined();
  });
});
