/** Images cut into tiles, against transformers: images.json of test/golden/idefics3 and internvl, made by make_golden.py beside each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { gridOf, numTiles } from "./grid.js";
import { type TilesProcessor, tilesProcessor } from "./image-processor.js";
import { withPixelBudget } from "./pixel-budget.js";
import { preprocess } from "./preprocess.js";
import type { RgbImage } from "./rgb-image.js";
import { patchesPerSide, tileSizes } from "./tiles.js";

interface Picture {
  readonly size: [number, number];
  readonly longestEdge: number;
  readonly side: number;
  readonly splits: boolean;
  readonly grid: [rows: number, columns: number];
  readonly tiles: [number, 3, number, number];
  readonly values: string;
}
interface Golden {
  readonly sizes: (Pick<Picture, "size" | "longestEdge" | "side"> & { first: number[]; second: number[] })[];
  readonly pictures: Picture[];
}
const goldens = join(import.meta.dirname, "../../../../test/golden");
const readImages = (family: string) => JSON.parse(readFileSync(join(goldens, family, "images.json"), "utf8"));
const { sizes, pictures }: Golden = readImages("idefics3");

interface NearestPicture extends Omit<Picture, "longestEdge" | "splits"> {
  readonly least: number;
  readonly most: number;
}
const nearest: { sizes: Omit<NearestPicture, "tiles" | "values">[]; pictures: NearestPicture[] } =
  readImages("internvl");

const colours = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const imageProcessor: TilesProcessor = {
  ...{
    kind: "tiles",
    arrangement: { longestEdge: 2048 },
    side: 512,
    splits: true,
    resample: "lanczos",
    patchSize: 16,
    ...colours,
  },
};

/** The formula of make_golden.py. */
function picture([width, height]: readonly [number, number]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      data[i++] = x * 5 + y;
      data[i++] = y * 7;
      data[i++] = x * y;
    }
  return { width, height, data };
}
const inOrder = ({ width, height }: { readonly width: number; readonly height: number }) => [width, height];

/** Of bytes, between our rows of single pixels and the reference's tiles of planes. */
function largestDifference(data: Float32Array, { side, values }: Pick<Picture, "side" | "values">): number {
  const reference = Buffer.from(values, "base64");
  expect(data).toHaveLength(reference.length);
  const differences = Array.from(data, (value, i) => {
    const [tile, pixel, channel] = [Math.floor(i / 3 / side ** 2), Math.floor(i / 3) % side ** 2, i % 3];
    return Math.abs(Math.round((value + 1) * 127.5) - reference[(tile * 3 + channel) * side ** 2 + pixel]!);
  });
  return Math.max(...differences);
}

describe("tiles", () => {
  it("brings 200 sizes, strips and single pixels among them, to exactly the reference's in both steps", () => {
    expect(sizes).toHaveLength(200);
    for (const { size, longestEdge, side, first, second } of sizes) {
      const { scaled, tiled } = tileSizes(
        { width: size[0], height: size[1] },
        { ...imageProcessor, arrangement: { longestEdge }, side },
      );
      expect([inOrder(scaled), inOrder(tiled)], `${size}, ${longestEdge} of ${side}`).toEqual([first, second]);
    }
  });

  it.each(pictures)("gives the reference's pixels, within 2/255, of $size in $grid tiles", (golden) => {
    const { size, side, longestEdge, splits, grid, tiles, values } = golden;
    const own = { ...imageProcessor, side, arrangement: { longestEdge }, splits, patchSize: 1 };
    const { data, grid: found, shape } = preprocess(picture(size), own);
    expect([found.rows / side, found.columns / side]).toEqual(grid.map((count) => Math.max(1, count)));
    expect(shape).toEqual([tiles[0] * side * side, 3]);
    expect(largestDifference(data, { side, values })).toBeLessThanOrEqual(2);
  });

  it("leaves out what no patch fills, and counts what it makes before it makes it", () => {
    const own = { ...imageProcessor, side: 14, patchSize: 4, arrangement: { longestEdge: 40 } };
    const image = picture([30, 20]);
    const { shape, grid } = preprocess(image, own);
    expect(gridOf(image, own)).toEqual(grid);
    expect(shape).toEqual([numTiles(grid, own) * patchesPerSide(own) ** 2, 48]);
    expect([grid.rows, grid.columns]).toEqual([6, 9]);
  });

  it("stays within a request's pixels, and takes as few tiles less as that needs", () => {
    const side = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: 70 }), (width, height, mostTiles) => {
        const image = { width, height };
        const budgeted = withPixelBudget(imageProcessor, { maxPixels: Math.min(mostTiles * 512 * 512, 2 ** 24) });
        const { tiled } = tileSizes(image, budgeted as TilesProcessor);
        const tiles = (tiled.width / 512) * (tiled.height / 512);
        const least = tileSizes(image, { ...imageProcessor, arrangement: { longestEdge: 512 } }).tiled;
        expect(tiles <= mostTiles || inOrder(tiled).join() === inOrder(least).join()).toBe(true);
        const usual = tileSizes(image, imageProcessor).tiled;
        if (usual.width * usual.height <= mostTiles * 512 * 512) expect(tiled).toEqual(usual);
      }),
      { seed: 11 },
    );
  });

  it.each([
    [{ minPixels: 512 * 512 }, "unsupported", { field: "minPixels" }],
    [{ maxPixels: 512 }, "invalid_request", { field: "maxPixels", least: 512 * 512 }],
  ] as const)("refuses the budget %j", (budget, code, details) => {
    expect(() => withPixelBudget(imageProcessor, budget)).toThrow(ocellusError(code, details));
  });
});

