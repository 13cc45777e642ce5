/**
 * dinov2 and dinov2_with_registers: DINOv2 (small, base, large), which was trained on images without words: one vector of an image,
 * by which images that show the same are near.
 *
 *   image ─ patches ─ [class, register…, patch…] + positions ─ blocks with LayerScale ─ layernorm ─ row 0 ─→ image_embeds
 *
 * The position table is that of larger images than models are shown (37 × 37 for 16 × 16): it is interpolated. Specification:
 * docs/models/dinov2.md. Sources: Oquab et al. 2023; Darcet et al. 2023; transformers modeling_dinov2.py (names, interpolation).
 */
import { z } from "zod";
import type { GraphBuilder, Value } from "../graph/index.js";
import { fixedSizeProcessor, type ImageGrid } from "../image/spec/index.js";
import * as nn from "../nn/index.js";
import { bicubicWeights } from "./bicubic.js";
import { checkSizes, epsilon, layers, parseConfig, size } from "./config.js";
import type { AboutFamily, ImageEncoderFamily } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { partsOf, spelling } from "./names.js";

const sharedFields = {
  ...commonFields,
  ...quantizationFields,
  hidden_size: size.default(768),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(12),
  mlp_ratio: z.number().int().min(1).max(64).default(4), // published ones have 4
  hidden_act: z.enum(["gelu"]).default("gelu"),
  layer_norm_eps: epsilon.default(1e-6),
  image_size: size.default(224),
  num_channels: z.literal(3).default(3),
  qkv_bias: z.boolean().default(true),
  use_swiglu_ffn: only(false), // the giant's
  head_dim: only(), // the reference would take it in place of hidden_size / num_attention_heads
  ...irrelevant("hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate", "layerscale_value"), // training
  ...irrelevant("apply_layernorm", "reshape_hidden_states", "out_features", "out_indices", "stage_names"), // of backbones
  ...irrelevant("_out_features", "_out_indices"),
};

const plainSchema = z.object({
  ...sharedFields,
  patch_size: size.default(14),
  ...irrelevant("use_mask_token"), // training
  num_register_tokens: only(),
});
const registersSchema = z.object({
  ...sharedFields,
  patch_size: size.default(16),
  num_register_tokens: z.number().int().min(0).max(1024).default(4), // published ones have 4
});

type Config = z.infer<typeof registersSchema> | z.infer<typeof plainSchema>;

const numRegisters = ({ num_register_tokens: count }: Config): number => count ?? 0;
/** Patches on a side of what the position table was made for. */
const tableSide = ({ image_size, patch_size }: Config): number => Math.floor(image_size / patch_size);

/** pixel_values [num_patches, 3·patch²] of one image, position_weights [1 + registers + num_patches, table] → image_embeds [1, D] */
function build(builder: GraphBuilder, config: Config): void {
  const { root } = builder;
  builder.output("image_embeds", root.op("Gather", [normedRows(builder, config), root.int64([0])]));
}

/** The class row beside the mean over the patches. → [1, 2·D] */
function features(builder: GraphBuilder, config: Config): Value {
  const { root } = builder;
  const rows = normedRows(builder, config);
  const first = root.op("Gather", [rows, root.int64([0])]);
  return root.op("Concat", [first, nn.meanOfRows(root, rows, { from: 1 + numRegisters(config) })], { axis: 1 });
}

/** → [1 + registers + num_patches, D] */
function normedRows(builder: GraphBuilder, config: Config): Value {
  const { root } = builder;
  const { hidden_size: D, layer_norm_eps: eps } = config;
  const rows = embeddedRows(builder, config);
  let x = root.reshape(rows, [1, -1, D]);
  const blocks = root.at("encoder.layer");
  for (let n = 0; n < config.num_hidden_layers; n++) x = nn.encoderBlock(blocks.at(n), x, encoderBlock(config));
  return root.reshape(nn.layerNorm(root, "layernorm", x, eps), [-1, D]);
}

function embeddedRows(builder: GraphBuilder, config: Config): Value {
  const { hidden_size: D, patch_size: p } = config;
  const scope = builder.root.at("embeddings");
  const pixels = builder.input("pixel_values", "f32", ["num_patches", 3 * p * p]);
  const names = { weight: "weight", bias: "bias" };
  const patches = nn.patchEmbedding(scope.at("patch_embeddings.projection"), pixels, [D, 3, p, p], names);
  const registers = numRegisters(config);
  const first = scope.reshape(scope.weight("cls_token", [1, 1, D]), [1, D]);
  const more = registers > 0 ? [scope.reshape(scope.weight("register_tokens", [1, registers, D]), [registers, D])] : [];
  const rows = scope.op("Concat", [first, ...more, patches], { axis: 0 });
  const numPositions = tableSide(config) ** 2 + 1;
  const table = scope.reshape(scope.weight("position_embeddings", [1, numPositions, D]), [numPositions, D]);
  const weights = builder.input("position_weights", "f32", [rows.shape[0]!, numPositions]);
  return scope.op("Add", [rows, scope.op("FusedMatMul", [weights, table])]);
}

