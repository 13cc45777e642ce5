/** How large a picture may be shown in one request: fewer pixels are fewer tokens and a faster answer, more are finer detail. */
import { OcellusError } from "../../base/index.js";
import type { ImageProcessor, SlicesProcessor, SmartResizeProcessor, TilesProcessor } from "./image-processor.js";

export interface PixelBudget {
  /** Smaller pictures are scaled up to this area, in pixels. Default: the checkpoint's, or `maxPixels` if that is less. */
  readonly minPixels?: number | undefined;
  /** Larger pictures are scaled down to this area, in pixels. Default: the checkpoint's, or `minPixels` if that is more. */
  readonly maxPixels?: number | undefined;
  /** Tokens that a picture may take, in place of `maxPixels`: for families whose tokens have an area. */
  readonly imageTokens?: number | undefined;
  /** "low": at most 512 × 512 pixels, where the model scales pictures at all. "high", and the default: as the other bounds say. */
  readonly detail?: ImageDetail | undefined;
}

export type ImageDetail = "low" | "high";

/** What OpenAI's API shows a model at low detail. */
const lowPixels = 512 * 512;

/** 4096 × 4096, the largest budget that checkpoints are published with: its rows of patches take 400 MB a picture. */
const mostPixels = 2 ** 24;

/**
 * The image processor under the budget of one request.
 * @throws `invalid_request` naming the field (not whole, less than one token, more than any checkpoint's, minPixels over
 * maxPixels); `unsupported` when the model's images all have one size, or are cut (tiles, slices, quarters) and `minPixels` is set.
 */
export function withPixelBudget(imageProcessor: ImageProcessor, budget: PixelBudget): ImageProcessor {
  const { minPixels, maxPixels } = inPixels(imageProcessor, budget);
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
  const least = tokenArea(imageProcessor);
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

function inPixels(imageProcessor: ImageProcessor, { detail, imageTokens, ...bounds }: PixelBudget): PixelBudget {
  if (imageTokens !== undefined) {
    const maxPixels = pixelsOfTokens(imageProcessor, imageTokens, bounds);
    return lowered(imageProcessor, { ...bounds, maxPixels }, detail);
  }
  return lowered(imageProcessor, bounds, detail);
}

function pixelsOfTokens(imageProcessor: ImageProcessor, imageTokens: number, { maxPixels }: PixelBudget): number {
  if (maxPixels !== undefined)
    throw new OcellusError("invalid_request", "imageTokens: expected either this or maxPixels, found both", {
      details: { field: "imageTokens", found: imageTokens },
    });
  if (imageProcessor.kind !== "smart_resize")
    throw new OcellusError(
      "unsupported",
      "imageTokens: the tokens of this model have no area of their own; use maxPixels",
      {
        details: { field: "imageTokens" },
      },
    );
  const most = mostPixels / tokenArea(imageProcessor);
  if (Number.isInteger(imageTokens) && imageTokens >= 1 && imageTokens <= most)
    return imageTokens * tokenArea(imageProcessor);
  throw new OcellusError(
    "invalid_request",
    `imageTokens: expected a whole number from 1 to ${most}, found ${imageTokens}`,
    {
      details: { field: "imageTokens", least: 1, most, found: imageTokens },
    },
  );
}

/** A wish for less, not a bound: never below what the model sees at least. */
function lowered(imageProcessor: ImageProcessor, bounds: PixelBudget, detail: ImageDetail | undefined): PixelBudget {
  const least = leastPixels(imageProcessor);
  if (detail !== "low" || least === undefined) return bounds;
  const maxPixels = Math.min(bounds.maxPixels ?? Number.POSITIVE_INFINITY, Math.max(lowPixels, least));
  return {
    ...bounds,
    maxPixels,
    ...(bounds.minPixels !== undefined && { minPixels: Math.min(bounds.minPixels, maxPixels) }),
  };
}

/** Undefined for a model that does not scale pictures by a budget. */
function leastPixels(imageProcessor: ImageProcessor): number | undefined {
  if (imageProcessor.kind === "smart_resize") return tokenArea(imageProcessor);
  if (imageProcessor.kind === "tiles") return imageProcessor.splits ? imageProcessor.side ** 2 : undefined;
  if (imageProcessor.kind === "slices") return imageProcessor.scaleResolution ** 2;
  return imageProcessor.kind === "quarters" ? imageProcessor.shortestEdge ** 2 : undefined;
}

function tokenArea({ patchSize, mergeSize }: SmartResizeProcessor): number {
  return (patchSize * mergeSize) ** 2;
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
