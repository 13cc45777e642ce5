/**
 * The fields of image-processor configs: the schema of each, those without effect, and the refusal of all others by name. What
 * they mean together is processor-config.ts.
 */
import { z } from "zod";
import { OcellusError, shorten } from "../../base/index.js";

/** Four times the widest square input of published fixed-size towers (896); more is a damaged file. */
export const side = z.number().int().min(1).max(4096);
/** 2^28 pixels are sixteen times the largest published budget (4096 × 4096). */
export const area = z
  .number()
  .int()
  .min(1)
  .max(2 ** 28);
const square = z.object({ height: side, width: side }).strict();
export const sides = z.union([side, z.tuple([side, side]), square]);
const channels = (value: z.ZodNumber) => z.union([value, z.tuple([value, value, value])]);
const flag = z.boolean().nullish();
/** Published: 256; sixteen times that is a tower no machine of today has memory for. */
const patchCount = z.number().int().min(1).max(4096);
/** Published: 12; evaluations use up to 40. */
const tileCount = z.number().int().min(1).max(64);
/** From one frame in a quarter of an hour to high-speed cameras. */
const rate = z.number().min(1e-3).max(1e3);
/** The most that the reference samples of a video by itself, twenty times over. */
const frames = z.number().int().min(2).max(16_384);
const count = z.number().int().min(1).max(262_144); // twice the class default of a whole video

/** What marks the views of an image among the ids of a prompt, where a file names it. */
const marks = {
  ...{ im_start: "<image>", im_end: "</image>", slice_start: "<slice>", slice_end: "</slice>", unk: "<unk>" },
  ...{ im_id_start: "<image_id>", im_id_end: "</image_id>" },
} as const;
const literals = <T extends Record<string, string>>(values: T) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, z.literal(value).optional()])) as {
    [N in keyof T]: z.ZodOptional<z.ZodLiteral<T[N]>>;
  };
export const slicingFields = [
  "max_slice_nums",
  "scale_resolution",
  "slice_mode",
  "use_image_id",
  "small_image_upsize",
] as const;

export const filterForm = "expected 1 (Lanczos, where tiles are cut), 2 (bilinear) or 3 (bicubic)";

const fields = {
  image_processor_type: z.string().nullish(),
  feature_extractor_type: z.string().nullish(),
  video_processor_type: z.string().nullish(),
  size: z.unknown(),
  default_to_square: flag,
  resample: z.union([z.literal(1), z.literal(2), z.literal(3)], filterForm).optional(),
  crop_size: z.unknown(),
  do_center_crop: flag,
  do_resize: z.literal(true, "images that keep their size do not fit the model").optional(),
  do_rescale: flag,
  rescale_factor: z.number().min(1e-4).max(1).optional(), // from 1/255 of 1/25 to none at all
  do_normalize: flag,
  image_mean: channels(z.number().min(-10).max(10)).optional(),
  image_std: channels(z.number().min(1e-3).max(100)).optional(), // smaller ones blow values past what a tower has seen
  do_pad: flag,
  do_image_splitting: flag,
  crop_to_patches: flag,
  min_patches: tileCount.nullish(),
  max_patches: tileCount.nullish(),
  max_num_patches: patchCount.nullish(),
  max_image_size: z.unknown(),
  pad_size: z.null("padding is not done").optional(),
  use_square_size: z.literal(false, "write size as height and width").optional(),
  min_pixels: area.nullish(),
  max_pixels: area.nullish(),
  patch_size: side.optional(),
  merge_size: side.optional(),
  temporal_patch_size: side.optional(),
  cap_pixels_per_frame: flag,
  max_video_tokens: count.nullish(),
  fps: rate.nullish(),
  num_frames: frames.nullish(),
  min_frames: frames.nullish(),
  max_frames: frames.nullish(),
  max_slice_nums: z.number().int().min(1).max(64).optional(), // published ones have 9
  scale_resolution: side.optional(),
  slice_mode: flag,
  downsample_mode: z.enum(["16x", "4x"]).optional(),
  use_image_id: flag,
  image_feature_size: side.optional(),
  small_image_upsize: z.literal("always", "images below scale_resolution are always enlarged here").optional(),
  norm_mean: channels(z.number().min(-10).max(10)).optional(),
  norm_std: channels(z.number().min(1e-3).max(100)).optional(),
  ...literals(marks),
  pad: z.literal("center").optional(),
  pad_value: z.literal(0).optional(),
};

/**
 * Images are RGB when they come here; the rest says how the reference hands values over. `do_sample_frames`: frames of a file are
 * always chosen here, and frames that are given never.
 */
const withoutEffect = new Set(
  (
    "do_convert_rgb processor_class auto_map data_format input_data_format return_tensors device disable_grouping " +
    "image_seq_length image_seq_len _valid_processor_keys _processor_class transformers_version return_metadata " +
    "do_sample_frames version video_metadata max_duration return_row_col_info video_sampling"
  ).split(" "),
);

const schema = z.object(fields).partial();
export type Found = z.infer<typeof schema>;

export function checked(json: unknown): Found {
  const result = schema.safeParse(json);
  if (!result.success)
    throw invalidProcessor(
      result.error.issues
        .slice(0, 20)
        .map(({ path, message }) => `${path.join(".") || "(top level)"}: ${shorten(message)}`),
    );
  const unknown = Object.entries(json as object)
    .filter(([name, value]) => !(name in fields) && !withoutEffect.has(name) && value !== null && value !== false)
    .map(([name]) => `${shorten(name, 60)}: a field that is not known here`);
  if (unknown.length > 0) throw invalidProcessor(unknown.slice(0, 20));
  return result.data;
}

export function part<T>(name: string, form: z.ZodType<T>, value: unknown): T {
  const result = form.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw invalidProcessor([
    `${[name, ...path].join(".")}: ${message}, found ${shorten(JSON.stringify(value) ?? "nothing")}`,
  ]);
}

export function invalidProcessor(problems: readonly string[]): OcellusError {
  const shown = problems.slice(0, 3).map((problem) => shorten(problem, 200));
  return new OcellusError(
    "invalid_config",
    `the image processor config (preprocessor_config.json or processor_config.json) does not fit this model family: ` +
      `${shown.join("; ")}${problems.length > 3 ? "; and more" : ""}; compare it with the checkpoint's original file`,
    { details: { problems } },
  );
}
