/** Drawn pages: what re-encoding, light and cropping do to them is taken for the page, what a person would call a change is not. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { lookOf } from "./fingerprint.js";
import { NearDuplicates } from "./near-duplicates.js";
import { type RgbPixels, resample } from "./plane.js";

type Colour = readonly [number, number, number];
const white: Colour = [240, 240, 235];
const ink: Colour = [30, 32, 40];
const red: Colour = [222, 28, 38];
const orange: Colour = [255, 138, 10];
/** As light as red. */
const blue: Colour = [60, 85, 173];
/** 5 × 7 dots. */
const digits: Record<string, string> = {
  "3": "01110 10001 00001 00110 00001 10001 01110",
  "8": "01110 10001 10001 01110 10001 10001 01110",
};

interface Page {
  readonly digit?: string;
  readonly badge?: Colour;
  readonly badgeAt?: number;
  readonly hasNote?: boolean;
}

/** A page of 8s on soft light, a badge, a note. */
function page({ digit = "8", badge = red, badgeAt = 20, hasNote = true }: Page = {}): RgbPixels {
  const [width, height] = [192, 160];
  const data = new Uint8Array(width * height * 3);
  const fill = (left: number, top: number, w: number, h: number, colour: Colour) => {
    for (let y = top; y < top + h; y++) for (let x = left; x < left + w; x++) data.set(colour, (y * width + x) * 3);
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data.set(
        white.map((v) => v - (x >> 3) - (y >> 4)),
        (y * width + x) * 3,
      );
  for (let row = 0; row < 8; row++)
    for (let column = 0; column < 14; column++) {
      const dots = digits[row === 4 && column === 9 ? digit : "8"]!.split(" ");
      for (const [y, line] of dots.entries())
        for (const [x, dot] of [...line].entries())
          if (dot === "1") fill(12 + 9 * column + x, 40 + 12 * row + y, 1, 1, ink);
    }
  fill(badgeAt, 12, 16, 12, badge);
  if (hasNote) fill(150, 60, 24, 3, ink);
  return { width, height, data };
}

const changed = (image: RgbPixels, change: (value: number, i: number) => number): RgbPixels => ({
  ...image,
  data: Uint8Array.from(image.data, (value, i) => Math.max(0, Math.min(255, Math.round(change(value, i))))),
});

/** Part of a picture, at any size. */
function scaled(image: RgbPixels, width: number, height: number, start = 0, scale = 1, down = start): RgbPixels {
  const map = { x: { start, scale }, y: { start: down, scale } };
  const out = new Uint8Array(width * height * 3);
  for (let c = 0; c < 3; c++) {
    const data = Float32Array.from({ length: image.width * image.height }, (_, i) => image.data[3 * i + c]!);
    const { data: plane } = resample({ width: image.width, height: image.height, data }, width, height, map);
    for (const [i, value] of plane.entries()) out[3 * i + c] = Math.max(0, Math.min(255, Math.round(value)));
  }
  return { width, height, data: out };
}

const withThree = page({ digit: "3" });
const kept = { key: "kept", digest: "d", grid: { rows: 1, columns: 1 } };
function find(image: RgbPixels, scope = "model a", of = page()) {
  const near = new NearDuplicates(1e6);
  near.add("model a", kept, lookOf(of));
  return near.find(scope, lookOf(image));
}

const noise = (i: number) => ((Math.imul(i, 2654435761) >>> 24) / 255 - 0.5) * 12;

/** To a place in the middle of the page, from 0 to 1. */
function closeness(i: number): number {
  const [x, y] = [Math.floor(i / 3) % 192, Math.floor(i / 576)];
  return Math.exp(-((x - 100) ** 2 + (y - 90) ** 2) / 300);
}

async function jpeg({ width, height, data }: RgbPixels, quality: number): Promise<RgbPixels> {
  const file = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  return { width, height, data: await sharp(file).raw().toBuffer() };
}

describe("near pictures", () => {
  it.each<[string, RgbPixels]>([
    ["itself", page()],
    ["coarser in its numbers, as after a lossy encoding", changed(page(), (value, i) => value + noise(i))],
    ["darker", changed(page(), (value) => 0.9 * value)],
    ["brighter", changed(page(), (value) => 1.1 * value)],
    ["larger", scaled(page(), 288, 240)],
    ["smaller", scaled(page(), 144, 120)],
    ["cropped by 2 %", scaled(page(), 192, 160, 0.013, 0.98)],
    ["narrower by an eighth", scaled(page(), 168, 160)],
    [
      "darker in one place by less than an edge of anything",
      changed(page(), (value, i) => value - (i % 576 > 500 ? 6 : 0)),
    ],
  ])("takes a picture for the page that is %s", async (_, image) => {
    expect(await find(image)).toMatchObject(kept);
  });

  it.each([
    [10, 7],
    [31, 200],
    [300, 4],
    [1, 1],
  ])("takes nothing for an icon of %i × %i, nor an icon for anything", async (width, height) => {
    const icon = scaled(page(), width, height);
    expect(await find(icon)).toBeUndefined();
    expect(await find(page(), "model a", icon)).toBeUndefined();
    expect(await find(icon, "model a", scaled(page(), width + 1, height))).toBeUndefined();
  });

  it.each<[string, RgbPixels]>([
    ["one digit of 112 changed", page({ digit: "3" })],
    ["one digit half redrawn", changed(page(), (value, i) => 0.6 * value + 0.4 * withThree.data[i]!)],
    ["one colour changed", page({ badge: orange })],
    ["one colour changed for another that is as light", page({ badge: blue })],
    ["one thing moved", page({ badgeAt: 28 })],
    ["one thing removed", page({ hasNote: false })],
    ["all of it moved by two pixels to the left", scaled(page(), 192, 160, 2 / 192, 1, 0)],
    ["all of it moved up by two pixels", scaled(page(), 192, 160, 0, 1, 2 / 160)],
    [
      "a digit changed in a picture that is darker and cropped",
      changed(scaled(page({ digit: "3" }), 192, 160, 0.01, 0.98), (v) => 0.93 * v),
    ],
  ])("refuses a picture with %s, however alike it is at a glance", async (_, image) => {
    expect(await find(image)).toBeUndefined();
  });

  it.each([40, 75])("takes a JPEG of quality %i, and refuses it with one digit changed", async (quality) => {
    expect(await find(await jpeg(page(), quality))).toMatchObject(kept);
    expect(await find(await jpeg(page({ digit: "3" }), quality))).toBeUndefined();
  });

  it("refuses one digit changed in so coarse a JPEG that every edge is rough", async () => {
    expect(await find(await jpeg(page({ digit: "3" }), 20))).toBeUndefined();
  });

  it("refuses even the page itself where its JPEG is so coarse that smaller digits could change unseen", async () => {
    expect(await find(await jpeg(page(), 30))).toBeUndefined();
  });

  it.each<[string, RgbPixels]>([
    ["much darker", changed(page(), (value) => 0.8 * value)],
    ["greyer", changed(page(), (value) => value - 20)],
    ["with a soft shadow on it", changed(page(), (value, i) => value - 20 * closeness(i))],
  ])("refuses the page %s", async (_, image) => {
    expect(await find(image)).toBeUndefined();
  });

  it("refuses the page when it is much brighter", async () => {
    const dark = changed(page(), (value) => 0.75 * value);
    expect(await find(page(), "model a", dark)).toBeUndefined();
  });

  it("takes a picture in half its size; not in less, nor so soft that digits are told apart no more", async () => {
    const pale = page({ badge: [205, 195, 190] }); // a strong colour's edges go soft as well
    expect(await find(scaled(pale, 96, 80), "model a", pale)).toMatchObject(kept);
    expect(await find(scaled(pale, 80, 67), "model a", pale)).toBeUndefined();
    expect(await find(scaled(scaled(pale, 64, 54), 192, 160), "model a", pale)).toBeUndefined();
  });

  it("takes a crop of a picture whose detail lies between the pixels that are shown", async () => {
    const faint = changed(page(), (value) => 200 + 0.1 * value);
    const small = (start: number, scale: number) => scaled(faint, 128, 107, start, scale);
    expect(await find(small(0.01, 0.98), "model a", small(0, 1))).toMatchObject(kept);
  });

  it("refuses a picture with more detail than the kept one has, and takes the one with less", async () => {
    expect(await find(page(), "model a", scaled(page(), 96, 80))).toBeUndefined();
    expect(await find(scaled(page(), 96, 80))).toMatchObject(kept);
  });

  it("never crosses scopes", async () => {
    expect(await find(page(), "model b")).toBeUndefined();
  });

  it("stays within its budget, and forgets what was removed", async () => {
    const look = lookOf(page());
    const bytes = look.bytes.length + 384 * 4;
    const near = new NearDuplicates(2.5 * bytes);
    for (const key of ["1", "2", "3", "4"]) near.add("model a", { ...kept, key }, look);
    expect([near.size, near.bytes]).toEqual([2, 2 * bytes]);
    const { key } = (await near.find("model a", look))!;
    near.remove(key);
    expect((await near.find("model a", look))!.key).not.toBe(key);
  });

  it("takes no picture for another one that is as empty", async () => {
    const empty = (value: number) => ({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(value) });
    expect(await find(empty(20), "model a", empty(255))).toBeUndefined();
  });
});
