/** internvl: published configs, what is refused, what stands for an image, and which head a file without a flag means. */
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { GraphBuilder, recordingCatalog } from "../graph/index.js";
import { configNotes } from "./fields.js";
import { familyOf } from "./registry.js";

type Fields = Record<string, unknown>;
const parse = (config: Fields): any => familyOf(config).parseConfig(config);

/** Numbers: hidden_size, intermediate_size, layers, heads, kv heads, vocabulary. */
const text = (modelType: "qwen2" | "qwen3", numbers: readonly number[]): Fields => ({
  ...{ architectures: ["…ForCausalLM"], attention_dropout: 0, bos_token_id: 151_643, eos_token_id: 151_645 },
  ...{ hidden_act: "silu", hidden_size: numbers[0], initializer_range: 0.02, intermediate_size: numbers[1] },
  ...{ max_position_embeddings: 32_768, max_window_layers: 70, model_type: modelType, num_hidden_layers: numbers[2] },
  ...{ num_attention_heads: numbers[3], num_key_value_heads: numbers[4], rms_norm_eps: 1e-6, rope_theta: 1e6 },
  ...(modelType === "qwen3" ? { head_dim: 128, attention_bias: false } : {}),
  ...(modelType === "qwen2" ? { rope_scaling: { factor: 2, rope_type: "dynamic", type: "dynamic" } } : {}),
  ...{ sliding_window: null, torch_dtype: "bfloat16", use_cache: true, use_sliding_window: false },
  vocab_size: numbers[5],
});
const vision: Fields = {
  ...{ architectures: ["InternVisionModel"], attention_bias: true, attention_dropout: 0 },
  ...{ hidden_act: "gelu", hidden_dropout_prob: 0, hidden_size: 1024, image_size: [448, 448] },
  ...{ initializer_range: 1e-10, intermediate_size: 4096, layer_norm_eps: 1e-6, layer_scale_init_value: 0.1 },
  ...{ model_type: "internvl_vision", norm_type: "layer_norm", num_attention_heads: 16, num_channels: 3 },
  ...{ num_hidden_layers: 24, patch_size: [14, 14], projection_dropout: 0, torch_dtype: "bfloat16" },
  ...{ use_absolute_position_embeddings: true, use_mask_token: false, use_mean_pooling: true, use_qk_norm: false },
};
const of300M = vision;
const of6B: Fields = {
  ...{ ...vision, attention_bias: false, hidden_size: 3200, intermediate_size: 12_800, norm_type: "rms_norm" },
  ...{ num_attention_heads: 25, num_hidden_layers: 45, use_qk_norm: true },
};
const whole = (decoder: Fields, encoder = of300M): Fields => ({
  ...{ architectures: ["InternVLForConditionalGeneration"], downsample_ratio: 0.5, image_seq_length: 256 },
  ...{ image_token_id: decoder.model_type === "qwen3" ? 151_671 : 151_667, model_type: "internvl" },
  ...{ projector_hidden_act: "gelu", torch_dtype: "bfloat16", transformers_version: "4.52.0.dev0" },
  ...{ vision_feature_layer: -1, vision_feature_select_strategy: "default" },
  ...{ text_config: decoder, vision_config: encoder },
});
const of1B = whole(text("qwen2", [896, 4864, 24, 14, 2, 151_674]));

describe("the configs of", () => {
  it.each<[string, Fields, number]>([
    ["InternVL3-1B", of1B, 64],
    ["InternVL3-8B", whole(text("qwen2", [3584, 18_944, 28, 28, 4, 151_674])), 128],
    ["InternVL3-38B", whole(text("qwen2", [5120, 27_648, 64, 40, 8, 151_674]), of6B), 128],
    ["InternVL3_5-1B", whole(text("qwen3", [1024, 3072, 28, 16, 8, 151_936])), 128],
    ["InternVL3_5-8B", whole(text("qwen3", [4096, 12_288, 36, 32, 8, 151_936])), 128],
  ])("%s are read, and there is nothing to report", (_, config, headDim) => {
    const family = familyOf(config) as any;
    const parsed = parse(config);
    expect(configNotes(family, config)).toEqual([]);
    expect(parsed.text_config.head_dim).toBe(headDim);
    expect(Object.keys(family.graphs(parsed))).toEqual(["vision", "decoder"]);
  });
});

describe("a config is refused by name", () => {
  it.each<[string, Fields, string, string]>([
    ["with another decoder", { text_config: { model_type: "qwen3_moe" } }, "unsupported", "text_config.model_type"],
    ["of another layer", { vision_feature_layer: -2 }, "unsupported", "vision_feature_layer"],
    ["that keeps the class row", { vision_feature_select_strategy: "full" }, "unsupported", "vision_feature_select_strategy"], // biome-ignore format: one case
    ["with another rotation", { text_config: { rope_scaling: { rope_type: "yarn" } } }, "unsupported", "text_config.rope_scaling.rope_type"], // biome-ignore format: one case
    ["whose tile is no square", { vision_config: { image_size: [448, 224] } }, "invalid_config", "vision_config.image_size"], // biome-ignore format: one case
    ["whose blocks do not fill a tile", { downsample_ratio: 1 / 3 }, "invalid_config", "downsample_ratio"],
    ["whose blocks are no part", { downsample_ratio: 0.4 }, "invalid_config", "downsample_ratio"],
    ["that counts tokens otherwise", { image_seq_length: 64 }, "invalid_config", "image_seq_length"],
    ["whose heads do not divide", { vision_config: { num_attention_heads: 11 } }, "invalid_config", "vision_config.hidden_size"], // biome-ignore format: one case
  ])("%s", (_, change, code, name) => {
    const merged = Object.entries(change).map(([key, value]) => {
      const isPart = typeof value === "object" && !Array.isArray(value);
      return [key, isPart ? { ...(of1B[key] as Fields), ...(value as Fields) } : value];
    });
    const refused = ocellusError(code as "unsupported", { fields: [name] });
    expect(() => parse({ ...of1B, ...Object.fromEntries(merged) })).toThrow(refused);
  });
});

it("what stands for an image is one run of all tiles, the whole behind several", () => {
  const family = familyOf(of1B) as any;
  const encode = (written: string) => [written === "<img>" ? 1 : 2];
  for (const [rows, columns, tiles] of [
    [1, 1, 1],
    [2, 3, 7],
  ] as const) {
    const { ids, spans } = family.image.layout(parse(of1B), { rows: 32 * rows, columns: 32 * columns }, 7, encode);
    expect(spans).toEqual([{ start: 1, numTokens: 256 * tiles }]);
    expect(ids).toEqual([1, ...new Array(256 * tiles).fill(7), 2]);
  }
});

it.each([
  [undefined, undefined, true],
  [undefined, false, false],
  [false, true, false],
  [true, false, true],
])("the whole's tie %s stands above the text's %s: %s", (ofWhole, ofText, isTied) => {
  const family = familyOf(of1B) as any;
  const config = parse({
    ...of1B,
    tie_word_embeddings: ofWhole,
    text_config: { ...(of1B.text_config as Fields), tie_word_embeddings: ofText },
  });
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  family.graphs(config).decoder(new GraphBuilder("any", catalog));
  expect(catalog.tensors.has("lm_head.weight")).toBe(!isTied);
});
