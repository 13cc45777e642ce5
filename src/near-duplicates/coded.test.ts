/** A JPEG of a page says less than the page: what it may have been is looked for near another picture, and what it says stays. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../core/image/node/index.js";
import { nearestCoded } from "./coded.js";
import { type Plane, planesOf } from "./plane.js";

/** Sides that end within blocks. */
const [width, height] = [61, 45];

/** Rough strokes on light paper; grey, so that luma is all there is. */
function page(change: (x: number, y: number) => number = () => 0): Buffer {
  return Buffer.from(
    Array.from({ length: width * height }, (_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      const isInk = (Math.imul(x + 7 * Math.floor(y / 3), 2654435761) >>> 28) % 3 === 0 && y % 12 < 7;
      return Math.min(255, Math.max(0, (isInk ? 40 : 225) + change(x, y)));
    }).flatMap((value) => [value, value, value]),
  );
}

const asPlane = (data: Uint8Array) => planesOf({ width, height, data }).luma;

async function coded(data: Buffer, quality: number) {
  const file = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  const { data: decoded, lumaSteps } = await decodeImage(file);
  return { luma: asPlane(decoded), steps: lumaSteps! };
}

function rest(a: Plane, b: Plane, within: (x: number, y: number) => boolean = () => true): number {
  let [sum, count] = [0, 0];
  for (const [i, value] of a.data.entries()) {
    if (!within(i % width, Math.floor(i / width))) continue;
    sum += (value - b.data[i]!) ** 2;
    count++;
  }
  return Math.sqrt(sum / count);
}

describe("of all pictures that a JPEG may stand for", () => {
  it.each([30, 60, 90])("the page it was made of is one: quality %i", async (quality) => {
    const original = asPlane(page());
    const told = await coded(page(), quality);
    const inBlocks = (x: number, y: number) => x < 56 && y < 40;
    expect(rest(told.luma, original, inBlocks)).toBeGreaterThan(3);
    expect(rest(nearestCoded(told, original), original, inBlocks)).toBeLessThan(
      0.35 * rest(told.luma, original, inBlocks),
    );
  });

  it("none is a page with other strokes", async () => {
    const isChanged = (x: number, y: number) => x >= 20 && x < 26 && y >= 12 && y < 20;
    const told = await coded(
      page((x, y) => (isChanged(x, y) ? (x % 2 ? 120 : -120) : 0)),
      60,
    );
    const original = asPlane(page());
    expect(rest(nearestCoded(told, original), original, isChanged)).toBeGreaterThan(40);
  });

  it("the decoded one is one", async () => {
    const told = await coded(page(), 60);
    expect(rest(nearestCoded(told, told.luma), told.luma)).toBeLessThan(1.5);
  });
});
