/** How large a picture may be shown in one request: fewer pixels are fewer tokens and a faster answer, more are finer detail. */
import { OcellusError } from "../../base/index.js";
import type { ImageProcessor, SlicesProcessor, TilesProcessor } from "./image-processor.js";

export interface PixelBudget {
  /** Smaller pictures are scaled up to this area, in pixels. Default: the checkpoint's, or `maxPixels` if that is less. */
  readonly minPixels?: number | undefined;
  /** Larger pictures are scaled down to this area, in pixels. Default: the checkpoint's, or `minPixels` if that is more. */
  readonly maxPixels?: number | undefined;
}

/** 4096 × 4096, the largest budget that checkpoints are published with: its rows of patches take 400 MB a picture. */
const mostPixels = 2 ** 24;

/**
 * The image processor under the budget of one request.
 * @throws `invalid_request` naming the field (not whole, less than one token, more than any checkpoint's, minPixels over
 * maxPixels); `unsupported` when the model's images all have one size, or are cut (tiles, slices, quarters) and `minPixels` is set.
 */
export function withPixelBudget(imageProcessor: ImageProcessor, budget: PixelBudget): ImageProcessor {
  const { minPixels, maxPixels } = budget;
  if (minPixels === undefined && maxPixels === undefined) return imageProcessor;
  if (imageProcessor.kind === "tiles" && imageProcessor.splits && minPixels === undefined)
    return withFewerTiles(imageProcessor, maxPixels!);
  if (imageProcessor.kind === "slices" && minPixels === undefined) return withFewerSlices(imageProcessor, maxPixels!);
  if (imageProcessor.kind === "quarters" && minPixels === undefined) {
    checkArea("maxPixels", maxPixels, imageProcessor.shortestEdge ** 2, mostPixels);
    return { ...imageProcessor, maxPixels: maxPixels! };
  }
  if (imageProcessor.kind !== "smart_resize")
    throw new OcellusError(
      "unsupported",
      `${minPixels === undefined ? "maxPixels" : "minPixels"}: this model does not scale images by it; leave it out`,
      { details: { field: minPixels === undefined ? "maxPixels" : "minPixels" } },
    );
  const least = (imageProcessor.patchSize * imageProcessor.mergeSize) ** 2;
  const most = Math.max(mostPixels, imageProcessor.maxPixels);
  checkArea("minPixels", minPixels, least, most);
  checkArea("maxPixels", maxPixels, least, most);
  if (minPixels !== undefined && maxPixels !== undefined && minPixels > maxPixels)
    throw new OcellusError("invalid_request", `minPixels: ${minPixels} is more than maxPixels, ${maxPixels}`, {
      details: { field: "minPixels", found: minPixels, most: maxPixels },
    });
  return {
    ...imageProcessor,
    minPixels: minPixels ?? Math.min(imageProcessor.minPixels, maxPixels!),
    maxPixels: maxPixels ?? Math.max(imageProcessor.maxPixels, minPixels!),
  };
}

/** At least one tile. */
function withFewerTiles(imageProcessor: TilesProcessor, maxPixels: number): TilesProcessor {
  checkArea("maxPixels", maxPixels, imageProcessor.side ** 2, mostPixels);
  return { ...imageProcessor, maxPixels };
}

/** One slice's area is that of the overview, which is always there. */
function withFewerSlices(imageProcessor: SlicesProcessor, maxPixels: number): SlicesProcessor {
  const area = imageProcessor.scaleResolution ** 2;
  checkArea("maxPixels", maxPixels, area, mostPixels);
  return { ...imageProcessor, maxSlices: Math.min(imageProcessor.maxSlices, Math.floor(maxPixels / area)) };
}

function checkArea(field: keyof PixelBudget, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw new OcellusError(
    "invalid_request",
    `${field}: expected a whole number of pixels from ${least} (the least it sees) to ${most}, found ${JSON.stringify(value)}`,
    { details: { field, least, most, found: value } },
  );
}
