/**
 * The configs that publishers of Qwen2-VL and Qwen2.5-VL and of their fine-tunes write, in every form found, and what is refused;
 * the steps of time of long videos, against transformers: test/golden/qwen2_vl/images.json, made by make_images.py.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { configNotes } from "./fields.js";
import { families, familyOf } from "./registry.js";

type Fields = Record<string, unknown>;
const parse = (config: Fields): any => familyOf(config).parseConfig(config);

const ids = { vision_start_token_id: 151_652, vision_end_token_id: 151_653, vision_token_id: 151_654 };
const pads = { image_token_id: 151_655, video_token_id: 151_656 };
const rope = { rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] }, rope_theta: 1e6 };

/** As the first releases wrote them: the text's fields beside the whole's. */
const flat = (size: Fields): Fields => ({
  ...{
    architectures: ["…ForConditionalGeneration"],
    attention_dropout: 0,
    bos_token_id: 151_643,
    eos_token_id: 151_645,
  },
  ...{ ...ids, ...pads, ...rope, hidden_act: "silu", initializer_range: 0.02, rms_norm_eps: 1e-6 },
  ...{ max_position_embeddings: 128_000, max_window_layers: 28, sliding_window: 32_768, use_sliding_window: false },
  ...{ torch_dtype: "bfloat16", transformers_version: "4.41.2", use_cache: true, ...size },
});

const visionOf2 = {
  ...{ depth: 32, embed_dim: 1280, mlp_ratio: 4, num_heads: 16, in_chans: 3, patch_size: 14, spatial_merge_size: 2 },
  ...{ spatial_patch_size: 14, temporal_patch_size: 2 },
};
const visionOf25 = {
  ...{ depth: 32, hidden_act: "silu", hidden_size: 1280, intermediate_size: 3420, num_heads: 16, in_chans: 3 },
  ...{ patch_size: 14, spatial_merge_size: 2, spatial_patch_size: 14, window_size: 112, temporal_patch_size: 2 },
  ...{ fullatt_block_indexes: [7, 15, 23, 31], tokens_per_second: 2 },
};

/** hidden_size, intermediate_size, layers, heads, kv heads, vocabulary */
const sizes = (numbers: readonly number[], isTied: boolean): Fields => ({
  ...{ hidden_size: numbers[0], intermediate_size: numbers[1], num_hidden_layers: numbers[2] },
  ...{ num_attention_heads: numbers[3], num_key_value_heads: numbers[4], vocab_size: numbers[5] },
  tie_word_embeddings: isTied,
});
const of2 = (size: Fields): Fields => ({
  ...flat(size),
  ...{ model_type: "qwen2_vl", vision_config: { ...visionOf2, hidden_size: size.hidden_size } },
});
const of25 = (size: Fields): Fields => ({
  ...flat(size),
  ...{ model_type: "qwen2_5_vl", vision_config: { ...visionOf25, out_hidden_size: size.hidden_size } },
});
const small2 = sizes([1536, 8960, 28, 12, 2, 151_936], true);
const small25 = sizes([2048, 11_008, 36, 16, 2, 151_936], true);
const seven = sizes([3584, 18_944, 28, 28, 4, 152_064], false);

/** As transformers 4.52 to 4.56 saved them: in both places. */
const inBoth = (config: Fields): Fields => {
  const { vision_config: vision, ...rest } = config;
  const { sliding_window: _, ...text } = rest;
  return {
    ...config,
    vision_config: { ...(vision as Fields), in_channels: 3, initializer_range: 0.02, model_type: config.model_type },
    text_config: {
      ...{ ...text, ...pads, image_token_id: null, video_token_id: null, model_type: `${config.model_type}_text` },
      ...{ layer_types: ["full_attention"], sliding_window: null, torch_dtype: "float32" },
      rope_scaling: { mrope_section: [16, 24, 24], rope_type: "default", type: "default" },
    },
  };
};

