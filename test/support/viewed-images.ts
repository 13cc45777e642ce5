/** Golden images of idefics2: views of different shapes, an image's quarters and then the whole. */
import type { ImageGrid } from "../../src/core/image/spec/index.js";
import type { PackedModel } from "../../src/core/pack/index.js";
import type { Fixture } from "./parity.js";
import type { GoldenImage } from "./vision-parity.js";

/** Rows of patches of all views, cut by images. */
export async function viewedImages(fixture: Fixture, { config }: PackedModel): Promise<GoldenImage[]> {
  const width = 3 * (config as { vision_config: { patch_size: number } }).vision_config.patch_size ** 2;
  const data = await fixture.floats("pixel_values");
  const numbers = await fixture.numbers("view_grids");
  const grids = Array.from({ length: numbers.length / 2 }, (_, i) => ({
    rows: numbers[2 * i]!,
    columns: numbers[2 * i + 1]!,
  }));
  let at = 0;
  return (await fixture.numbers("num_views")).map((numViews): GoldenImage => {
    const views = grids.splice(0, numViews);
    const count = views.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    at += count;
    const [quarters, whole] = [views.slice(0, -1), views.at(-1)!];
    const grid: ImageGrid = quarters.length > 0 ? { ...whole, quarters } : whole;
    return { pixels: { data: data.slice((at - count) * width, at * width), shape: [count, width], grid } };
  });
}
