/**
 * The one reader of image-processor configs: from the files of a checkpoint to what is done to an image. Where the config
 * stands, what a class does if it is silent, and how old spellings are read is the reference's: transformers 5.24,
 * AutoImageProcessor with the torchvision backend, its default (image_processing_auto.py, image_processing_base.py,
 * image_processing_utils.py and the class that the file names). Compared with it by processor-config.test.ts.
 *
 * Each field is used, or listed as without effect, or refused by its name.
 */
import { z } from "zod";
import { shorten } from "../../base/index.js";
import type { FrameSampling } from "./frame-sampling.js";
import {
  classes,
  filters,
  type ProcessorClass,
  type ProcessorClassName,
  type Resample,
  type Triple,
} from "./processor-classes.js";
import {
  area,
  checked,
  type Found,
  filterForm,
  invalidProcessor,
  part,
  side,
  sides,
  slicingFields,
} from "./processor-fields.js";

/** What reads the JSON files of a checkpoint; undefined for a file that is not there. */
export interface JsonFiles {
  readJson(name: string): Promise<unknown>;
}

/** The part of processor_config.json, else the flat file. */
export async function readImageProcessorConfig(files: JsonFiles): Promise<unknown> {
  return (await nestedConfig(files, "image_processor")) ?? (await files.readJson("preprocessor_config.json"));
}

/** The last stands in for the others in checkpoints from before them. */
export async function readVideoProcessorConfig(files: JsonFiles): Promise<unknown> {
  return (
    (await nestedConfig(files, "video_processor")) ??
    (await files.readJson("video_preprocessor_config.json")) ??
    (await files.readJson("preprocessor_config.json"))
  );
}

async function nestedConfig(files: JsonFiles, part: string): Promise<unknown> {
  const joined = await files.readJson("processor_config.json");
  return typeof joined === "object" && joined !== null ? (joined as Record<string, unknown>)[part] : undefined;
}

/** What an image is brought to before it is cut. */
export type SizeRule =
  | { readonly shortestEdge: number }
  | { readonly longestEdge: number }
  | { readonly width: number; readonly height: number }
  | { readonly minPixels: number; readonly maxPixels: number }
  | { readonly scaleResolution: number }
  | { readonly maxPatches: number }
  | { readonly shortestEdge: number; readonly longestEdge: number };

/** What a class that cuts slices does: slices.ts. */
export interface SlicesConfig {
  readonly maxSlices: number;
  readonly scaleResolution: number;
  readonly downsampling: "16x" | "4x";
  readonly hasImageIds: boolean;
  /** Tokens of each slice, if the file says it. */
  readonly numTokens?: number | undefined;
}

/** A config as it takes effect. */
export interface ProcessorConfig {
  readonly size: SizeRule;
  readonly resample: Resample;
  /** The middle that is cut out; absent: nothing is cut away. */
  readonly crop?: { readonly width: number; readonly height: number };
  /** Of x/255: rescaling and normalisation together, whichever of them the file asks for. */
  readonly mean: Triple;
  readonly std: Triple;
  /** Of a class that cuts tiles: of this side, or so many of `size`. */
  readonly tiles?:
    | { readonly side: number; readonly splits: boolean }
    | { readonly least: number; readonly most: number };
  /** Of a class that cuts slices. */
  readonly slices?: SlicesConfig;
  /** Of a class that cuts quarters: whether it does. */
  readonly splits?: boolean;
  /** Of areas: a side shorter than a block is first scaled up to one. */
  readonly scalesUp?: true;
  readonly patchSize?: number;
  readonly mergeSize?: number;
  readonly temporalPatchSize?: number;
  /** Most tokens of a frame of video, or of the video, as its class has it. */
  readonly maxTokens?: number;
  /** Of a class that is shown videos. */
  readonly sampling?: FrameSampling;
}

/**
 * @param accepted the classes whose work the family's model was made for; the first where the file names none.
 * @throws `invalid_config` naming the fields that are malformed, unknown, or ask for what is not done here.
 */
export function parseProcessorConfig(json: unknown, accepted: readonly ProcessorClassName[]): ProcessorConfig {
  const found = checked(json);
  const name = className(found, accepted);
  const preset: ProcessorClass = classes[name];
  refuseOfOthers(found, preset);
  const crop =
    (found.do_center_crop ?? ("do_center_crop" in found ? false : preset.do_center_crop))
      ? cropOf("crop_size" in found ? found.crop_size : preset.crop_size)
      : undefined;
  return {
    size: sizeOf(found, preset),
    resample: filters[found.resample ?? preset.resample],
    ...tilesOf(found, preset),
    ...(preset.quarters && { splits: found.do_image_splitting ?? false }),
    ...(preset.scalesUp && { scalesUp: true }),
    ...(preset.slices && { slices: slicesOf(found, preset.slices) }),
    ...(crop && { crop }),
    ...colours(found, preset),
    ...patchSizeOf(found, preset),
    ...(found.merge_size !== undefined && { mergeSize: found.merge_size }),
    ...(found.temporal_patch_size !== undefined && { temporalPatchSize: found.temporal_patch_size }),
    ...(found.cap_pixels_per_frame && { maxTokens: found.max_video_tokens ?? preset.maxVideoTokens ?? 0 }),
    ...(preset.frames && { sampling: samplingOf(found, preset.frames) }),
  };
}

