import { describe, expect, it } from "vitest";
import { type PixelValues, preprocess, shown } from "./preprocess.js";
import type { ImageRecipe } from "./recipe.js";
import type { RgbImage } from "./rgb-image.js";

const picture: RgbImage = {
  width: 90,
  height: 61,
  data: Uint8Array.from({ length: 90 * 61 * 3 }, (_, i) => (i * 7919) % 256),
};
const colours = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] } as const;
const recipes: ImageRecipe[] = [
  { kind: "fit", width: 32, height: 32, patchSize: 8, ...colours },
  { kind: "center_crop", shortestEdge: 32, side: 32, patchSize: 8, ...colours },
  { kind: "stretch", resample: "bilinear", width: 32, height: 24, patchSize: 8, ...colours },
  {
    ...{ kind: "smart_resize", patchSize: 8, mergeSize: 2, temporalPatchSize: 2 },
    ...{ minPixels: 256, maxPixels: 2048, ...colours },
  },
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