function encoderBlock(config: Config): nn.EncoderBlock {
  const { num_attention_heads: numHeads, qkv_bias: bias, hidden_size: D, hidden_act: activation } = config;
  const qkv = ["query", "key", "value"] as const;
  return {
    norms: ["norm1", "norm2"],
    epsilon: config.layer_norm_eps,
    scales: ["layer_scale1.lambda1", "layer_scale2.lambda1"],
    attention: { at: "attention.attention", qkv, out: "attention.output.dense", numHeads, bias },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation, width: D * config.mlp_ratio, bias: true },
  };
}

/** Of each row, how much it takes of each row of the position table; registers have no place. */
function positionWeights(config: Config, { rows, columns }: ImageGrid) {
  const side = tableSide(config);
  const isSmoothed = config.num_register_tokens !== undefined;
  const [down, across] = [rows, columns].map((count) => bicubicWeights(side, count, isSmoothed));
  const [before, width] = [1 + numRegisters(config), side ** 2 + 1];
  const data = new Float32Array((before + rows * columns) * width);
  data[0] = 1;
  for (const [r, ofRow] of down!.entries())
    for (const [c, ofColumn] of across!.entries()) {
      const start = (before + r * columns + c) * width + 1;
      for (const [y, a] of ofRow.entries()) for (const [x, b] of ofColumn.entries()) data[start + y * side + x] = a * b;
    }
  return { dtype: "f32", shape: [before + rows * columns, width], data } as const;
}

/** The side that images are cut to: the processor's, for the model takes any. Malformed ones are refused where they are read. */
function shownSide(processorConfig: unknown): number {
  const { crop_size: crop } = (processorConfig ?? {}) as { crop_size?: unknown };
  const side = typeof crop === "object" ? (crop as { height?: unknown } | null)?.height : crop;
  return typeof side === "number" ? side : 224;
}

function familyOf<C extends Config>(
  modelType: string,
  configSchema: z.ZodType<C>,
  architecture: string,
  about: AboutFamily,
): ImageEncoderFamily<C> {
  return {
    kind: "image_encoder",
    modelType,
    about,
    configSchema,
    parseConfig(json) {
      const config = parseConfig(configSchema, json, "config.json");
      const { hidden_size: D, num_attention_heads: heads, image_size, patch_size } = config;
      checkSizes([
        [D % heads === 0, "hidden_size must be a multiple of its heads"],
        [image_size >= patch_size, "image_size must hold a patch"],
      ]);
      return config;
    },
    canonicalName: (name) => spelledRoots(name.replace(/^dinov2(?:_with_registers)?\./, "")),
    parts: partsOf(["", "vision"]),
    classifier: {
      architecture,
      features,
      tensorName: (name) => (name.startsWith("classifier.") ? undefined : `${modelType}.${name}`),
    },
    isAside: (name) => name === "embeddings.mask_token" || name.startsWith("classifier."),
    graphs: (config) => ({ vision: (builder) => build(builder, config) }),
    imageProcessor({ patch_size: patchSize }, processorConfig) {
      const side = shownSide(processorConfig);
      checkSizes([[side % patchSize === 0, "patch_size must divide crop_size of the image processor"]]);
      const target = { width: side, height: side, patchSize, absent: { size: { shortest_edge: 256 } } };
      return fixedSizeProcessor(processorConfig, { processors: ["BitImageProcessor"], ...target });
    },
    inputs: (config, { data, shape, grid }) => ({
      pixel_values: { dtype: "f32", shape, data },
      position_weights: positionWeights(config, grid),
    }),
  };
}

const spelledRoots = spelling({ embeddings: "embeddings", encoder: "encoder", layernorm: "layernorm" });

export const dinov2 = familyOf("dinov2", plainSchema, "Dinov2ForImageClassification", {
  title: "DINOv2",
  repositories: ["facebook/dinov2-small", "facebook/dinov2-base", "facebook/dinov2-large"],
});
export const dinov2WithRegisters = familyOf(
  "dinov2_with_registers",
  registersSchema,
  "Dinov2WithRegistersForImageClassification",
  {
    title: "DINOv2 with registers",
    repositories: ["facebook/dinov2-with-registers-small", "facebook/dinov2-with-registers-base"],
  },
);
