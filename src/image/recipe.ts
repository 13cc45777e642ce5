/**
 * What a checkpoint wants done to a picture, read from its preprocessor_config.json. The family states its own recipe
 * from config.json; the file may change mean and std, and is refused where it asks for something else than we do.
 */
import { z } from "zod";
import { OcellusError } from "../base/index.js";

type Triple = readonly [red: number, green: number, blue: number];

/** Fitted into width × height with its aspect kept, centred, the rest 0 after normalisation; square patches. */
export interface FitRecipe {
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
export interface SmartResizeRecipe {
  readonly kind: "smart_resize";
  readonly patchSize: number;
  /** Patches a side that are merged into one token. */
  readonly mergeSize: number;
  /** Frames of one patch; a still picture is repeated. */
  readonly temporalPatchSize: number;
  readonly minPixels: number;
  readonly maxPixels: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/**
 * A video, whose frames are given in pairs: each pair is one row of patches. The rules are those of `smart_resize`, but
 * `minPixels` and `maxPixels` count all frames together. [transformers video_processing_qwen3_vl.py]
 */
export interface VideoRecipe extends Omit<SmartResizeRecipe, "kind"> {
  readonly kind: "video";
  /** Most tokens of one frame; absent: only the whole video is limited. */
  readonly maxFrameTokens?: number;
}

/** Resized until the shorter edge is `shortestEdge`, then the middle `side` × `side` cut out; square patches. */
export interface CenterCropRecipe {
  readonly kind: "center_crop";
  readonly shortestEdge: number;
  readonly side: number;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/** Stretched to width × height whatever its aspect; square patches. */
export interface StretchRecipe {
  readonly kind: "stretch";
  /** "align_corners": TensorFlow's bilinear, corner on corner, not smoothed, in floating point; else Pillow's. */
  readonly resample: "bilinear" | "bicubic" | "align_corners";
  readonly width: number;
  readonly height: number;
  readonly patchSize: number;
  readonly mean: Triple;
  readonly std: Triple;
}

/** A union by `kind`: families with other rules join here. */
export type ImageRecipe = FitRecipe | SmartResizeRecipe | CenterCropRecipe | StretchRecipe;

/** Four times the widest square input of published fixed-size towers (896); more is a damaged file. */
const side = z.number().int().min(1).max(4096);
const triple = (value: z.ZodNumber) => z.tuple([value, value, value]);

const commonSchema = z.object({
  patch_size: side.optional(),
  image_mean: triple(z.number().min(0).max(1)).optional(),
  image_std: triple(z.number().min(1e-3).max(10)).optional(), // smaller ones blow values past what a tower has seen
  resample: z.literal(3).optional(), // 3 is bicubic in Pillow
  rescale_factor: z
    .number()
    .min(1 / 255 - 1e-6)
    .max(1 / 255 + 1e-6)
    .optional(),
  do_resize: z.literal(true).optional(),
  do_rescale: z.literal(true).optional(),
  do_normalize: z.literal(true).optional(),
});

const fitSchema = commonSchema.extend({
  size: z.object({ width: side, height: side }).optional(),
  do_center_crop: z.literal(false).optional(),
  pad: z.literal("center").optional(),
  pad_value: z.literal(0).optional(),
});

/** Older files write a bare number for each size. */
const centerCropSchema = commonSchema.extend({
  size: z.union([side, z.object({ shortest_edge: side }), z.object({ width: side, height: side })]).optional(),
  crop_size: z.union([side, z.object({ width: side, height: side })]).optional(),
  do_center_crop: z.literal(true).optional(),
});

/** Older files write a bare number; 2 is bilinear in Pillow. */
const stretchSchema = commonSchema.extend({
  size: z.union([side, z.object({ width: side, height: side })]).optional(),
  resample: z.union([z.literal(2), z.literal(3)]).optional(),
  do_center_crop: z.literal(false).nullish(),
});

/** 2^28 pixels are sixteen times the largest published budget (4096 × 4096). */
const area = z
  .number()
  .int()
  .min(1)
  .max(2 ** 28);

/** Two spellings of the same budget; the edges of `size` are areas, whatever their names say. */
const smartResizeSchema = commonSchema.extend({
  size: z.object({ shortest_edge: area, longest_edge: area }).nullish(),
  min_pixels: area.nullish(),
  max_pixels: area.nullish(),
  temporal_patch_size: side.optional(),
  merge_size: side.optional(),
});

/** The reference's own names; `fps` and the like concern its reading of video files, which is not done here. */
const videoSchema = smartResizeSchema.extend({
  cap_pixels_per_frame: z.boolean().nullish(),
  max_video_tokens: z.number().int().min(1).max(65_536).nullish(), // four frames of the largest published picture
});

/**
 * The family's recipe with what preprocessor_config.json (absent: undefined) says.
 * @throws `invalid_config` naming the fields that are malformed, ask for another treatment, or contradict config.json.
 */
export function parseImageRecipe(preprocessorConfig: unknown, defaults: ImageRecipe): ImageRecipe {
  switch (defaults.kind) {
    case "fit":
      return fitRecipe(preprocessorConfig, defaults);
    case "smart_resize":
      return smartResizeRecipe(parse(smartResizeSchema, preprocessorConfig), defaults);
    case "center_crop":
      return centerCropRecipe(preprocessorConfig, defaults);
    case "stretch":
      return stretchRecipe(preprocessorConfig, defaults);
    default:
      return defaults satisfies never;
  }
}

function stretchRecipe(json: unknown, defaults: StretchRecipe): StretchRecipe {
  const { size, resample, image_mean, image_std } = parse(stretchSchema, json);
  const [width, height] = typeof size === "object" ? [size.width, size.height] : [size, size];
  confirm("size.width", width, defaults.width);
  confirm("size.height", height, defaults.height);
  return {
    ...defaults,
    resample: resample === undefined ? defaults.resample : resample === 2 ? "bilinear" : "bicubic",
    mean: image_mean ?? defaults.mean,
    std: image_std ?? defaults.std,
  };
}

function centerCropRecipe(json: unknown, defaults: CenterCropRecipe): CenterCropRecipe {
  const { size, crop_size: crop, image_mean, image_std } = parse(centerCropSchema, json);
  const [width, height] = typeof crop === "object" ? [crop.width, crop.height] : [crop, crop];
  confirm("crop_size", width, defaults.side);
  confirm("crop_size", height, defaults.side);
  if (typeof size === "object" && "width" in size)
    throw invalidRecipe(["size: expected shortest_edge, found a fixed width and height, which would stretch pictures"]);
  const shortestEdge = (typeof size === "object" ? size.shortest_edge : size) ?? defaults.shortestEdge;
  if (shortestEdge < defaults.side)
    throw invalidRecipe([`size.shortest_edge: ${shortestEdge} is less than the ${defaults.side} that are cut out`]);
  return { ...defaults, shortestEdge, mean: image_mean ?? defaults.mean, std: image_std ?? defaults.std };
}

function fitRecipe(json: unknown, defaults: FitRecipe): FitRecipe {
  const { size, patch_size, image_mean, image_std } = parse(fitSchema, json);
  const { width, height, patchSize } = defaults;
  // The tower's position table fixes the grid, so the sizes can only be confirmed here, not chosen.
  if (size && (size.width !== width || size.height !== height))
    throw invalidRecipe([
      `size: expected ${width} by ${height} as in config.json, found ${size.width} by ${size.height}`,
    ]);
  confirm("patch_size", patch_size, patchSize);
  return { ...defaults, mean: image_mean ?? defaults.mean, std: image_std ?? defaults.std };
}

/** The same for videos, from video_preprocessor_config.json or what stands in its place. @throws as `parseImageRecipe`. */
export function parseVideoRecipe(videoPreprocessorConfig: unknown, defaults: VideoRecipe): VideoRecipe {
  const found = parse(videoSchema, videoPreprocessorConfig);
  const recipe = smartResizeRecipe(found, defaults);
  if (found.cap_pixels_per_frame !== true) return recipe;
  return { ...recipe, maxFrameTokens: found.max_video_tokens ?? defaultFrameTokens };
}

/** The reference's, when a file asks for a cap without saying which. */
const defaultFrameTokens = 768;

function smartResizeRecipe<R extends SmartResizeRecipe | VideoRecipe>(
  found: z.infer<typeof smartResizeSchema>,
  defaults: R,
): R {
  confirm("patch_size", found.patch_size, defaults.patchSize);
  confirm("merge_size", found.merge_size, defaults.mergeSize);
  confirm("temporal_patch_size", found.temporal_patch_size, defaults.temporalPatchSize);
  const minPixels = found.size?.shortest_edge ?? found.min_pixels ?? defaults.minPixels;
  const maxPixels = found.size?.longest_edge ?? found.max_pixels ?? defaults.maxPixels;
  if (minPixels > maxPixels)
    throw invalidRecipe([`the least pixels, ${minPixels}, are more than the most, ${maxPixels}`]);
  return {
    ...defaults,
    minPixels,
    maxPixels,
    mean: found.image_mean ?? defaults.mean,
    std: found.image_std ?? defaults.std,
  };
}

function parse<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json ?? {});
  if (result.success) return result.data;
  throw invalidRecipe(result.error.issues.map((issue) => `${issue.path.join(".") || "(top level)"}: ${issue.message}`));
}

function confirm(name: string, found: number | undefined, expected: number): void {
  if (found !== undefined && found !== expected)
    throw invalidRecipe([`${name}: expected ${expected} as in config.json, found ${found}`]);
}

function invalidRecipe(problems: readonly string[]): OcellusError {
  return new OcellusError(
    "invalid_config",
    `preprocessor_config.json does not fit this model family: ${problems.join("; ")}; ` +
      "compare it with the checkpoint's original file, or remove it to use the family's own recipe",
    { details: { problems } },
  );
}
