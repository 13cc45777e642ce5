/**
 * What an encoder's features and a kept prefix are found by, against the pixels themselves: of one image under two budgets, one
 * key means one array of pixel values. For every kind of image processor; where a kind takes no budget there is one key.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encoderCacheKey } from "../src/core/cache/index.js";
import { gridOf, type ImageProcessor, preprocess, withPixelBudget } from "../src/core/image/spec/index.js";
import { noise } from "./support/small-qwen3-vl.js";

const common = { patchSize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const bilinear = { resample: "bilinear", ...common } as const;
type OfKind = { readonly [K in ImageProcessor["kind"]]: readonly Extract<ImageProcessor, { kind: K }>[] };
const processors: OfKind = {
  fit: [{ kind: "fit", width: 20, height: 16, ...common }],
  stretch: [{ kind: "stretch", width: 20, height: 16, ...bilinear }],
  center_crop: [{ kind: "center_crop", side: 16, resize: { shortestEdge: 18 }, ...bilinear }],
  patch_budget: [{ kind: "patch_budget", maxPatches: 40, ...bilinear }],
  smart_resize: [
    { kind: "smart_resize", mergeSize: 2, temporalPatchSize: 2, minPixels: 200, maxPixels: 9000, ...common },
  ],
  slices: [{ kind: "slices", maxSlices: 9, scaleResolution: 24, sideMultiple: 4, ...bilinear }],
  tiles: [
    { kind: "tiles", arrangement: { longestEdge: 70 }, side: 18, splits: true, ...bilinear },
    { kind: "tiles", arrangement: { longestEdge: 64 }, side: 16, splits: false, ...bilinear },
    { kind: "tiles", arrangement: { least: 1, most: 12 }, side: 16, splits: true, ...bilinear },
  ],
  quarters: [true, false].map((splits) => ({
    kind: "quarters",
    splits,
    shortestEdge: 12,
    longestEdge: 50,
    ...bilinear,
  })),
};
const flat: ImageProcessor[] = Object.values(processors).flat();
const named = flat.map((it, i) => [`${it.kind} ${i}`, it] as const);
const parts = { model: "m", preprocessing: "p", pixels: "d" };

/** The processor under a budget, or as it is if it takes none. */
function under(imageProcessor: ImageProcessor, maxPixels: number): ImageProcessor {
  try {
    return withPixelBudget(imageProcessor, { maxPixels });
  } catch (error) {
    expect(error).toMatchObject({ code: "unsupported" });
    return imageProcessor;
  }
}

describe("one image under many budgets", () => {
  const side = fc.integer({ min: 2, max: 90 });
  const budgets = fc.array(fc.integer({ min: 576, max: 5000 }), { minLength: 12, maxLength: 12 });

  it.each(named)("has one key only where it has the same pixel values: %s", (_, imageProcessor) => {
    fc.assert(
      fc.property(side, side, budgets, (width, height, several) => {
        const image = noise(width + height, width, height);
        const byKey = new Map<string, Float32Array>();
        for (const budgeted of [imageProcessor, ...several.map((most) => under(imageProcessor, most))]) {
          const { data, grid } = preprocess(image, budgeted);
          expect(gridOf(image, budgeted)).toEqual(grid);
          const key = encoderCacheKey({ ...parts, ...grid });
          const same = byKey.get(key) ?? data;
          expect(Buffer.compare(Buffer.from(same.buffer), Buffer.from(data.buffer)), key).toBe(0);
          byKey.set(key, data);
        }
      }),
      { seed: 11, numRuns: 40 },
    );
  });
});
