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

/** A union by `kind`: families with other rules join here. */
export type ImageRecipe = FitRecipe;

/** Four times the widest square input of published fixed-size towers (896); more is a damaged file. */
const side = z.number().int().min(1).max(4096);
const triple = (value: z.ZodNumber) => z.tuple([value, value, value]);

const fitSchema = z.object({
  size: z.object({ width: side, height: side }).optional(),
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
  do_center_crop: z.literal(false).optional(),
  pad: z.literal("center").optional(),
  pad_value: z.literal(0).optional(),
});

/**
 * The family's recipe with what preprocessor_config.json (absent: undefined) says.
 * @throws `invalid_config` naming the fields that are malformed, ask for another treatment, or contradict config.json.
 */
export function parseImageRecipe(preprocessorConfig: unknown, defaults: ImageRecipe): ImageRecipe {
  const result = fitSchema.safeParse(preprocessorConfig ?? {});
  if (!result.success)
    throw invalidRecipe(
      result.error.issues.map((issue) => `${issue.path.join(".") || "(top level)"}: ${issue.message}`),
    );
  const { size, patch_size, image_mean, image_std } = result.data;
  const { width, height, patchSize } = defaults;
  // The tower's position table fixes the grid, so the sizes can only be confirmed here, not chosen.
  if (size && (size.width !== width || size.height !== height))
    throw invalidRecipe([
      `size: expected ${width} by ${height} as in config.json, found ${size.width} by ${size.height}`,
    ]);
  if (patch_size !== undefined && patch_size !== patchSize)
    throw invalidRecipe([`patch_size: expected ${patchSize} as in config.json, found ${patch_size}`]);
  return { ...defaults, mean: image_mean ?? defaults.mean, std: image_std ?? defaults.std };
}

function invalidRecipe(problems: readonly string[]): OcellusError {
  return new OcellusError(
    "invalid_config",
    `preprocessor_config.json does not fit this model family: ${problems.join("; ")}; ` +
      "compare it with the checkpoint's original file, or remove it to use the family's own recipe",
    { details: { problems } },
  );
}
