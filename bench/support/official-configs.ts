/**
 * config.json of models as they are published, by name. Sources: docs/models/qwen3_vl.md (the table of sizes) and
 * docs/models/qwen3_vl_resampler.md.
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
  "qwen3_vl-2b": qwen3Vl(smallEye, decoder(2048, 6144, 28, 16), true),
  "qwen3_vl-4b": qwen3Vl(smallEye, decoder(2560, 9728, 36, 32), true),
  "qwen3_vl-8b": qwen3Vl(largeEye, decoder(4096, 12_288, 36, 32), false),
  "qwen3_vl-32b": qwen3Vl(largeEye, decoder(5120, 25_600, 64, 64), false),
  "qwen3_vl_resampler-8b": resampler8B,
} as const;

export type OfficialName = keyof typeof officialConfigs;
