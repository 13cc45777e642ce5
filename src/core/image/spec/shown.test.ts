import { describe, expect, it } from "vitest";
import type { PixelValues } from "./pixel-values.js";
import { preprocess, shown } from "./preprocess.js";
import type { CenterCropRecipe, ImageRecipe } from "./recipe.js";
import { resizeColumnsFirst } from "./resize.js";
import type { RgbImage } from "./rgb-image.js";

const picture: RgbImage = {
  width: 90,
  height: 61,
  data: Uint8Array.from({ length: 90 * 61 * 3 }, (_, i) => (i * 7919) % 256),
};
const colours = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] } as const;
const recipes: ImageRecipe[] = [
  { kind: "fit", width: 32, height: 32, patchSize: 8, ...colours },
  { kind: "center_crop", resize: { shortestEdge: 32 }, resample: "bicubic", side: 32, patchSize: 8, ...colours },
  { kind: "stretch", resample: "bilinear", width: 32, height: 24, patchSize: 8, ...colours },
  {
    ...{ kind: "smart_resize", patchSize: 8, mergeSize: 2, temporalPatchSize: 2 },
    ...{ minPixels: 256, maxPixels: 2048, ...colours },
  },
  { kind: "tiles", longestEdge: 64, side: 16, splits: true, resample: "lanczos", patchSize: 8, ...colours },
];

describe("what a model is shown of a picture", () => {
  it.each(recipes)("is exactly what its pixel values are made of: $kind", (recipe) => {
    const seen = shown(picture, recipe);
    expect(seen.data).toHaveLength(seen.width * seen.height * 3);
    const pixels = ({ own: _, ...values }: PixelValues) => values; // all but the size it came in
    expect(pixels(preprocess(seen, recipe))).toEqual(pixels(preprocess(picture, recipe)));
  });

  it("is the middle where the recipe cuts: what lies outside changes nothing", () => {
    const recipe = recipes[1]!;
    const painted = { ...picture, data: picture.data.map((value, i) => (Math.floor(i / 3) % 90 < 4 ? 255 : value)) };
    expect(shown(painted, recipe)).toEqual(shown(picture, recipe));
    expect(shown(painted, recipes[0]!)).not.toEqual(shown(picture, recipes[0]!));
  });
});

describe("the middle of a picture", () => {
  it("is as it would be cut from the whole, whatever its form", () => {
    for (const [width, height] of [
      [90, 61],
      [33, 500],
      [7, 32],
      [32, 32],
    ] as const) {
      const recipe = recipes[1] as CenterCropRecipe;
      const image = {
        width,
        height,
        data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 256),
      };
      const edge = Math.min(width, height);
      const whole = resizeColumnsFirst(image, Math.trunc((width * 32) / edge), Math.trunc((height * 32) / edge));
      const [left, top] = [Math.floor((whole.width - 32) / 2), Math.floor((whole.height - 32) / 2)];
      const rows = Array.from({ length: 32 }, (_, y) => {
        const from = ((top + y) * whole.width + left) * 3;
        return whole.data.subarray(from, from + 96);
      });
      expect(shown(image, recipe).data).toEqual(Uint8Array.from(rows.flatMap((row) => [...row])));
    }
  });

  it("is all that is made of a strip of 200 to 1", () => {
    const strip = { width: 20_000, height: 100, data: new Uint8Array(20_000 * 100 * 3) };
    const recipe = { ...(recipes[1] as CenterCropRecipe), resize: { shortestEdge: 4096 }, side: 4096, patchSize: 4096 }; // 10 GB whole
    expect(shown(strip, recipe).data).toHaveLength(4096 * 4096 * 3);
  });
});
