/** How large a picture may be shown in one request: fewer pixels are fewer tokens and a faster answer, more are finer detail. */
import { OcellusError } from "../../base/index.js";
import type { ImageRecipe, SlicesRecipe, TilesRecipe } from "./recipe.js";

export interface PixelBudget {
  /** Smaller pictures are scaled up to this area, in pixels. Default: the checkpoint's, or `maxPixels` if that is less. */
  readonly minPixels?: number | undefined;
  /** Larger pictures are scaled down to this area, in pixels. Default: the checkpoint's, or `minPixels` if that is more. */
  readonly maxPixels?: number | undefined;
}

/** 4096 × 4096, the largest budget that checkpoints are published with: its rows of patches take 400 MB a picture. */
const mostPixels = 2 ** 24;

/**
 * The recipe under the budget of one request.
 * @throws `invalid_request` naming the field (not whole, less than one token, more than any checkpoint's, minPixels over
 * maxPixels); `unsupported` when the model's images all have one size, or are cut into tiles or slices and `minPixels` is set.
 */
export function withPixelBudget(recipe: ImageRecipe, budget: PixelBudget): ImageRecipe {
  const { minPixels, maxPixels } = budget;
  if (minPixels === undefined && maxPixels === undefined) return recipe;
  if (recipe.kind === "tiles" && recipe.splits && minPixels === undefined) return withFewerTiles(recipe, maxPixels!);
  if (recipe.kind === "slices" && minPixels === undefined) return withFewerSlices(recipe, maxPixels!);
  if (recipe.kind !== "smart_resize")
    throw new OcellusError(
      "unsupported",
      `${minPixels === undefined ? "maxPixels" : "minPixels"}: this model does not scale images by it; leave it out`,
      { details: { field: minPixels === undefined ? "maxPixels" : "minPixels" } },
    );
  const least = (recipe.patchSize * recipe.mergeSize) ** 2;
  const most = Math.max(mostPixels, recipe.maxPixels);
  checkArea("minPixels", minPixels, least, most);
  checkArea("maxPixels", maxPixels, least, most);
  if (minPixels !== undefined && maxPixels !== undefined && minPixels > maxPixels)
    throw new OcellusError("invalid_request", `minPixels: ${minPixels} is more than maxPixels, ${maxPixels}`, {
      details: { field: "minPixels", found: minPixels, most: maxPixels },
    });
  return {
    ...recipe,
    minPixels: minPixels ?? Math.min(recipe.minPixels, maxPixels!),
    maxPixels: maxPixels ?? Math.max(recipe.maxPixels, minPixels!),
  };
}

/** At least one tile. */
function withFewerTiles(recipe: TilesRecipe, maxPixels: number): TilesRecipe {
  checkArea("maxPixels", maxPixels, recipe.side ** 2, mostPixels);
  return { ...recipe, maxPixels };
}

/** One slice's area is that of the overview, which is always there. */
function withFewerSlices(recipe: SlicesRecipe, maxPixels: number): SlicesRecipe {
  const area = recipe.scaleResolution ** 2;
  checkArea("maxPixels", maxPixels, area, mostPixels);
  return { ...recipe, maxSlices: Math.min(recipe.maxSlices, Math.floor(maxPixels / area)) };
}

function checkArea(field: keyof PixelBudget, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw new OcellusError(
    "invalid_request",
    `${field}: expected a whole number of pixels from ${least} (the least it sees) to ${most}, found ${JSON.stringify(value)}`,
    { details: { field, least, most, found: value } },
  );
}
