/** How many patches a picture of a given size becomes, without the picture: for estimates before anything is read. */
import type { ImageGrid } from "./pixel-values.js";
import type { ImageRecipe, SlicesRecipe, TilesRecipe } from "./recipe.js";
import { slicesGrid, viewsOf } from "./slices.js";
import { smartSize } from "./smart-size.js";
import { patchesPerSide, tileSizes } from "./tiles.js";

/** @throws `invalid_image` for a strip longer than 200 times its width, where the recipe keeps the picture's form. */
export function gridOf(image: { readonly width: number; readonly height: number }, recipe: ImageRecipe): ImageGrid {
  if (recipe.kind === "tiles") {
    const perTile = patchesPerSide(recipe);
    const { tiled } = tileSizes(image, recipe);
    return { rows: (tiled.height / recipe.side) * perTile, columns: (tiled.width / recipe.side) * perTile };
  }
  if (recipe.kind === "slices") return slicesGrid(image, recipe);
  const { width, height } = fittedSize(image, recipe);
  return { rows: height / recipe.patchSize, columns: width / recipe.patchSize };
}

function fittedSize(
  image: { readonly width: number; readonly height: number },
  recipe: Exclude<ImageRecipe, TilesRecipe | SlicesRecipe>,
) {
  switch (recipe.kind) {
    case "stretch":
    case "fit":
      return recipe;
    case "center_crop":
      return { width: recipe.side, height: recipe.side };
    case "smart_resize":
      return smartSize(image, recipe);
    default:
      return recipe satisfies never;
  }
}

/** Tiles of an image, and the whole behind them where there are several. */
export function numTiles({ rows, columns }: ImageGrid, recipe: Pick<TilesRecipe, "side" | "patchSize">): number {
  const tiles = (rows * columns) / patchesPerSide(recipe) ** 2;
  return tiles > 1 ? tiles + 1 : 1;
}

/** Patches that an encoder sees of an image, the whole behind its tiles or before its slices included. */
export function numPatches(grid: ImageGrid, recipe: ImageRecipe): number {
  if (recipe.kind === "tiles") return numTiles(grid, recipe) * patchesPerSide(recipe) ** 2;
  return viewsOf(grid).reduce((sum, { rows, columns, count }) => sum + count * rows * columns, 0);
}
