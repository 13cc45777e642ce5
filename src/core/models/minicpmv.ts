/**
 * minicpmv: MiniCPM-V 2.6, 4.0 and 4.5. A SigLIP encoder of any size sees an overview of an image and slices of it; of each view
 * 64 learned queries become tokens, and a decoder of the Qwen2, Llama or Qwen3 kind reads them.
 *
 *   views ─ patches + places ─ blocks ─ post_layernorm ─ resampler (queries look at patches + sines) ─→ visual_tokens
 *
 * Specification: docs/models/minicpmv.md. Reference: test/golden/minicpmv/reference.py, for transformers has no class of it.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import { type ImageGrid, slicesProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { anySizeInputs, anySizeSiglip, numPatches } from "./any-size-siglip.js";
import { sinePlaces } from "./bucketed-places.js";
import { checkSizes, parseConfig, type SizeRule, size } from "./config.js";
import { decoderDimensions, decoderFields, decoderRules } from "./decoder-config.js";
import { indexPositions, type ModelFamily, mixedLayout } from "./family.js";
import { irrelevant, only } from "./fields.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { usualEos } from "./qwen3.js";
import { longRopeFields, longRopeLength, longRopeRules, ropeAngles, ropeOf } from "./rope.js";
import { vitFields } from "./siglip.js";

/** What a config means that has no vision_config: SigLIP-so400m at 980 pixels. */
const usualVision = {
  ...{ hidden_size: 1152, intermediate_size: 4304, num_hidden_layers: 27, num_attention_heads: 16 },
  ...{ image_size: 980, patch_size: 14 },
};

/** Decoder, then what the config says of images; files of 2.0 and 2.5 have no version. */
const versions = { "2.6": "qwen2", "4": "llama", "4.5": "qwen3" } as const;
const version = z
  .union([z.number(), z.string().max(16)])
  .nullish()
  .transform((found) => String(Number(found ?? Number.NaN)))
  .refine((found): found is keyof typeof versions => Object.hasOwn(versions, found), {
    error: "expected 2.6, 4 or 4.5; of older ones take a newer checkpoint",
    params: { unsupported: true },
  });

const configSchema = z
  .object({
    ...decoderFields,
    ...longRopeFields,
    version,
    num_key_value_heads: size,
    head_dim: size.nullish(),
    max_position_embeddings: size,
    mlp_bias: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(false),
    use_sliding_window: only(false),
    ...irrelevant("sliding_window", "max_window_layers"), // of use_sliding_window
    layer_types: z.array(z.enum(["full_attention", "attention"])).nullish(),
    ...irrelevant("pretraining_tp"),
    scale_emb: only(1), // MiniCPM's own decoder; the published files hold Llama's
    scale_depth: only(),
    dim_model_base: only(),
    query_num: size.default(64),
    patch_size: size.nullish(), // the encoder's once more
    use_image_id: z.boolean().default(true),
    drop_vision_last_layer: z.boolean().default(true),
    vision_config: z.object(vitFields).prefault(usualVision),
    ...irrelevant("image_size", "slice_config", "slice_mode"), // the image processor's
    ...irrelevant("batch_vision_input", "vision_batch_size", "batch_3d_resampler"), // ways to the same sums; of videos
    init_vision: only(true), // MiniCPM-o's, as are the next
    init_audio: only(false),
    init_tts: only(false),
    audio_config: only(),
    tts_config: only(),
  })
  .transform((config) => ({ ...config, head_dim: config.head_dim ?? usualHeadDim(config) }));

type Config = z.infer<typeof configSchema>;

interface Sizes {
  readonly version: keyof typeof versions;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
}

function usualHeadDim({ version, hidden_size: width, num_attention_heads: heads }: Sizes): number {
  return versions[version] === "qwen3" ? 128 : Math.floor(width / heads);
}

// ---------------------------------------------------------------------------------------------------------- vision

/** Of one attention head of the resampler, whatever the decoder. */
const resamplerHead = 128;
/** Not in any config. */
const resamplerEpsilon = 1e-6;

/** Views of one shape → visual_tokens [num_images, query_num, H] */
function buildVision(builder: GraphBuilder, { vision_config: vision, hidden_size: width, ...config }: Config): void {
  const layers = vision.num_hidden_layers - (config.drop_vision_last_layer ? 1 : 0);
  const features = anySizeSiglip(builder, "vpm", { ...vision, num_hidden_layers: layers });
  const sines = builder.input("sine_places", "f32", [numPatches, width]);
  const resampler = { numQueries: config.query_num, numHeads: width / resamplerHead, width, epsilon: resamplerEpsilon };
  builder.output("visual_tokens", nn.queryResampler(builder.root.at("resampler"), features, sines, resampler));
}

// ---------------------------------------------------------------------------------------------------------- family

/** The placeholder, and what else a tokenizer must have as tokens: spelled by pieces of words they would say nothing. */
const marks = ["<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>", "<unk>"];

