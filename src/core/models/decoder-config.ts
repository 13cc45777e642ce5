/** What the configs of language models' decoders have in common, and the numbers that follow from them. */
import { z } from "zod";
import type { DecoderSizes } from "../nn/index.js";
import { epsilon, layers, type SizeRule, size, tokenId } from "./config.js";
import { commonFields, irrelevant, quantizationFields } from "./fields.js";

export const eosSchema = z.union([tokenId, z.array(tokenId).min(1).max(16)]).nullish();

type EosTokenId = z.infer<typeof eosSchema>;

/** Without the rotation, and without defaults of sizes: they are the families'. */
export const decoderFields = {
  ...commonFields,
  ...quantizationFields,
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  rms_norm_eps: epsilon.default(1e-6),
  hidden_act: z.literal("silu").default("silu"),
  attention_bias: z.boolean().default(false),
  eos_token_id: eosSchema,
  ...irrelevant("attention_dropout"), // training
};

export type DecoderConfig = DecoderSizes & {
  readonly attention_bias: boolean;
  readonly max_position_embeddings: number;
};

/** The numbers of `ModelFamily` that follow from the decoder alone; `usualEos` stands in for a config that names no ends. */
export function decoderDimensions(
  config: Omit<DecoderConfig, "attention_bias">,
  eos: EosTokenId,
  usualEos: readonly number[],
) {
  const { hidden_size: hiddenSize, vocab_size: vocabSize, max_position_embeddings: maxLength } = config;
  const eosTokenIds = typeof eos === "number" ? [eos] : (eos ?? usualEos);
  return { hiddenSize, vocabSize, maxLength, eosTokenIds };
}

/** `where` is how config.json names the decoder's part. */
export function decoderRules(config: DecoderSizes, where = ""): SizeRule[] {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = config;
  return [
    [heads % kvHeads === 0, `${where}num_attention_heads must be a multiple of num_key_value_heads`],
    [headDim % 8 === 0, `${where}head_dim must be a multiple of 8`], // GroupQueryAttention's rule
  ];
}