/** A count stands above the class's rate, not beside one of the file. */
function samplingOf(
  { fps, num_frames: numFrames, min_frames: minFrames, max_frames: maxFrames }: Found,
  { kind }: NonNullable<ProcessorClass["frames"]>,
): FrameSampling {
  const [least, most] = [minFrames ?? 4, maxFrames ?? 768];
  const problem =
    (fps && numFrames && "fps: beside num_frames; one of them chooses frames") ||
    (least > most && `min_frames: ${least} is more than max_frames, ${most}`);
  if (problem) throw invalidProcessor([problem]);
  return { kind, amount: numFrames ? { numFrames } : { fps: fps ?? 2 }, minFrames: least, maxFrames: most };
}

function patchSizeOf(found: Found, { patches }: ProcessorClass): Pick<ProcessorConfig, "patchSize"> {
  const patchSize = found.patch_size ?? patches?.size;
  return patchSize === undefined ? {} : { patchSize };
}

/** Fields that say something to some classes only, and to which. */
const fieldsOfSome = {
  merge_size: ({ areas }) => areas !== undefined,
  temporal_patch_size: ({ areas }) => areas !== undefined,
  min_pixels: ({ areas }) => areas !== undefined,
  max_pixels: ({ areas }) => areas !== undefined,
  max_image_size: ({ tileSide }) => tileSide !== undefined,
  downsample_mode: ({ slices }) => slices?.isOptional === true, // MiniCPM-V 4.6 and OCR
  image_feature_size: ({ slices }) => slices?.isOptional === false, // until 4.5: later ones have tokens by size
} as const satisfies Partial<Record<keyof Found, (preset: ProcessorClass) => boolean>>;

/** What only a class of one kind does. */
function refuseOfOthers(found: Found, preset: ProcessorClass): void {
  const { tileSide, mostTiles, patches, slices, quarters } = preset;
  const unknown = Object.entries(fieldsOfSome)
    .filter(([name, isKnown]) => (found[name as keyof Found] ?? undefined) !== undefined && !isKnown(preset))
    .map(([name]) => `${name}: this class does not know it`);
  const ofTiles = [
    ...(found.do_pad && !quarters ? ["do_pad: padding is not done"] : []),
    ...(found.do_image_splitting && !quarters ? ["do_image_splitting: this class does not cut tiles"] : []),
    ...(found.resample === 1 ? [`resample: ${filterForm}`] : []),
  ];
  const ofSlices = [...slicingFields, "norm_mean" as const, "norm_std" as const]
    .filter((name) => found[name] !== undefined && found[name] !== null)
    .map((name) => `${name}: this class does not cut slices`);
  const counted = (["crop_to_patches", "min_patches", "max_patches"] as const)
    .filter((name) => found[name])
    .map((name) => `${name}: this class does not cut tiles by their count`);
  const problems = [
    ...unknown,
    ...(tileSide === undefined ? ofTiles : []),
    ...(mostTiles === undefined ? counted : []),
    ...(patches || !found.max_num_patches ? [] : ["max_num_patches: this class does not count patches"]),
    ...(slices ? [] : ofSlices),
  ];
  if (problems.length > 0) throw invalidProcessor(problems);
}

/** `CLIPImageProcessorFast`, `CLIPImageProcessorPil` and `CLIPFeatureExtractor` are all the reference's CLIPImageProcessor. */
function className(found: Found, accepted: readonly ProcessorClassName[]): ProcessorClassName {
  const isVideo = accepted[0]!.endsWith("VideoProcessor");
  const field = isVideo ? "video_processor_type" : "image_processor_type";
  const written = found[field] ?? (isVideo ? undefined : found.feature_extractor_type);
  if (typeof written !== "string") return accepted[0]!;
  const plain = written.replace(/FeatureExtractor$/, "ImageProcessor").replace(/(Fast|Pil)$/, "");
  const known = accepted.find((name) => name === plain);
  if (known) return known;
  throw invalidProcessor([`${field}: expected ${accepted.join(" or ")}, found ${shorten(written)}`]);
}

const longestEdge = z.object({ longest_edge: side }, "expected {longest_edge}").strict();

/** `crop_to_patches` has no effect: the reference's joint processor cuts tiles whatever the file says of it. */
function tilesOf(found: Found, { tileSide, mostTiles }: ProcessorClass): Pick<ProcessorConfig, "tiles"> {
  if (mostTiles !== undefined) {
    const [least, most] = [found.min_patches ?? 1, found.max_patches ?? mostTiles];
    if (least > most) throw invalidProcessor([`min_patches: ${least} is more than max_patches, ${most}`]);
    return { tiles: { least, most } };
  }
  if (tileSide === undefined) return {};
  const { max_image_size: given = { longest_edge: tileSide } } = found;
  const side = part("max_image_size", longestEdge, given).longest_edge;
  return { tiles: { side, splits: found.do_image_splitting ?? true } };
}

