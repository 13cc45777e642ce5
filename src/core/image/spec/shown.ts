/** The other way round: from pixel values back to the picture that the vision tower is shown, in its size and to the nearest 1/255. */
import type { PixelValues } from "./preprocess.js";
import type { ImageRecipe } from "./recipe.js";
import type { RgbImage } from "./rgb-image.js";
import { patchesPerSide } from "./tiles.js";

/** What `preprocess` fitted, its margins included; of tiles what is seen of them, without the whole behind them. */
export function shownPicture({ data, shape, grid }: PixelValues, recipe: ImageRecipe): RgbImage {
  const { patchSize: p, mean, std } = recipe;
  const perSide = recipe.kind === "tiles" ? patchesPerSide(recipe) : undefined;
  const merge = recipe.kind === "smart_resize" ? recipe.mergeSize : 1;
  const depth = recipe.kind === "smart_resize" ? recipe.temporalPatchSize : 1;
  const width = grid.columns * p;
  const out = new Uint8Array(width * grid.rows * p * 3);
  for (let patch = 0; patch < grid.rows * grid.columns; patch++) {
    const [row, column] = perSide ? placeInTiles(patch, grid.columns, perSide) : placeOf(patch, grid.columns, merge);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < p * p; i++) {
        const value = data[patch * shape[1] + c * depth * p * p + i]!; // of a still picture's equal frames the first
        const at = (row * p + Math.floor(i / p)) * width + column * p + (i % p);
        out[at * 3 + c] = Math.round(255 * (value * std[c]! + mean[c]!));
      }
  }
  return { width, height: grid.rows * p, data: out };
}

/** Patches come in blocks of merge × merge, blocks and patches in raster order. */
function placeOf(patch: number, columns: number, merge: number): [row: number, column: number] {
  const block = Math.floor(patch / (merge * merge));
  const within = patch % (merge * merge);
  const perRow = columns / merge;
  return [Math.floor(block / perRow) * merge + Math.floor(within / merge), (block % perRow) * merge + (within % merge)];
}

/** Tile by tile, tiles and the patches of each in raster order. */
function placeInTiles(patch: number, columns: number, perSide: number): [row: number, column: number] {
  const tile = Math.floor(patch / (perSide * perSide));
  const within = patch % (perSide * perSide);
  const tilesPerRow = columns / perSide;
  const row = Math.floor(tile / tilesPerRow) * perSide + Math.floor(within / perSide);
  return [row, (tile % tilesPerRow) * perSide + (within % perSide)];
}