/** The overview, then slices in raster order, a line for each row of them. [MiniCPM-V's image_processing_minicpmv.py] */
export function slicedParts(
  imageId: string,
  { slices, ...grid }: ImageGrid,
  tokensOf: (view: { readonly rows: number; readonly columns: number }) => number,
): (string | number)[] {
  const parts: (string | number)[] = [`${imageId}<image>`, tokensOf(slices?.overview ?? grid)];
  let last = "</image>";
  for (let i = 0; slices && i < slices.rows * slices.columns; i++) {
    const line = i > 0 && i % slices.columns === 0 ? "\n" : "";
    const slice = { rows: grid.rows / slices.rows, columns: grid.columns / slices.columns };
    parts.push(`${last}${line}<slice>`, tokensOf(slice));
    last = "</slice>";
  }
  return [...parts, last];
}

function layoutParts({ query_num: rows, use_image_id: hasIds }: Config, grid: ImageGrid, index: number) {
  return slicedParts(hasIds ? imageId(index) : "", grid, () => rows);
}

export const imageId = (index: number) => `<image_id>${index}</image_id>`;

function sizeRules({ vision_config: vision, ...config }: Config): SizeRule[] {
  const { hidden_size: width, num_attention_heads: heads } = config;
  const patch = vision.patch_size;
  return [
    [width % resamplerHead === 0, "hidden_size must be a multiple of 128, a head of the resampler"],
    [
      vision.hidden_size % vision.num_attention_heads === 0,
      "vision_config.hidden_size must be a multiple of its heads",
    ],
    [vision.image_size >= patch, "vision_config.image_size must be at least patch_size"],
    [(config.patch_size ?? patch) === patch, "patch_size must equal vision_config.patch_size"],
    [!config.mlp_bias || config.version === "4", "mlp_bias must be false but in version 4"],
    [
      versions[config.version] !== "qwen2" || config.head_dim * heads === width,
      "head_dim must be hidden_size / num_attention_heads in version 2.6",
    ],
    ...decoderRules(config),
    ...longRopeRules(config),
  ];
}

const model = "llm.model";

function decoderVariant({ version, ...config }: Config): nn.DecoderVariant {
  const kind = versions[version];
  const head = config.tie_word_embeddings ? `${model}.embed_tokens` : "llm.lm_head";
  const attention = kind === "qwen2" ? "qkv" : config.attention_bias;
  return { model, head, qkNorm: kind === "qwen3", bias: { attention, mlp: config.mlp_bias } };
}

export const minicpmv: ModelFamily<Config> = {
  kind: "language",
  modelType: "minicpmv",
  about: {
    title: "MiniCPM-V 2.6, 4.0 and 4.5",
    repositories: ["openbmb/MiniCPM-V-4", "openbmb/MiniCPM-V-2_6", "openbmb/MiniCPM-V-4_5"],
    trainedFor: ["several_images", "thinking"],
    places: "thousandths",
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    checkSizes(sizeRules(config));
    return config;
  },
  dimensions(config) {
    const limited = { ...config, max_position_embeddings: longRopeLength(config) };
    return decoderDimensions(limited, config.eos_token_id, versions[config.version] === "llama" ? [2] : usualEos);
  },
  states: nn.decoderStates,
  canonicalName: spelling({
    ...{ ...decoderRoots(model), lm_head: "llm.lm_head" },
    ...{ llm: "llm", vpm: "vpm", resampler: "resampler" },
  }),
  parts: partsOf(
    ["vpm.", "vision"],
    ["resampler.", "connector"],
    [`${model}.embed_tokens.`, "embedding"],
    ["llm.lm_head.", "head"],
    ["", "decoder"],
  ),
  isAside: (name) => name === "resampler.pos_embed", // computed; some savers store it
  embedTokens: `${model}.embed_tokens.weight`,
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config),
    decoder: (builder) => nn.buildDecoder(builder, config, decoderVariant(config)),
  }),
  image: {
    imageProcessor: ({ vision_config: { patch_size: patchSize }, ...config }, processorConfig) =>
      slicesProcessor(processorConfig, {
        ...{ processors: ["MiniCPMVImageProcessor"], sideMultiple: patchSize, patchSize },
        ...{ hasImageIds: config.use_image_id, numTokens: config.query_num },
        absent: { use_image_id: config.use_image_id, patch_size: patchSize },
      }),
    written: { mark: "(<image>./</image>)", token: "<image>" },
    tokenId: (_, idOf) => marks.map(idOf)[0]!,
    layout: (config, grid, _, encode, index) =>
      mixedLayout(layoutParts(config, grid, index), encode("<unk>")[0]!, encode),
    inputs: ({ vision_config: vision, hidden_size: width }, pixels) => {
      const { rows, columns } = pixels.grid;
      const sines = { dtype: "f32", shape: [rows * columns, width], data: sinePlaces(pixels.grid, width) } as const;
      return { ...anySizeInputs(pixels, vision), sine_places: sines };
    },
    extraOutputs: () => [],
    queryAttention: () => ["resampler.attn.MultiHeadAttention"],
  },
  numDeepstack: () => 0,
  positions: () => indexPositions,
  rotary: (config, { start, count }) => ropeAngles(count, config.head_dim, ropeOf(config, 10_000), (i) => start + i),
};
