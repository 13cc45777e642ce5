/** Golden images of families that cut tiles: rows of patches, tile by tile, and what goes wrong with their order. */
import { expect } from "vitest";
import type { PackedModel } from "../../src/core/pack/index.js";
import type { Fixture } from "./parity.js";
import type { GoldenImage } from "./vision-parity.js";

/** Rows of patches of all tiles, cut by images; a grid of one tile, or 0 by 0, is an image that is not split. */
export async function tiledImages(fixture: Fixture, { config }: PackedModel): Promise<GoldenImage[]> {
  const { image_size: side, patch_size: patch } = (
    config as { vision_config: Record<"image_size" | "patch_size", number> }
  ).vision_config;
  const [perSide, width] = [Math.floor(side / patch), 3 * patch * patch];
  const data = await fixture.floats("pixel_values");
  const grids = await fixture.numbers("tile_grids");
  let at = 0;
  return Array.from({ length: grids.length / 2 }, (_, i): GoldenImage => {
    const [rows, columns] = [Math.max(1, grids[2 * i]!), Math.max(1, grids[2 * i + 1]!)];
    const count = (rows * columns > 1 ? rows * columns + 1 : 1) * perSide * perSide;
    at += count;
    const grid = { rows: rows * perSide, columns: columns * perSide };
    return { pixels: { data: data.slice((at - count) * width, at * width), shape: [count, width], grid } };
  });
}

/** The image's patches in another order, `from` giving for each the one that comes in its place. */
function reordered({ pixels }: GoldenImage, from: (patch: number) => number): GoldenImage {
  const width = pixels.shape[1];
  const data = Float32Array.from(
    pixels.data,
    (_, i) => pixels.data[from(Math.floor(i / width)) * width + (i % width)]!,
  );
  expect(data).not.toEqual(pixels.data);
  return { pixels: { ...pixels, data } };
}

const patches = 16;
const withinTile = (within: (patch: number) => number) => (patch: number) =>
  patches * Math.floor(patch / patches) + within(patch % patches);

/** Of an image of two rows of three tiles and the whole, 4 × 4 patches each, in an order that a family might be read with. */
export const wrongOrders: readonly (readonly [what: string, change: (image: GoldenImage) => GoldenImage])[] = (
  [
    [
      "tiles in the order of columns",
      (patch) => {
        const tile = Math.floor(patch / patches);
        return tile < 6 ? patches * (3 * (tile % 2) + Math.floor(tile / 2)) + (patch % patches) : patch;
      },
    ],
    ["the whole before the tiles", (patch, count) => (patch + count - patches) % count],
    ["patches of a tile by columns", withinTile((i) => 4 * (i % 4) + Math.floor(i / 4))],
    [
      "patches in blocks as they are merged",
      withinTile((i) => {
        const [block, inside] = [i >> 2, i & 3];
        return 4 * (2 * (block >> 1) + (inside >> 1)) + 2 * (block & 1) + (inside & 1);
      }),
    ],
  ] satisfies [string, (patch: number, count: number) => number][]
).map(([what, order]) => [
  what,
  (image: GoldenImage) => reordered(image, (patch) => order(patch, image.pixels.shape[0])),
]);
