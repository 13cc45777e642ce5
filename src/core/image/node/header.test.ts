import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { ImageProcessor } from "../spec/index.js";
import { gridOf } from "../spec/index.js";
import { type ImageInput, LoadedImage, preparedBytes, prepareImage } from "./index.js";

const common = { patchSize: 14, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const [tiles, quarters] = [
  { kind: "tiles", arrangement: { longestEdge: 120 }, side: 30, splits: true, resample: "lanczos", ...common },
  { kind: "quarters", splits: true, shortestEdge: 20, longestEdge: 60, resample: "bilinear", ...common },
] as const satisfies ImageProcessor[];

/** One of each kind at least: a kind that joins the union has to join here. */
const byKind: { readonly [K in ImageProcessor["kind"]]: readonly Extract<ImageProcessor, { readonly kind: K }>[] } = {
  fit: [{ kind: "fit", width: 28, height: 56, ...common }],
  stretch: [
    { kind: "stretch", width: 28, height: 56, resample: "bicubic", ...common },
    { kind: "stretch", width: 14, height: 14, resample: "align_corners", ...common },
  ],
  center_crop: [
    { kind: "center_crop", side: 28, resize: { shortestEdge: 30 }, resample: "bicubic", ...common },
    { kind: "center_crop", side: 28, resize: { width: 42, height: 30 }, resample: "bilinear", ...common },
  ],
  patch_budget: [{ kind: "patch_budget", maxPatches: 12, resample: "bilinear", ...common }],
  slices: [{ kind: "slices", maxSlices: 4, scaleResolution: 28, sideMultiple: 14, resample: "bicubic", ...common }],
  smart_resize: [
    { kind: "smart_resize", mergeSize: 2, temporalPatchSize: 2, minPixels: 2000, maxPixels: 9000, ...common },
  ],
  tiles: [
    tiles,
    { ...tiles, splits: false },
    { ...tiles, maxPixels: 2 * 30 * 30 },
    { ...tiles, arrangement: { least: 1, most: 6 } },
    { ...tiles, arrangement: { least: 1, most: 6 }, maxPixels: 2 * 30 * 30 },
  ],
  quarters: [quarters, { ...quarters, splits: false }, { ...quarters, maxPixels: 30 * 30 }],
};
const imageProcessors: readonly ImageProcessor[] = Object.values(byKind).flat();
const drawn = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 1, g: 2, b: 3 } } });

/** A header and white pixels: 24 bits each, rows of whole words. */
function bmp(width: number, height: number): Uint8Array {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(54 + rowBytes * height, 255);
  bytes.fill(0, 0, 54).write("BM", 0);
  for (const [at, value] of [
    [10, 54],
    [14, 40],
    [18, width],
    [22, height],
  ] as const)
    bytes.writeInt32LE(value, at);
  bytes.writeInt16LE(1, 26);
  bytes.writeInt16LE(24, 28);
  return bytes;
}

const bytesOf = async (input: ImageInput, imageProcessor: ImageProcessor) =>
  preparedBytes(gridOf(await LoadedImage.of(input).size(), imageProcessor), imageProcessor);

describe("the bytes of a prepared picture", () => {
  it("are known from its header, for every image processor and every kind of file, turned or not", async () => {
    const turned = await drawn(120, 50).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const inputs = [
      turned,
      bmp(70, 30),
      await drawn(33, 77).png().toBuffer(),
      `data:image/gif;base64,${(await drawn(300, 200).gif().toBuffer()).toString("base64")}`,
      { width: 90, height: 40, data: new Uint8Array(90 * 40 * 3) },
    ];
    for (const imageProcessor of imageProcessors)
      for (const input of inputs) {
        const { pixels } = await prepareImage(await LoadedImage.of(input).take(), imageProcessor);
        expect(await bytesOf(input, imageProcessor), JSON.stringify(imageProcessor)).toBe(pixels.data.byteLength);
      }
  });

  it("are never a number that means nothing: a picture of no size is refused", async () => {
    for (const [width, height] of [
      [0, 5],
      [-5, 5],
    ] as const) {
      const broken = bmp(5, 5);
      new DataView(broken.buffer, broken.byteOffset).setInt32(18, width, true);
      new DataView(broken.buffer, broken.byteOffset).setInt32(22, height, true);
      await expect(bytesOf(broken, byKind.slices[0]!)).rejects.toMatchObject({ code: "invalid_image" });
    }
  });
});
