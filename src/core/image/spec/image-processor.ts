/**
 * What is done to an image before a tower sees it: an image processor of one of few kinds, made of the checkpoint's image-processor
 * config (processor-config.ts) and of what the family's config.json fixes, which must not contradict each other.
 */
import { invariant } from "../../base/index.js";
import type { FrameSampling } from "./frame-sampling.js";
import type { ProcessorClassName, Resample, Triple } from "./processor-classes.js";
import { type ProcessorConfig, parseProcessorConfig, type SlicesConfig } from "./processor-config.js";
import { invalidProcessor } from "./processor-fields.js";

export interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Fitted into width × height with its aspect kept, centred, the rest 0 after normalisation; square patches. */
export interface FitProcessor {
  readonly kind: "fit";
  readonly width: number;
  readonly height: number;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * Resized to whole blocks of merged patches, near its own size, stretched a little where it must; between `minPixels` and
 * `maxPixels`. Rows of patches come block by block. [transformers image_processing_qwen2_vl.py]
 */
export interface SmartResizeProcessor {
  readonly kind: "smart_resize";
  readonly patchSize: number;
  /** Patches a side that are merged into one token. */
  readonly mergeSize: number;
  /** Frames of one patch; a still picture is repeated. */
  readonly temporalPatchSize: number;
  readonly minPixels: number;
  readonly maxPixels: number;
  /** A side shorter than a block is first scaled up to one, and the other with it. Default false. */
  readonly scalesUp?: true;
  /** Default "bicubic". */
  readonly resample?: Resample;
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * A video, whose frames are given in pairs: each pair is one row of patches. The rules are those of `smart_resize`; `minPixels`
 * and `maxPixels` count all frames together, or each. [transformers video_processing_qwen3_vl.py, video_processing_qwen2_vl.py]
 */
export interface VideoProcessor extends Omit<SmartResizeProcessor, "kind"> {
  readonly kind: "video";
  readonly budgetOf: "video" | "frame";
  /** Most tokens of one frame where the budget is the video's, of the video where it is a frame's. Absent: no such limit. */
  readonly maxTokens?: number;
  /** Which frames of a file it is shown. */
  readonly sampling: FrameSampling;
}

/** Resized to width × height, or until the shorter edge is `shortestEdge`, then the middle `side` × `side` cut out; square patches. */
export interface CenterCropProcessor {
  readonly kind: "center_crop";
  readonly resize: Sides | { readonly shortestEdge: number };
  readonly resample: Resample;
  readonly side: number;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/** Stretched to width × height whatever its aspect; square patches. */
export interface StretchProcessor {
  readonly kind: "stretch";
  /** "align_corners": TensorFlow's bilinear, corner on corner, not smoothed, in floating point; else Pillow's. */
  readonly resample: Resample | "align_corners";
  readonly width: number;
  readonly height: number;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * Brought to whole tiles of `side` × `side`, which come in raster order and behind them the whole in the size of one tile; or, if
 * that is one tile or `splits` is false, that alone. Square patches, tile by tile. Tiles: tiles.ts.
 */
export interface TilesProcessor {
  readonly kind: "tiles";
  /** How many rows and columns of tiles an image gets. */
  readonly arrangement: LongestEdge | NearestAspect;
  /** Of all tiles together, the whole behind them aside: a request's budget, under which the longer edge gets fewer tiles. */
  readonly maxPixels?: number;
  readonly side: number;
  readonly splits: boolean;
  readonly resample: Resample;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * An overview and, of an image with more than `scaleResolution`² pixels, a grid of up to `maxSlices` slices of one size
 * behind it, each of about that area and of sides that are whole multiples of `sideMultiple`. Square patches, view by
 * view in raster order. Sizes: slices.ts.
 */
export interface SlicesProcessor {
  readonly kind: "slices";
  readonly maxSlices: number;
  readonly scaleResolution: number;
  readonly sideMultiple: number;
  readonly resample: Resample;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * The four quarters and then the whole, or the whole alone unless `splits`: each with its longer edge at most `longestEdge`, then
 * no edge below `shortestEdge`. Square patches, view by view; what fills none is not seen. Sizes: quarters.ts.
 */
export interface QuartersProcessor {
  readonly kind: "quarters";
  readonly splits: boolean;
  /** Of all views together: a request's budget, under which the whole stands alone, and smaller if it must. */
  readonly maxPixels?: number;
  readonly shortestEdge: number;
  readonly longestEdge: number;
  readonly resample: Resample;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/** As many as it takes to hold the image with its longer edge at this length. [Idefics3] */
interface LongestEdge {
  readonly longestEdge: number;
}

/** As many in all, from `least` to `most`, as come nearest to the image's proportions. [InternVL] */
export interface NearestAspect {
  readonly least: number;
  readonly most: number;
}

/**
 * Stretched to whole patches, as many as come near to `maxPatches` with the image's aspect; square patches. Size: patch-budget.ts.
 */
export interface PatchBudgetProcessor {
  readonly kind: "patch_budget";
  readonly maxPatches: number;
  readonly resample: Resample;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/** A union by `kind`: families with other rules join here. */
export type ImageProcessor =
  | FitProcessor
  | SmartResizeProcessor
  | CenterCropProcessor
  | StretchProcessor
  | PatchBudgetProcessor
  | TilesProcessor
  | SlicesProcessor
  | QuartersProcessor;

/** Whether images of this image processor have grids of their own, by their sizes. */
export function dependsOnSize({ kind }: ImageProcessor): boolean {
  return (
    kind === "smart_resize" || kind === "patch_budget" || kind === "tiles" || kind === "slices" || kind === "quarters"
  );
}

/** What a family's model takes; `absent`: the config of a checkpoint that has no file. */
export interface FixedTarget {
  readonly processors: readonly ProcessorClassName[];
  readonly width: number;
  readonly height: number;
  readonly patchSize: number;
  readonly absent: object;
}

export interface TilesTarget {
  readonly processors: readonly ProcessorClassName[];
  readonly side: number;
  readonly patchSize: number;
  readonly absent: object;
}

/** `hasImageIds`, `downsampling` and `numTokens`: what config.json says of them, where it does. */
export interface SlicesTarget extends Partial<Omit<SlicesConfig, "maxSlices" | "scaleResolution">> {
  readonly processors: readonly ProcessorClassName[];
  readonly sideMultiple: number;
  readonly patchSize: number;
  readonly absent: object;
}

export interface AreaTarget {
  readonly patchSize: number;
  readonly mergeSize: number;
  readonly temporalPatchSize: number;
  readonly absent: object;
}

/**
 * A tower of one size, behind the reference's usual steps: resize, cut out the middle, normalise.
 * @throws `invalid_config` naming the fields that are malformed, ask for another treatment, or contradict config.json.
 */
export function fixedSizeProcessor(json: unknown, target: FixedTarget): CenterCropProcessor | StretchProcessor {
  const config = parseProcessorConfig(json ?? target.absent, target.processors);
  const { size, crop, resample, mean, std } = config;
  const { width, height, patchSize } = target;
  confirm("patch_size", config.patchSize, patchSize);
  if (!("width" in size) && (!("shortestEdge" in size) || "longestEdge" in size))
    throw invalidProcessor(["size: expected edges, found areas"]);
  if (crop) confirmSides("crop_size", crop, target);
  const isWhole = "width" in size && (!crop || (size.width === width && size.height === height));
  if (isWhole) {
    confirmSides("size", size, target);
    return { kind: "stretch", resample, width, height, patchSize, mean, std };
  }
  if (!crop || width !== height)
    throw invalidProcessor(["size: expected height and width, found shortest_edge, and do_center_crop is not set"]);
  const least = "width" in size ? Math.min(size.width, size.height) : size.shortestEdge;
  if (least < width) throw invalidProcessor([`size: ${least} is less than the ${width} of crop_size`]);
  return { kind: "center_crop", resize: size, side: width, resample, patchSize, mean, std };
}

/** As `fixedSizeProcessor`, for our own class: fitted into the frame with the aspect kept. */
export function fitProcessor(json: unknown, target: Omit<FixedTarget, "processors">): FitProcessor {
  const config = parseProcessorConfig(json ?? target.absent, ["OcellusFitImageProcessor"]);
  const { size, mean, std, crop, resample, patchSize } = config;
  const { width, height } = target;
  if (crop || !("width" in size) || resample !== "bicubic")
    throw invalidProcessor(["expected size as height and width, resample 3 and no do_center_crop"]);
  confirmSides("size", size, target);
  confirm("patch_size", patchSize, target.patchSize);
  return { kind: "fit", width, height, patchSize: target.patchSize, mean, std };
}

/** A tower of one size that is shown an image tile by tile. @throws as `fixedSizeProcessor`. */
export function tilesProcessor(json: unknown, { side, patchSize, ...target }: TilesTarget): TilesProcessor {
  const config = parseProcessorConfig(json ?? target.absent, target.processors);
  const { size, crop, tiles, resample, mean, std } = config;
  confirm("patch_size", config.patchSize, patchSize);
  if (crop) throw invalidProcessor(["do_center_crop: nothing is cut out for this model"]);
  const common = { kind: "tiles", side, resample, patchSize, mean, std } as const;
  if (tiles && "least" in tiles && "width" in size) {
    confirmSides("size", size, { width: side, height: side });
    return { ...common, arrangement: tiles, splits: true };
  }
  if (!tiles || "least" in tiles || !("longestEdge" in size) || "shortestEdge" in size)
    throw invalidProcessor([`size: expected ${tiles && "least" in tiles ? "height and width" : "{longest_edge}"}`]);
  confirm("max_image_size.longest_edge", tiles.side, side);
  return { ...common, arrangement: { longestEdge: size.longestEdge }, splits: tiles.splits };
}

/** A tower of any size within a number of patches. @throws as `fixedSizeProcessor`. */
export function patchBudgetProcessor(json: unknown, target: { readonly patchSize: number }): PatchBudgetProcessor {
  const absent = { patch_size: target.patchSize };
  const { size, crop, patchSize, resample, mean, std } = parseProcessorConfig(json ?? absent, [
    "Siglip2ImageProcessor",
  ]);
  confirm("patch_size", patchSize, target.patchSize);
  if (crop || !("maxPatches" in size)) throw invalidProcessor(["do_center_crop: nothing is cut out for this model"]);
  return { kind: "patch_budget", maxPatches: size.maxPatches, resample, patchSize: target.patchSize, mean, std };
}

/** An encoder of any size that is shown an overview and slices. @throws as `fixedSizeProcessor`. */
export function slicesProcessor(json: unknown, { sideMultiple, patchSize, ...target }: SlicesTarget): SlicesProcessor {
  const config = parseProcessorConfig(json ?? target.absent, target.processors);
  const { slices, crop, resample, mean, std } = config;
  if (!slices || crop) throw invalidProcessor(["do_center_crop: nothing is cut out for this model"]);
  confirm("patch_size", config.patchSize, patchSize);
  confirm("use_image_id", slices.hasImageIds, target.hasImageIds);
  confirm("downsample_mode", slices.downsampling, target.downsampling);
  confirm("image_feature_size", slices.numTokens, target.numTokens);
  const { maxSlices, scaleResolution } = slices;
  return { kind: "slices", maxSlices, scaleResolution, sideMultiple, resample, patchSize, mean, std };
}

/** An encoder of any size between two edges, that may be shown quarters, too. @throws as `fixedSizeProcessor`. */
export function quartersProcessor(
  json: unknown,
  { patchSize, ...target }: Omit<TilesTarget, "side">,
): QuartersProcessor {
  const config = parseProcessorConfig(json ?? target.absent, target.processors);
  const { size, crop, splits, resample, mean, std } = config;
  confirm("patch_size", config.patchSize, patchSize);
  if (crop || splits === undefined || !("shortestEdge" in size) || !("longestEdge" in size))
    throw invalidProcessor(["size: expected {shortest_edge, longest_edge}, and no do_center_crop"]);
  return { kind: "quarters", splits, ...size, resample, patchSize, mean, std };
}

/** A tower that takes any size within a budget of pixels. @throws as `fixedSizeProcessor`. */
export function smartResizeProcessor(
  json: unknown,
  {
    processor = "Qwen2VLImageProcessor",
    ...target
  }: AreaTarget & { readonly processor?: "Qwen2VLImageProcessor" | "PaddleOCRVLImageProcessor" },
): SmartResizeProcessor {
  return { kind: "smart_resize", ...areaConfig(parseProcessorConfig(json ?? target.absent, [processor]), target) };
}

const videoProcessors = { video: "Qwen3VLVideoProcessor", frame: "Qwen2VLVideoProcessor" } as const;

/** The same for videos. @throws as `fixedSizeProcessor`. */
export function videoProcessor(
  json: unknown,
  { budgetOf, ...target }: AreaTarget & Pick<VideoProcessor, "budgetOf">,
): VideoProcessor {
  const config = parseProcessorConfig(json ?? target.absent, [videoProcessors[budgetOf]]);
  const { maxTokens, sampling } = config;
  invariant(sampling, "a class of videos says how frames are chosen");
  const area = areaConfig(config, target);
  return { kind: "video", budgetOf, ...area, sampling, ...(maxTokens !== undefined && { maxTokens }) };
}

function areaConfig(config: ProcessorConfig, { patchSize, mergeSize, temporalPatchSize }: AreaTarget) {
  const { size, crop, resample, mean, std, scalesUp } = config;
  confirm("patch_size", config.patchSize, patchSize);
  confirm("merge_size", config.mergeSize, mergeSize);
  confirm("temporal_patch_size", config.temporalPatchSize, temporalPatchSize);
  if (crop || !("minPixels" in size)) throw invalidProcessor(["do_center_crop: nothing is cut out for this model"]);
  return { patchSize, mergeSize, temporalPatchSize, ...size, ...(scalesUp && { scalesUp }), resample, mean, std };
}

function confirmSides(name: string, found: Sides, { width, height }: Sides): void {
  if (found.width === width && found.height === height) return;
  throw invalidProcessor([
    `${name}: expected ${width} by ${height} as in config.json, found ${found.width} by ${found.height}`,
  ]);
}

function confirm<T>(name: string, found: T | undefined, expected: T | undefined): void {
  if (found !== undefined && expected !== undefined && found !== expected)
    throw invalidProcessor([`${name}: expected ${expected} as in config.json, found ${found}`]);
}
