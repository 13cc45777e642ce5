/**
 * qwen3_5: Qwen3.5, dense (0.8B, 2B, 4B, 9B, 27B). The vision encoder of Qwen3-VL, whose inner layers reach no decoder layer here,
 * and the decoder of qwen3_5_text.
 *
 *   patches ─ vision encoder ─ merger ─→ visual_tokens → inputs_embeds → layers of two kinds
 *
 * Specification: docs/models/qwen3_5.md. Reference: transformers modeling_qwen3_5.py; fixtures in test/golden/qwen3_5/.
 */
import { z } from "zod";
import * as nn from "../nn/index.js";
import { checkSizes, parseConfig, tokenId } from "./config.js";
import { decoderDimensions, eosSchema } from "./decoder-config.js";
import type { ModelFamily } from "./family.js";
import { commonFields, irrelevant, only, quantizationFields } from "./fields.js";
import { promptPositions } from "./merged-patches.js";
import { decoderRoots, partsOf, spelling } from "./names.js";
import {
  decoderStates,
  decoderVariant,
  keepsEightBits,
  rotary,
  textRules,
  textSchema,
  usualEos,
} from "./qwen3_5_text.js";
import { buildVision, imageSide, visionFields, visionRules } from "./qwen3_vl_vision.js";

const configSchema = z.object({
  ...commonFields,
  ...quantizationFields,
  image_token_id: tokenId.default(248_056),
  video_token_id: tokenId.default(248_057),
  ...irrelevant("vision_start_token_id", "vision_end_token_id"), // the chat template writes them
  eos_token_id: eosSchema,
  tie_word_embeddings: z.boolean().default(false),
  vision_config: z.object({ ...visionFields, deepstack_visual_indexes: only([]) }).prefault({}),
  text_config: textSchema.prefault({}),
});

type Config = z.infer<typeof configSchema>;

const languageModel = "model.language_model";

export const qwen35: ModelFamily<Config> = {
  kind: "language",
  modelType: "qwen3_5",
  about: {
    title: "Qwen3.5, dense",
    repositories: ["Qwen/Qwen3.5-0.8B", "Qwen/Qwen3.5-2B", "Qwen/Qwen3.5-4B"],
    trainedFor: ["several_images", "boxes", "thinking"],
    places: "thousandths",
  },
  configSchema,
  parseConfig(json) {
    const config = parseConfig(configSchema, json, "config.json");
    const { vision_config: vision, text_config: text } = config;
    checkSizes([...visionRules(vision, text.hidden_size), ...textRules(text, "text_config.")]);
    return config;
  },
  dimensions: ({ text_config: text, eos_token_id: eos }) => decoderDimensions(text, eos ?? text.eos_token_id, usualEos),
  states: ({ text_config: text }) => decoderStates(text),
  canonicalName: spelling({
    ...decoderRoots(languageModel),
    ...{ visual: "model.visual", vision_tower: "model.visual" },
  }),
  parts: partsOf(
    ["model.visual.merger.", "connector"],
    ["model.visual.", "vision"],
    [`${languageModel}.embed_tokens.`, "embedding"],
    ["lm_head.", "head"],
    ["", "decoder"],
  ),
  isAside: (name) => name.startsWith("mtp."), // a head that guesses ahead
  keepsEightBits,
  embedTokens: `${languageModel}.embed_tokens.weight`,
  graphs: ({ vision_config: vision, text_config: text, tie_word_embeddings: isTied }) => ({
    vision: (builder) => buildVision(builder, vision),
    decoder: (builder) => nn.buildDecoder(builder, text, decoderVariant(text, languageModel, isTied)),
  }),
  image: imageSide(),
  numDeepstack: () => 0,
  positions: (_, ids, images) => promptPositions(ids, images),
  rotary: ({ text_config: text }, row) => rotary(text, row),
};
