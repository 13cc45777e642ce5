/**
 * qwen3_vl: Qwen3-VL, dense (2B, 4B, 8B, 32B). A ViT at native resolution whose merged patches become visual tokens,
 * and whose inner layers reach the decoder's first layers directly (DeepStack).
 *
 *   patches ─ patch_embed + positions ─ blocks ──┬───────────┬────────── merger ──→ visual_tokens → inputs_embeds
 *                                          after i0│    after i1│  …
 *                                 deepstack_merger 0│ deepstack_merger 1 ──→ deepstack.N → added after decoder layer N
 *
 * Specification: docs/models/qwen3_vl.md. Reference: transformers modeling_qwen3_vl.py; fixtures in
 * test/golden/qwen3_vl/.
 */
import { z } from "zod";
import * as nn from "../nn/index.js";
import { checkSizes, parseConfig, size, tokenId } from "./config.js";
import { decoderDimensions, decoderRules, eosSchema } from "./decoder-config.js";
import type { ModelFamily } from "./family.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";
import { promptPositions } from "./merged-patches.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import { qwen3Decoder, qwen3Fields, referenceSizes, usualEos } from "./qwen3.js";
import { buildVision, type DeepstackTap, imageSide, visionFields, visionRules } from "./qwen3_vl_vision.js";
import { mropeAngles, ropeFields, ropeOf } from "./rope.js";

const visionSchema = z.object({
  ...visionFields,
  deepstack_visual_indexes: z.array(z.number().int().min(0).max(1024)).max(16).default([8, 16, 24]),
});

const textSchema = z.object({
  ...qwen3Fields,
  ...referenceSizes,
  ...ropeFields("default", "mrope"),
  max_position_embeddings: size.default(128_000),
});

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId.default(151_655),
  video_token_id: tokenId.default(151_656),
  ...irrelevant("vision_start_token_id", "vision_end_token_id"), // the chat template writes them
  eos_token_id: eosSchema,
  tie_word_embeddings: z.boolean().default(false),
  vision_config: visionSchema.prefault({}),
  text_config: textSchema.prefault({}),
});

type Config = z.infer<typeof configSchema>;

/** What a config leaves out: the rotation's base, and how MRoPE shares the frequencies between T, H and W. */
const textTheta = 500_000;
const mropeSection = [24, 20, 20];

/**
 * Blocks whose output reaches the decoder, in the order in which they run, each with its merger's place in the list; the
 * decoder's layers from the first take one each.
 */
function deepstackTaps({ vision_config: vision, text_config: text }: Config): DeepstackTap[] {
  const indexes = vision.deepstack_visual_indexes;
  const taps = indexes
    .map((layer, merger) => ({ layer, merger }))
    .filter(({ layer }, i) => {
      return layer < vision.depth && indexes.indexOf(layer) === i;
    });
  return taps.sort((a, b) => a.layer - b.layer).slice(0, text.num_hidden_layers);
}

function numDeepstack(config: Config): number {
  return deepstackTaps(config).length;
}

const languageModel = "model.language_model";

function decoderVariant(config: Config): nn.DecoderVariant {
  const decoder = qwen3Decoder(config.text_config, languageModel, config.tie_word_embeddings);
  return { ...decoder, numDeepstack: numDeepstack(config) };
}

export const qwen3Vl: ModelFamily<Config> = {
  kind: "language",
  modelType: "qwen3_vl",
  about: {
    title: "Qwen3-VL, dense",
    repositories: [
      ...["Qwen/Qwen3-VL-2B-Instruct", "Qwen/Qwen3-VL-4B-Instruct", "Qwen/Qwen3-VL-8B-Instruct"],
      ...["Qwen/Qwen3-VL-Embedding-2B", "Qwen/Qwen3-VL-Reranker-2B"],
    ],
    trainedFor: ["several_images", "tools", "boxes", "thinking"],
    places: "thousandths",
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const { vision_config: vision, text_config: text } = config;
    checkSizes([...visionRules(vision, text.hidden_size), ...decoderRules(text, "text_config.")]);
    return config;
  },
  dimensions: ({ text_config: text, eos_token_id: eos }) => decoderDimensions(text, eos ?? text.eos_token_id, usualEos),
  states: (config) => nn.decoderStates(config.text_config),
  canonicalName: spelling({
    ...decoderRoots("model.language_model"),
    ...{ visual: "model.visual", vision_tower: "model.visual" },
  }),
  parts: partsOf(
    ["model.visual.merger.", "connector"],
    ["model.visual.deepstack_merger_list.", "connector"],
    ["model.visual.", "vision"],
    ["model.language_model.embed_tokens.", "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  embedTokens: "model.language_model.embed_tokens.weight",
  graphs: (config) => ({
    vision: (builder) => buildVision(builder, config.vision_config, deepstackTaps(config)),
    decoder: (builder) => nn.buildDecoder(builder, config.text_config, decoderVariant(config)),
  }),
  image: imageSide((config) => deepstackTaps(config).map((_, i) => `deepstack.${i}`)),
  numDeepstack,
  positions: (_, ids, images) => promptPositions(ids, images),
  rotary: ({ text_config: text }, row) => mropeAngles(row, text.head_dim, ropeOf(text, textTheta), mropeSection),
};
