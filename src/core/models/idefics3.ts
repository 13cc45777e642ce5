/**
 * idefics3 and smolvlm: Idefics3 8B, SmolVLM and SmolVLM2 (256M, 500M, 2.2B), granite-docling. A SigLIP encoder of one size sees an
 * image tile by tile and once as a whole; blocks of its patches become one token each, whose places words among them tell.
 *
 *   tiles ─ patches + positions ─ blocks ─ post_layernorm ─ pixel shuffle ─ projection ─→ visual_tokens → inputs_embeds
 *
 * Specification: docs/models/idefics3.md. Reference: transformers modeling_idefics3.py, processing_idefics3.py; fixtures in
 * test/golden/idefics3/ and test/golden/smolvlm/.
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import { type ImageGrid, tilesProcessor } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { checkSizes, epsilon, layers, parseConfig, type SizeRule, size, tokenId } from "./config.js";
import { decoderDimensions, decoderRules } from "./decoder-config.js";
import { type AboutFamily, indexPositions, type ModelFamily, mixedLayout } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { llamaDecoder, llamaFields, withLlamaSizes } from "./llama.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { ropeAngles, ropeOf } from "./rope.js";

const visionSchema = z.object({
  ...commonFields,
  hidden_size: size.default(1152),
  intermediate_size: size.default(3072),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(16),
  num_channels: z.literal(3).default(3),
  image_size: size.default(224),
  patch_size: size.default(32),
  hidden_act: z.literal("gelu_pytorch_tanh").default("gelu_pytorch_tanh"),
  layer_norm_eps: epsilon.default(1e-6),
  ...irrelevant("attention_dropout"), // training
  ...irrelevant("max_image_size", "size", "use_base_siglip"), // of published files; the image processor's, and the training's
});

const textSchema = z
  .object({
    ...llamaFields,
    model_type: only("llama"),
    qk_layer_norms: only(false), // of published files, as are the next, which the reference's decoder does not read
    use_resampler: only(false),
    ...irrelevant("_flash_attn_2_enabled", "neftune_noise_alpha", "perceiver_config", "pixel_shuffle_factor"),
  })
  .transform(withLlamaSizes);

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId.default(128_257),
  scale_factor: z.number().int().min(1).max(64).default(2), // published ones have 2 to 4
  tie_word_embeddings: z.boolean().default(false),
  vision_config: visionSchema.prefault({}),
  text_config: textSchema.prefault({ rms_norm_eps: 1e-5 }),
  ...irrelevant("vocab_size", "use_reentrant_checkpointing"), // the text's own counts; training
});

type Config = z.infer<typeof configSchema>;
type VisionConfig = z.infer<typeof visionSchema>;

// ---------------------------------------------------------------------------------------------------------- vision

/** Patches on a side of a tile: what a patch does not fill is not seen. */
const patchesOf = ({ image_size: side, patch_size: patch }: VisionConfig): number => Math.floor(side / patch);

/** Tokens of one tile. */
const tokensOf = ({ vision_config: vision, scale_factor: scale }: Config): number => (patchesOf(vision) / scale) ** 2;

/** pixel_values [num_tiles · patches, 3·patch²], tile by tile → visual_tokens [num_tiles · tokens, H] */
function buildVision(builder: GraphBuilder, config: Config): void {
  const { vision_config: vision, scale_factor: scale } = config;
  const { hidden_size: D, patch_size: p } = vision;
  const [side, scope] = [patchesOf(vision), builder.root.at("model.vision_model")];
  const pixels = builder.input("pixel_values", "f32", [`${side * side}*num_images`, 3 * p * p]);
  const names = { weight: "weight", bias: "bias" };
  const patches = nn.patchEmbedding(scope.at("embeddings.patch_embedding"), pixels, [D, 3, p, p], names);
  const tiles = scope.reshape(patches, [-1, side * side, D]); // each sees itself only
  let x = scope.op("Add", [tiles, scope.at("embeddings.position_embedding").weight("weight", [side * side, D])]);
  for (let n = 0; n < vision.num_hidden_layers; n++)
    x = nn.encoderBlock(scope.at("encoder.layers").at(n), x, visionBlock(vision));
  const features = nn.layerNorm(scope, "post_layernorm", x, vision.layer_norm_eps);
  const connector = builder.root.at("model.connector");
  const blocks = connector.reshape(nn.pixelShuffle(connector, features, scale), [-1, scale * scale * D]);
  const width = config.text_config.hidden_size;
  builder.output("visual_tokens", nn.linear(connector, "modality_projection.proj", blocks, width));
}

