/** The config that PaddleOCR-VL is published with, and what is refused. */
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import type { LanguageFamily } from "./family.js";
import { configNotes } from "./fields.js";
import { familyOf } from "./registry.js";

type Fields = Record<string, unknown>;

const published: Fields = {
  ...{ model_type: "paddleocr_vl", architectures: ["PaddleOCRVLForConditionalGeneration"], tie_word_embeddings: false },
  ...{ hidden_size: 1024, intermediate_size: 3072, num_hidden_layers: 18, num_attention_heads: 16, head_dim: 128 },
  ...{ num_key_value_heads: 2, vocab_size: 103_424, max_position_embeddings: 131_072, rms_norm_eps: 1e-5 },
  ...{ hidden_act: "silu", use_bias: false, sliding_window: null, use_cache: false, pad_token_id: 0 },
  rope_scaling: { mrope_section: [16, 24, 24], rope_type: "default", type: "default" },
  ...{ rope_theta: 500_000, image_token_id: 100_295, video_token_id: 101_307, vision_start_token_id: 101_305 },
  ...{ compression_ratio: 1, ignored_index: -100, max_sequence_length: null, use_flash_attention: false },
  ...{ weight_share_add_bias: true, attention_probs_dropout_prob: 0, hidden_dropout_prob: 0 },
  vision_config: {
    ...{ model_type: "paddleocr_vl", hidden_act: "gelu_pytorch_tanh", hidden_size: 1152, intermediate_size: 4304 },
    ...{ image_size: 384, patch_size: 14, num_hidden_layers: 27, num_attention_heads: 16, num_channels: 3 },
    ...{ layer_norm_eps: 1e-6, spatial_merge_size: 2, temporal_patch_size: 2, tokens_per_second: 2 },
  },
};
const family = familyOf(published) as LanguageFamily;
const parse = (config: Fields): any => family.parseConfig(config);

describe("the published config of PaddleOCR-VL", () => {
  it("is read whole, and its head is the embedding's, as the reference reads a flat file", () => {
    const config = parse(published);
    expect(config.text_config).toMatchObject({ hidden_size: 1024, head_dim: 128, tie_word_embeddings: true });
    expect(configNotes(family, published)).toEqual([]);
    expect(family.dimensions(config)).toMatchObject({ hiddenSize: 1024, vocabSize: 103_424, eosTokenIds: [2] });
  });

  it("has an image processor of areas, whose patches hold one frame", () => {
    const file = { min_pixels: 147_384, max_pixels: 2_822_400, patch_size: 14, merge_size: 2, temporal_patch_size: 1 };
    expect(family.image!.imageProcessor(parse(published), file)).toMatchObject({
      ...{ kind: "smart_resize", minPixels: 147_384, maxPixels: 2_822_400, temporalPatchSize: 1, scalesUp: true },
    });
    expect(family.image!.imageProcessor(parse(published), undefined)).toMatchObject({ minPixels: 384 * 384 });
  });

  it.each<[string, Fields, string, string]>([
    ["a stretched context", { rope_scaling: { type: "yarn", factor: 4 } }, "unsupported", "rope_scaling.type"],
    ["sliding layers", { layer_types: ["sliding_attention"] }, "unsupported", "text_config.layer_types"],
    ["sections too few", { rope_scaling: { mrope_section: [16, 24, 20] } }, "invalid_config", "mrope_section"],
    ["heads that do not divide", { num_attention_heads: 27 }, "invalid_config", "num_attention_heads"],
    ["wider merging", { vision_config: { spatial_merge_size: 4 } }, "unsupported", "vision_config.spatial_merge_size"],
    ["narrow heads", { vision_config: { num_attention_heads: 64 } }, "invalid_config", "vision_config."],
    ["another encoder's act", { vision_config: { hidden_act: "relu" } }, "unsupported", "vision_config.hidden_act"],
  ])("refuses %s by name", (_, { vision_config: vision, ...fields }, code, name) => {
    const changed = {
      ...published,
      ...fields,
      vision_config: { ...(published.vision_config as Fields), ...(vision as Fields) },
    };
    const refusal = () => {
      try {
        parse(changed);
      } catch (error) {
        if (error instanceof OcellusError) return error;
        throw error;
      }
      throw new Error("not refused");
    };
    const { code: found, details } = refusal();
    expect(found).toBe(code);
    expect((details.fields as string[])[0]).toContain(name);
  });
});