describe("the configs of", () => {
  it.each<[string, Fields, readonly number[]]>([
    ["Qwen2-VL-2B, flat", of2(small2), [1536, 128, 2, 28]],
    ["Qwen2-VL-7B, flat (olmOCR)", of2(seven), [3584, 128, 4, 28]],
    ["Qwen2-VL-72B, flat", of2(sizes([8192, 29_568, 80, 64, 8, 152_064], false)), [8192, 128, 8, 80]],
    ["Qwen2.5-VL-3B, flat", of25(small25), [2048, 128, 2, 36]],
    ["Qwen2.5-VL-7B, flat", of25(seven), [3584, 128, 4, 28]],
    ["Qwen2.5-VL-32B, flat", of25(sizes([5120, 27_648, 64, 40, 8, 152_064], false)), [5120, 128, 8, 64]],
    ["Qwen2-VL-2B saved again", inBoth(of2(small2)), [1536, 128, 2, 28]],
    ["Qwen2.5-VL-7B saved again", inBoth(of25(seven)), [3584, 128, 4, 28]],
  ])("%s are read, and there is nothing to report", (_, config, [width, headDim, kvHeads, layers]) => {
    const { text_config: text, ...whole } = parse(config);
    expect([text.hidden_size, text.head_dim, text.num_key_value_heads, text.num_hidden_layers]).toEqual([
      width,
      headDim,
      kvHeads,
      layers,
    ]);
    expect(whole.image_token_id).toBe(151_655);
    expect(Boolean(whole.tie_word_embeddings || text.tie_word_embeddings)).toBe(config.tie_word_embeddings);
    expect(configNotes(familyOf(config), config)).toEqual([]);
    const family = familyOf(config);
    if (family.kind !== "language") throw new Error("a decoder");
    expect(family.dimensions(parse(config)).eosTokenIds).toEqual([151_645]);
  });

  it("text_config stand above what is beside it, and a tie in either place counts", () => {
    const both = inBoth(of25(small25));
    expect(parse({ ...both, hidden_size: 77 }).text_config.hidden_size).toBe(2048);
    const { tie_word_embeddings: _, ...untied } = both;
    expect(parse(untied).text_config.tie_word_embeddings).toBe(true);
  });
});

describe.each(["qwen2_vl", "qwen2_5_vl"])("%s", (modelType) => {
  const whole = modelType === "qwen2_vl" ? of2(seven) : of25(seven);
  const refusal = (config: Fields): OcellusError => {
    try {
      parse(config);
    } catch (error) {
      if (error instanceof OcellusError) return error;
      throw error;
    }
    throw new Error("not refused");
  };

  it.each<[string, Fields, string, string]>([
    [
      "a stretched context",
      { rope_scaling: { type: "yarn", factor: 4 } },
      "unsupported",
      "text_config.rope_scaling.type",
    ],
    ["sliding windows", { use_sliding_window: true }, "unsupported", "text_config.use_sliding_window"],
    ["sliding layers", { layer_types: ["sliding_attention"] }, "unsupported", "text_config.layer_types.0"],
    ["another activation", { hidden_act: "gelu" }, "unsupported", "text_config.hidden_act"],
    [
      "interleaved sections",
      { rope_scaling: { type: "mrope", mrope_section: [16, 24, 24], mrope_interleaved: true } },
      "unsupported",
      "text_config.rope_scaling.mrope_interleaved",
    ],
    [
      "sections that are too few",
      { rope_scaling: { type: "mrope", mrope_section: [16, 24, 20] } },
      "invalid_config",
      "text_config.rope_parameters.mrope_section",
    ],
    ["heads that do not divide", { num_attention_heads: 27 }, "invalid_config", "text_config.head_dim"],
    ["heads of another width", { head_dim: 64 }, "invalid_config", "text_config.head_dim"],
    ["another decoder's encoder", { hidden_size: 1792, num_attention_heads: 14 }, "invalid_config", "vision_config."],
    [
      "frames one by one",
      { vision_config: { temporal_patch_size: 1 } },
      "unsupported",
      "vision_config.temporal_patch_size",
    ],
    ["wider merging", { vision_config: { spatial_merge_size: 4 } }, "unsupported", "vision_config.spatial_merge_size"],
    ["another encoder's act", { vision_config: { hidden_act: "relu" } }, "unsupported", "vision_config.hidden_act"],
    ["quantised weights of MLX", { quantization: { bits: 4 } }, "unsupported", "quantization"],
  ])("refuses %s by name", (_, { vision_config: vision, ...fields }, code, name) => {
    const changed = {
      ...whole,
      ...fields,
      vision_config: { ...(whole.vision_config as Fields), ...(vision as Fields) },
    };
    const { code: found, details } = refusal(changed);
    expect(found).toBe(code);
    expect((details.fields as string[])[0]).toContain(name);
  });

  it("takes all key and value heads where a file says null", () => {
    expect(parse({ ...whole, num_key_value_heads: null }).text_config.num_key_value_heads).toBe(28);
  });
});

