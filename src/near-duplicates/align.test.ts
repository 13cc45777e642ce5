import { createHash } from "node:crypto";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { align } from "./align.js";
import { bicubic, type FrameMap, lanczos, type Plane, resample, whole } from "./plane.js";

/** Lines of print that look alike from afar, on sides that cannot be halved. */
function print(width: number, height: number): Plane {
  const isInk = (x: number, y: number) => y % 7 < 4 && createHash("md5").update(`${x} ${y}`).digest()[0]! < 100;
  const data = Float32Array.from({ length: width * height }, (_, i) =>
    isInk(Math.floor((i % width) / 2), Math.floor(i / width / 2)) ? 30 : 235,
  );
  return { width, height, data };
}

function cut({ width, data }: Plane, left: number, top: number, w: number, h: number): Plane {
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) out.set(data.subarray((top + y) * width + left, (top + y) * width + left + w), y * w);
  return { width: w, height: h, data: out };
}

const kept = print(309, 421);

describe("a picture is laid on", () => {
  it.each([
    [0, 0],
    [3, 5],
    [6, 8],
    [0, 8],
    [6, 1],
  ])("the kept picture's own pixels, where it is a crop that begins at %i, %i", (left, top) => {
    const { map } = align(cut(kept, left, top, 309 - 6, 421 - 8), kept);
    expect(map.x.start * 309).toBeCloseTo(left, 6);
    expect(map.x.scale * 309).toBeCloseTo(309 - 6, 6);
    expect(map.y.start * 421).toBeCloseTo(top, 6);
    expect(map.y.scale * 421).toBeCloseTo(421 - 8, 6);
  });

  it.each([
    [155, 211],
    [232, 316],
    [618, 842],
  ])("all of it, where it is a copy of %i × %i", (width, height) => {
    expect(align(resample(kept, width, height, whole), kept).map).toEqual(whole);
  });

  it.each([
    ["bicubic", bicubic],
    ["lanczos", lanczos],
  ])("all of it by the kernel that it was made smaller with: %s", (_, kernel) => {
    const { map, kernel: found } = align(resample(kept, 155, 211, whole, kernel), kept);
    expect(map).toEqual(whole);
    expect(found).toBe(kernel);
  });

  it("all of it in its own ratio, where the height was rounded to whole pixels", async () => {
    const raw = { width: 309, height: 421, channels: 1 } as const;
    const half = sharp(Uint8Array.from(kept.data), { raw }).resize({ width: 155 }).toColourspace("b-w").raw();
    const { data, info } = await half.toBuffer({ resolveWithObject: true });
    const image = { width: info.width, height: info.height, data: Float32Array.from(data) };
    const { map, kernel, isBetween } = align(image, kept);
    expect(map.x).toEqual(whole.x);
    expect(map.y.scale).toBeCloseTo((info.height / 421) * (309 / 155), 9);
    expect(kernel).toBe(lanczos);
    expect(isBetween).toBe(false);
  });

  it("what it shows to a tenth of a pixel, where that lies between the pixels, and in its light", () => {
    const shown: FrameMap = { x: { scale: 0.985, start: 0.0071 }, y: { scale: 0.991, start: 0.0034 } };
    const image = resample(kept, 290, 400, shown);
    for (let i = 0; i < image.data.length; i++) image.data[i] = 0.9 * image.data[i]! + 3;
    const { map, gain, offset } = align(image, kept);
    for (const axis of ["x", "y"] as const) {
      expect(Math.abs(map[axis].start - shown[axis].start) * 421).toBeLessThan(0.1);
      expect(Math.abs(map[axis].scale - shown[axis].scale) * 421).toBeLessThan(0.1);
    }
    expect(gain).toBeCloseTo(0.9, 2);
    expect(Math.abs(offset - 3)).toBeLessThan(0.5);
  });
});
