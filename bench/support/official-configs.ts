/**
 * config.json of models as they are published, by name. Sources: docs/models/qwen3_vl.md (the table of sizes),
 * docs/models/qwen3_vl_resampler.md and docs/models/qwen3_5.md. Special ids are those of Qwen3's tokenizer, which random checkpoints have.
 */
const text = { vocab_size: 151_936, head_dim: 128, num_key_value_heads: 8, rms_norm_eps: 1e-6 };
const special = { image_token_id: 151_655, vision_start_token_id: 151_652, vision_end_token_id: 151_653 };

const smallEye = { depth: 24, hidden_size: 1024, intermediate_size: 4096, deepstack_visual_indexes: [5, 11, 17] };
const largeEye = { depth: 27, hidden_size: 1152, intermediate_size: 4304, deepstack_visual_indexes: [8, 16, 24] };

interface Decoder {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
}

function qwen3Vl(eye: typeof smallEye, decoder: Decoder, tied: boolean) {
  return {
    model_type: "qwen3_vl",
    ...special,
    video_token_id: 151_656,
    tie_word_embeddings: tied,
    vision_config: { ...eye, num_heads: 16, num_position_embeddings: 2304, out_hidden_size: decoder.hidden_size },
    text_config: {
      ...text,
      ...decoder,
      max_position_embeddings: 262_144,
      rope_theta: 5_000_000,
      rope_scaling: { rope_type: "default", mrope_interleaved: true, mrope_section: [24, 20, 20] },
      eos_token_id: 151_645,
    },
  };
}

interface Qwen35Decoder extends Decoder {
  readonly num_key_value_heads: number;
  readonly linear_num_value_heads: number;
}

type Qwen35Eye = Omit<typeof smallEye, "deepstack_visual_indexes"> & { readonly num_heads: number };

function qwen35(eye: Qwen35Eye, decoder: Qwen35Decoder, tied: boolean) {
  return {
    model_type: "qwen3_5",
    ...special,
    video_token_id: 151_656,
    tie_word_embeddings: tied,
    vision_config: { ...eye, num_position_embeddings: 2304, out_hidden_size: decoder.hidden_size },
    text_config: {
      ...{
        vocab_size: 248_320,
        head_dim: 256,
        rms_norm_eps: 1e-6,
        max_position_embeddings: 262_144,
        full_attention_interval: 4,
      },
      ...{ linear_conv_kernel_dim: 4, linear_key_head_dim: 128, linear_value_head_dim: 128, linear_num_key_heads: 16 },
      ...decoder,
      rope_parameters: {
        ...{ rope_type: "default", rope_theta: 10_000_000, partial_rotary_factor: 0.25 },
        ...{ mrope_interleaved: true, mrope_section: [11, 11, 10] },
      },
      eos_token_id: 151_645,
    },
  };
}

const resampler8B = {
  model_type: "qwen3_vl_resampler",
  ...special,
  eos_token_id: 151_645,
  tie_word_embeddings: true,
  vision_config: { depth: 24, hidden_size: 1024, intermediate_size: 4096, num_heads: 16 },
  resampler_config: { num_hidden_layers: 2, num_attention_heads: 16, hidden_size: 1024, intermediate_size: 4096 },
  text_config: {
    ...text,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    rope_theta: 1_000_000,
    max_position_embeddings: 2048,
  },
};

/** hidden_size, intermediate_size, num_hidden_layers, num_attention_heads */
const decoder = (...[hidden, intermediate, layers, heads]: [number, number, number, number]): Decoder => ({
  hidden_size: hidden,
  intermediate_size: intermediate,
  num_hidden_layers: layers,
  num_attention_heads: heads,
});

export const officialConfigs = {
  "qwen3_5-0.8b": qwen35(
    { depth: 12, hidden_size: 768, intermediate_size: 3072, num_heads: 12 },
    { ...decoder(1024, 3584, 24, 8), num_key_value_heads: 2, linear_num_value_heads: 16 },
    true,
  ),
  "qwen3_5-2b": qwen35(
    { depth: 24, hidden_size: 1024, intermediate_size: 4096, num_heads: 16 },
    { ...decoder(2048, 6144, 24, 8), num_key_value_heads: 2, linear_num_value_heads: 16 },
    true,
  ),
  "qwen3_5-9b": qwen35(
    { depth: 27, hidden_size: 1152, intermediate_size: 4304, num_heads: 16 },
    { ...decoder(4096, 12_288, 32, 16), num_key_value_heads: 4, linear_num_value_heads: 32 },
    false,
  ),
  "qwen3_vl-2b": qwen3Vl(smallEye, decoder(2048, 6144, 28, 16), true),
  "qwen3_vl-4b": qwen3Vl(smallEye, decoder(2560, 9728, 36, 32), true),
  "qwen3_vl-8b": qwen3Vl(largeEye, decoder(4096, 12_288, 36, 32), false),
  "qwen3_vl-32b": qwen3Vl(largeEye, decoder(5120, 25_600, 64, 64), false),
  "qwen3_vl_resampler-8b": resampler8B,
} as const;

export type OfficialName = keyof typeof officialConfigs;