describe("tiles of the nearest proportions", () => {
  const own = ({ side, least, most }: Pick<NearestPicture, "side" | "least" | "most">): TilesProcessor => ({
    ...{ ...imageProcessor, side, arrangement: { least, most }, patchSize: 1, resample: "bicubic" },
  });

  it("are the reference's for 200 sizes, strips, ties and single pixels among them", () => {
    expect(nearest.sizes).toHaveLength(200);
    for (const { size, grid, ...rule } of nearest.sizes) {
      const { rows, columns } = gridOf({ width: size[0], height: size[1] }, own(rule));
      expect([rows / rule.side, columns / rule.side], JSON.stringify({ size, ...rule })).toEqual(grid);
    }
  });

  it.each(nearest.pictures)("have the reference's pixels, within 2/255, for $size in $grid tiles", (golden) => {
    const { data, shape } = preprocess(picture(golden.size), own(golden));
    expect(shape).toEqual([golden.tiles[0] * golden.side ** 2, 3]);
    expect(largestDifference(data, golden)).toBeLessThanOrEqual(2);
  });

  it("are at most as many as a request's pixels hold, and otherwise as without a budget", () => {
    const side = fc.integer({ min: 1, max: 5000 });
    const rule = { side: 448, least: 2, most: 12 };
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: 15 }), (width, height, mostTiles) => {
        const budgeted = withPixelBudget(own(rule), { maxPixels: mostTiles * 448 * 448 });
        const most = Math.min(12, mostTiles);
        const expected = gridOf({ width, height }, own({ ...rule, least: Math.min(2, most), most }));
        expect(gridOf({ width, height }, budgeted)).toEqual(expected);
        expect(expected.rows * expected.columns).toBeLessThanOrEqual(mostTiles * 448 * 448);
      }),
      { seed: 11 },
    );
  });

  const target = { side: 448, patchSize: 14, absent: {}, processors: ["GotOcr2ImageProcessor"] } as const;
  const published = {
    ...{
      crop_size: null,
      crop_to_patches: false,
      data_format: "channels_first",
      default_to_square: true,
      device: null,
    },
    ...{ do_center_crop: null, do_convert_rgb: true, do_normalize: true, do_rescale: true, do_resize: true },
    ...{ image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225], input_data_format: null },
    ...{ image_processor_type: "GotOcr2ImageProcessorFast", max_patches: 12, min_patches: 1, resample: 3 },
    ...{ processor_class: "InternVLProcessor", rescale_factor: 1 / 255, size: { height: 448, width: 448 } },
  };

  it("are cut as the published config says, whatever it says of cutting", () => {
    const found = tilesProcessor(published, target);
    expect(found).toMatchObject({ arrangement: { least: 1, most: 12 }, splits: true, side: 448, resample: "bicubic" });
    expect(tilesProcessor({ ...published, crop_to_patches: true, max_patches: 6 }, target)).toEqual({
      ...found,
      arrangement: { least: 1, most: 6 },
    });
  });

  it.each([
    [{ size: { height: 384, width: 384 } }, /^size: .*448.*384/],
    [{ size: { shortest_edge: 448 } }, /^size/],
    [{ min_patches: 13 }, /^min_patches/],
    [{ max_patches: 65 }, /^max_patches/],
    [{ max_patches: 2.5 }, /^max_patches/],
    [{ do_pad: true }, /^do_pad/],
    [{ do_image_splitting: true }, /^do_image_splitting/],
    [{ do_center_crop: true, crop_size: 448 }, /^do_center_crop/],
  ])("are refused by name with %j", (change, problem) => {
    const refused = ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] });
    expect(() => tilesProcessor({ ...published, ...change }, target)).toThrow(refused);
  });
});

describe("image processor configs of tiles", () => {
  const target = { side: 512, patchSize: 16, absent: {}, processors: ["SmolVLMImageProcessor"] } as const;
  const published = {
    ...{
      do_convert_rgb: true,
      do_image_splitting: true,
      do_normalize: true,
      do_pad: true,
      do_rescale: true,
      do_resize: true,
    },
    ...{
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
      image_processor_type: "SmolVLMImageProcessor",
      resample: 1,
    },
    ...{ max_image_size: { longest_edge: 512 }, processor_class: "SmolVLMProcessor", rescale_factor: 1 / 255 },
    ...{ size: { longest_edge: 2048 }, video_sampling: { fps: 1, max_frames: 64, video_size: { longest_edge: 512 } } },
  };

  it("as published are what is done", () => {
    expect(tilesProcessor(published, target)).toEqual(imageProcessor);
    expect(tilesProcessor({ ...published, do_image_splitting: false }, target).splits).toBe(false);
    expect(tilesProcessor({ ...published, resample: 3 }, target).resample).toBe("bicubic");
    const { size: _, ...silent } = published;
    expect(tilesProcessor(silent, target).arrangement).toEqual({ longestEdge: 4 * 364 }); // the class's
  });

  it.each([
    [{ max_image_size: { longest_edge: 384 } }, /^max_image_size\.longest_edge: .*512.*384/],
    [{ max_image_size: { height: 512, width: 512 } }, /^max_image_size/],
    [{ size: { height: 512, width: 512 } }, /^size/],
    [{ size: { longest_edge: 10_000 } }, /^size\.longest_edge/],
    [{ image_processor_type: "CLIPImageProcessor" }, /^image_processor_type/],
    [{ do_image_splitting: "no" }, /^do_image_splitting/],
    [{ crop_to_patches: true }, /^crop_to_patches/],
    [{ patch_size: 14 }, /^patch_size: .*16.*14/],
    [{ temporal_patch_size: 2 }, /^temporal_patch_size/],
  ])("with %j are refused by name", (change, problem) => {
    const refused = ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] });
    expect(() => tilesProcessor({ ...published, ...change }, target)).toThrow(refused);
  });
});