function slicesOf(
  found: Found,
  { imageIds, isOptional, downsampling }: NonNullable<ProcessorClass["slices"]>,
): SlicesConfig {
  const isCut = found.slice_mode ?? true;
  if (!isCut && !isOptional) throw invalidProcessor(["slice_mode: images that keep their size do not fit the model"]);
  return {
    maxSlices: isCut ? (found.max_slice_nums ?? 9) : 1,
    scaleResolution: found.scale_resolution ?? 448,
    downsampling: found.downsample_mode ?? downsampling,
    hasImageIds: found.use_image_id ?? imageIds,
    numTokens: found.image_feature_size,
  };
}

function slicesSize(found: Found): SizeRule {
  if (found.size !== undefined && found.size !== null)
    throw invalidProcessor(["size: the sizes of slices follow from scale_resolution"]);
  return { scaleResolution: found.scale_resolution ?? 448 };
}

function sizeOf(found: Found, preset: ProcessorClass): SizeRule {
  if (preset.tileSide !== undefined)
    return { longestEdge: part("size", longestEdge, found.size ?? preset.size).longest_edge };
  if (preset.slices) return slicesSize(found);
  if (preset.patches) return { maxPatches: found.max_num_patches ?? preset.patches.most };
  if (preset.quarters) return edgesOf(found, preset);
  if (preset.areas) return areasOf(found, preset);
  const isSquare = found.default_to_square ?? preset.default_to_square;
  const edge = z.object({ shortest_edge: side }).strict();
  const size = part("size", z.union([sides, edge], sizeForms), found.size === undefined ? preset.size : found.size);
  if (typeof size === "number") return isSquare ? { width: size, height: size } : { shortestEdge: size };
  if ("shortest_edge" in size) return { shortestEdge: size.shortest_edge };
  return sidesOf(size);
}

function edgesOf(found: Found, preset: ProcessorClass): SizeRule {
  const form = z.object({ shortest_edge: side, longest_edge: side }, "expected {shortest_edge, longest_edge}").strict();
  const { shortest_edge: shortestEdge, longest_edge: longestEdge } = part("size", form, found.size ?? preset.size);
  if (shortestEdge > longestEdge)
    throw invalidProcessor([`size: shortest_edge, ${shortestEdge}, is more than longest_edge, ${longestEdge}`]);
  return { shortestEdge, longestEdge };
}

const sizeForms = "expected a number, [height, width], {height, width} or {shortest_edge}";
const areaForm = "expected {shortest_edge, longest_edge}, both as areas";

function areasOf(found: Found, preset: ProcessorClass): SizeRule {
  const given = withOverrides(
    { ...((found.size ?? preset.size) as object) },
    preset.areas === "overridden" ? found : {},
  );
  const form = z.object({ shortest_edge: area, longest_edge: area }, areaForm).strict();
  const { shortest_edge: minPixels, longest_edge: maxPixels } = part("size", form, given);
  if (minPixels > maxPixels)
    throw invalidProcessor([`size: the least pixels, ${minPixels}, are more than the most, ${maxPixels}`]);
  return { minPixels, maxPixels };
}

/** min_pixels and max_pixels beside `size`; what old files wrote of them into it gives way. */
function withOverrides(size: Record<string, unknown>, { min_pixels: least, max_pixels: most }: Found) {
  if (typeof least === "number") {
    size.shortest_edge = least;
    delete size.min_pixels;
  }
  if (typeof most === "number") {
    size.longest_edge = most;
    delete size.max_pixels;
  }
  return size;
}

function cropOf(value: unknown) {
  const crop = part("crop_size", z.union([sides], "expected a number, [height, width] or {height, width}"), value);
  return typeof crop === "number" ? { width: crop, height: crop } : sidesOf(crop);
}

function sidesOf(sides: { readonly height: number; readonly width: number } | readonly [number, number]) {
  return "height" in sides ? { width: sides.width, height: sides.height } : { width: sides[1], height: sides[0] };
}

/** (x·factor − mean) / std, where one of the two steps may be left out, as a mean and a deviation of x/255. */
function colours(found: Found, preset: ProcessorClass): { readonly mean: Triple; readonly std: Triple } {
  const isOn = (name: "do_rescale" | "do_normalize") => (name in found ? found[name] === true : true);
  const factor = 255 * (isOn("do_rescale") ? (found.rescale_factor ?? 1 / 255) : 1);
  const mean = isOn("do_normalize") ? triple(found.norm_mean ?? found.image_mean ?? preset.mean) : ([0, 0, 0] as const);
  const std = isOn("do_normalize") ? triple(found.norm_std ?? found.image_std ?? preset.std) : ([1, 1, 1] as const);
  if (Math.abs(factor - 1) < 1e-9) return { mean, std };
  const scaled = ([r, g, b]: Triple): Triple => [r / factor, g / factor, b / factor];
  return { mean: scaled(mean), std: scaled(std) };
}

function triple(value: number | Triple): Triple {
  return typeof value === "number" ? [value, value, value] : value;
}