function visionBlock(config: VisionConfig): nn.EncoderBlock {
  const { num_attention_heads: numHeads, intermediate_size: width, hidden_act: activation } = config;
  const qkv = ["q_proj", "k_proj", "v_proj"] as const;
  return {
    norms: ["layer_norm1", "layer_norm2"],
    epsilon: config.layer_norm_eps,
    attention: { at: "self_attn", qkv, out: "self_attn.out_proj", numHeads, bias: true },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation, width, bias: true },
  };
}

// ---------------------------------------------------------------------------------------------------------- family

const tileMark = "<fake_token_around_image>";

/** Tiles in raster order, each behind its row and column, a line for each row of them; then the whole. [processing_idefics3.py] */
function layoutParts(config: Config, grid: ImageGrid): (string | number)[] {
  const [perSide, rows] = [patchesOf(config.vision_config), tokensOf(config)];
  const [tileRows, tileColumns] = [grid.rows / perSide, grid.columns / perSide];
  const whole = `${tileMark}<global-img>`;
  if (tileRows * tileColumns === 1) return [whole, rows, tileMark];
  const tiles = Array.from({ length: tileRows * tileColumns }, (_, i) => {
    const [row, column] = [Math.floor(i / tileColumns), i % tileColumns];
    const line = i > 0 && column === 0 ? "\n" : "";
    return [`${line}${tileMark}<row_${row + 1}_col_${column + 1}>`, rows];
  });
  return [...tiles.flat(), `\n\n${whole}`, rows, tileMark];
}

function sizeRules({ vision_config: vision, scale_factor: scale, text_config: text }: Config): SizeRule[] {
  const { hidden_size: width, num_attention_heads: heads } = vision;
  const perSide = patchesOf(vision);
  return [
    [width % heads === 0, "vision_config.hidden_size must be a multiple of num_attention_heads"],
    [
      perSide >= 1 && perSide % scale === 0,
      "scale_factor must divide the patches on a side of vision_config.image_size",
    ],
    ...decoderRules(text, "text_config."),
  ];
}

const model = "model.text_model";

/** Names of tensors, of Idefics2, too. */
export const idefics = {
  canonicalName: spelling({
    ...decoderRoots(model),
    ...{ text_model: model, vision_model: "model.vision_model", connector: "model.connector" },
  }),
  parts: partsOf(
    ["model.vision_model.", "vision"],
    ["model.connector.", "connector"],
    [`${model}.embed_tokens.`, "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  embedTokens: `${model}.embed_tokens.weight`,
};

function familyOf(
  modelType: string,
  about: AboutFamily,
  processor: "Idefics3ImageProcessor" | "SmolVLMImageProcessor",
): ModelFamily<Config> {
  return {
    kind: "language",
    modelType,
    about: { ...about, trainedFor: ["several_images"] },
    configSchema,
    parseConfig(json) {
      const config = parseConfig(configSchema, json, "config.json");
      checkSizes(sizeRules(config));
      return config;
    },
    dimensions: ({ text_config: text }) => decoderDimensions(text, text.eos_token_id, []),
    states: ({ text_config: text }) => nn.decoderStates(text),
    ...idefics,
    graphs: (config) => ({
      vision: (builder) => buildVision(builder, config),
      decoder: (builder) =>
        nn.buildDecoder(
          builder,
          config.text_config,
          llamaDecoder(config.text_config, model, config.tie_word_embeddings),
        ),
    }),
    image: {
      imageProcessor: ({ vision_config: { image_size: side, patch_size: patchSize } }, processorConfig) => {
        const absent = { max_image_size: { longest_edge: side }, size: { longest_edge: 4 * side } };
        return tilesProcessor(processorConfig, { processors: [processor], side, patchSize, absent });
      },
      tokenId: (config) => config.image_token_id,
      layout: (config, grid, placeholder, encode) => mixedLayout(layoutParts(config, grid), placeholder, encode),
      inputs: (_, { data, shape }) => ({ pixel_values: { dtype: "f32", shape, data } }),
      extraOutputs: () => [],
    },
    numDeepstack: () => 0,
    positions: () => indexPositions,
    rotary: ({ text_config: text }, { start, count }) =>
      ropeAngles(count, text.head_dim, ropeOf(text, 10_000), (i) => start + i),
  };
}

const idefics3About = {
  title: "Idefics3, SmolVLM, granite-docling",
  repositories: [
    "HuggingFaceTB/SmolVLM-256M-Instruct",
    "ibm-granite/granite-docling-258M",
    "HuggingFaceM4/Idefics3-8B-Llama3",
  ],
};
const smolvlmAbout = {
  title: "SmolVLM2",
  repositories: ["HuggingFaceTB/SmolVLM2-256M-Video-Instruct", "HuggingFaceTB/SmolVLM2-2.2B-Instruct"],
};

export const idefics3 = familyOf("idefics3", idefics3About, "Idefics3ImageProcessor");
export const smolvlm = familyOf("smolvlm", smolvlmAbout, "SmolVLMImageProcessor");