describe("image processor configs of Qwen2-VL", () => {
  const family = families.find(({ modelType }) => modelType === "qwen2_vl") as any;
  const imageProcessorOf = (file: object) => family.image.imageProcessor(parse(of2(small2)), file);

  it.each([
    { min_pixels: 3136, max_pixels: 12_845_056 },
    { min_pixels: 3136, max_pixels: 12_845_056, size: { min_pixels: 3136, max_pixels: 12_845_056 } }, // of 4.45 to 4.48
    { size: { shortest_edge: 3136, longest_edge: 12_845_056 }, min_pixels: null, max_pixels: null },
  ])("in the form %j say the same", (file) => {
    const steps = {
      patch_size: 14,
      merge_size: 2,
      temporal_patch_size: 2,
      image_processor_type: "Qwen2VLImageProcessor",
    };
    expect(imageProcessorOf({ ...steps, ...file })).toMatchObject({
      minPixels: 3136,
      maxPixels: 12_845_056,
      patchSize: 14,
    });
  });

  it("that are a video's too limit each frame by themselves", () => {
    const file = { min_pixels: 3136, max_pixels: 12_845_056, image_processor_type: "Qwen2VLImageProcessorFast" };
    expect(family.image.video.videoProcessor(parse(of2(small2)), file)).toMatchObject({
      budgetOf: "frame",
      maxPixels: 12_845_056,
    });
  });
});

interface Steps {
  readonly fps: number;
  readonly perSecond: number;
  readonly sum: number;
  readonly last: number;
}

it("steps of time in a video of 384 pairs are the reference's, cut to whole ones in float32", () => {
  const path = join(import.meta.dirname, "../../../test/golden/qwen2_vl/images.json");
  const { steps }: { steps: Steps[] } = JSON.parse(readFileSync(path, "utf8"));
  const family = families.find(({ modelType }) => modelType === "qwen2_5_vl") as any;
  const grid = { rows: 2, columns: 2 };
  const wrongInDoubles = steps.filter(({ fps, perSecond, sum, last }) => {
    const config = parse({ ...of25(seven), vision_config: { ...visionOf25, tokens_per_second: perSecond } });
    const seconds = 2 / fps;
    const pairs = Array.from({ length: 384 }, (_, index) => ({ start: index, grid, pair: { index, seconds } }));
    const times = family.positions(config, new Array(384).fill(0), pairs).axes[0];
    expect([times.reduce((a: number, b: number) => a + b), times.at(-1)], `${fps} ${perSecond}`).toEqual([sum, last]);
    const inDoubles = pairs.map(({ pair }) => Math.trunc(pair.index * perSecond * seconds));
    return inDoubles.reduce((a, b) => a + b) !== sum;
  });
  expect(wrongInDoubles.length).toBeGreaterThan(0);
});
