/** The golden cases of qwen3_5 (test/golden/qwen3_5/make_golden.py): packed, with what the vision graph makes of their images and pairs of frames. */
import { join } from "node:path";
import { GraphSession } from "../../src/core/backend/index.js";
import type { ImageGrid } from "../../src/core/image/spec/index.js";
import type { GridInPrompt } from "../../src/core/models/index.js";
import type { PackedModel } from "../../src/core/pack/index.js";
import type { PlacedImage, SequenceInputs } from "../../src/core/runtime/sequence-inputs.js";
import { encodeImage } from "../../src/core/runtime/vision.js";
import { repository, temporaryFolder } from "./folders.js";
import { type Fixture, oneThread, openExact, openFixture } from "./parity.js";

export const qwen35Cases = ["tied-one-image", "untied-two-images", "second-turn", "image-and-video", "text-only"];
const patchValues = 1536;

export interface Qwen35Case {
  readonly weights: string;
  readonly fixture: Fixture;
  readonly packed: PackedModel;
  readonly ids: readonly number[];
  /** Images, then pairs of frames: their grids and rows of pixel values. */
  readonly pixels: readonly { readonly grid: ImageGrid; readonly data: Float32Array }[];
  readonly images: readonly (GridInPrompt & PlacedImage)[];
  /** What a request brings that holds the first tokens and the images among them. */
  inputs(length?: number): SequenceInputs;
}

export async function openQwen35Case(name: string): Promise<Qwen35Case> {
  const folder = join(repository, "test/golden/qwen3_5", name);
  const weights = join(folder, "model.safetensors");
  const fixture = await openFixture(folder);
  const packed = await openExact(weights, join(temporaryFolder(), "packed"));
  const ids = await fixture.numbers("input_ids");
  const stills = await piecesOf(fixture, "pixel_values", "image_grid_thw");
  const pairs = await piecesOf(fixture, "pixel_values_videos", "video_grid_thw");
  const pixels = [...stills, ...pairs];
  const images = await placeImages(packed, ids, stills.length, pixels);
  const { family, config } = packed;
  return {
    ...{ weights, fixture, packed, ids, pixels, images },
    inputs: (length = ids.length) => {
      const seen = images.filter(({ start }) => start < length);
      return { images: seen, positions: family.positions(config, ids.slice(0, length), seen) };
    },
  };
}

/** What one grid [t, h, w] stands for is t images of [h, w], one run of the graph each. */
async function piecesOf(fixture: Fixture, pixels: string, grids: string) {
  if (!fixture.has(pixels)) return [];
  const [data, numbers] = [await fixture.floats(pixels), await fixture.numbers(grids)];
  const pieces: { grid: ImageGrid; data: Float32Array }[] = [];
  let at = 0;
  for (let g = 0; g < numbers.length; g += 3) {
    const [count, rows, columns] = numbers.slice(g, g + 3) as [number, number, number];
    const length = rows * columns * patchValues;
    for (let i = 0; i < count; i++, at += length)
      pieces.push({ grid: { rows, columns }, data: data.slice(at, at + length) });
  }
  return pieces;
}

async function placeImages(
  packed: PackedModel,
  ids: readonly number[],
  numStills: number,
  pixels: Qwen35Case["pixels"],
): Promise<(GridInPrompt & PlacedImage)[]> {
  const image = packed.family.image!;
  const vision = await GraphSession.open(packed.graphPath("vision"), oneThread);
  const [still, frames] = [image.tokenId(packed.config, () => 0), image.video!.tokenId(packed.config)].map((id) =>
    ids.flatMap((found, i) => (found === id && ids[i - 1] !== id ? [i] : [])),
  );
  const starts = [...still!, ...frames!];
  const placed: (GridInPrompt & PlacedImage)[] = [];
  for (const [i, { grid, data }] of pixels.entries()) {
    const shape = [grid.rows * grid.columns, patchValues] as const;
    const { visualTokens: tokens, deepstack } = await encodeImage(vision, packed, { data, shape, grid });
    const numTokens = image.layout(packed.config, grid, 0, () => [], 0).ids.length;
    placed.push({ start: starts[i]!, grid, numTokens, tokens, deepstack });
  }
  await vision.close();
  if (starts.length !== pixels.length || still!.length !== numStills) throw new Error("each image has its place");
  return placed;
}
