/** The images and pairs of frames of a fixture of qwen2_vl or qwen2_5_vl. */
import type { Fixture } from "./parity.js";
import type { GoldenImage } from "./vision-parity.js";

const stills = { pixels: "pixel_values", grids: "image_grid_thw", placeholder: 300 };

/** A grid [t, h, w] of a video is t images of [h, w]; `seconds` says how far apart. */
export async function goldenImages(fixture: Fixture, names = stills): Promise<GoldenImage[]> {
  const { placeholder } = names;
  const data = await fixture.floats(names.pixels);
  const numbers = await fixture.numbers(names.grids);
  const grids = Array.from({ length: numbers.length / 3 }, (_, i) => numbers.slice(3 * i, 3 * i + 3));
  const width = data.length / grids.reduce((sum, [t, h, w]) => sum + t! * h! * w!, 0);
  const seconds = names === stills ? undefined : await fixture.floats("seconds");
  let at = 0;
  return grids.flatMap(([t, rows, columns], v) =>
    Array.from({ length: t! }, (_, index): GoldenImage => {
      const count = rows! * columns!;
      at += count;
      const grid = { rows: rows!, columns: columns! };
      const pixels = { data: data.slice((at - count) * width, at * width), shape: [count, width], grid } as const;
      return { pixels, placeholder, ...(seconds && { pair: { index, seconds: seconds[v]! } }) };
    }),
  );
}
