/** How many patches a picture of a given size becomes, without the picture: for estimates before anything is read. */

import type { ImageProcessor, QuartersProcessor, SlicesProcessor, TilesProcessor } from "./image-processor.js";
import { patchBudgetSize } from "./patch-budget.js";
import type { ImageGrid } from "./pixel-values.js";
import { quartersGrid } from "./quarters.js";
import { slicesGrid, viewsOf } from "./slices.js";
import { smartSize } from "./smart-size.js";
import { patchesPerSide, tileSizes } from "./tiles.js";

/** @throws `invalid_image` for a strip longer than 200 times its width, where the image keeps its aspect. */
export function gridOf(
  image: { readonly width: number; readonly height: number },
  imageProcessor: ImageProcessor,
): ImageGrid {
  if (imageProcessor.kind === "tiles") {
    const perTile = patchesPerSide(imageProcessor);
    const { tiled } = tileSizes(image, imageProcessor);
    return {
      rows: (tiled.height / imageProcessor.side) * perTile,
      columns: (tiled.width / imageProcessor.side) * perTile,
    };
  }
  if (imageProcessor.kind === "slices") return slicesGrid(image, imageProcessor);
  if (imageProcessor.kind === "quarters") return quartersGrid(image, imageProcessor);
  const { width, height } = fittedSize(image, imageProcessor);
  return { rows: height / imageProcessor.patchSize, columns: width / imageProcessor.patchSize };
}

function fittedSize(
  image: { readonly width: number; readonly height: number },
  imageProcessor: Exclude<ImageProcessor, TilesProcessor | SlicesProcessor | QuartersProcessor>,
) {
  switch (imageProcessor.kind) {
    case "stretch":
    case "fit":
      return imageProcessor;
    case "center_crop":
      return { width: imageProcessor.side, height: imageProcessor.side };
    case "smart_resize":
      return smartSize(image, imageProcessor);
    case "patch_budget":
      return patchBudgetSize(image, imageProcessor);
    default:
      return imageProcessor satisfies never;
  }
}

/** Tiles of an image, and the whole behind them where there are several. */
export function numTiles(
  { rows, columns }: ImageGrid,
  imageProcessor: Pick<TilesProcessor, "side" | "patchSize">,
): number {
  const tiles = (rows * columns) / patchesPerSide(imageProcessor) ** 2;
  return tiles > 1 ? tiles + 1 : 1;
}

/** Patches that an encoder sees of an image, the whole behind its tiles or before its slices included. */
export function numPatches(grid: ImageGrid, imageProcessor: ImageProcessor): number {
  if (imageProcessor.kind === "tiles") return numTiles(grid, imageProcessor) * patchesPerSide(imageProcessor) ** 2;
  return viewsOf(grid).reduce((sum, { rows, columns, count }) => sum + count * rows * columns, 0);
}

/** Pixels that a model is shown of an image: those of its patches, of all tiles, slices or quarters together. */
export function shownSize(
  { rows, columns, quarters }: ImageGrid,
  patchSize: number,
): { width: number; height: number } {
  const [across, down] = quarters
    ? [quarters[0]!.columns + quarters[1]!.columns, quarters[0]!.rows + quarters[2]!.rows]
    : [columns, rows];
  return { width: across * patchSize, height: down * patchSize };
}
