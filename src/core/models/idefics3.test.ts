/** idefics3 and smolvlm: published configs, what is refused, and against transformers (test/golden/idefics3/images.json) texts and positions. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { createTokenizer } from "../tokenizer/index.js";
import { configNotes } from "./fields.js";
import { familyOf } from "./registry.js";

type Fields = Record<string, unknown>;
const readJson = (path: string) => JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
const golden = readJson("../../../test/golden/idefics3/images.json");
const parse = (config: Fields): any => familyOf(config).parseConfig(config);

/** Numbers: hidden_size, intermediate_size, layers, heads, kv heads, vocabulary. */
const smolText = (numbers: readonly number[]): Fields => ({
  ...{ _flash_attn_2_enabled: true, _name_or_path: "None", architectures: ["VLlama3ForCausalLM"], head_dim: 64 },
  ...{ hidden_size: numbers[0], intermediate_size: numbers[1], num_hidden_layers: numbers[2] },
  ...{ num_attention_heads: numbers[3], num_key_value_heads: numbers[4], vocab_size: numbers[5], pad_token_id: 2 },
  ...{ is_llama_config: true, max_position_embeddings: 8192, model_type: "llama", neftune_noise_alpha: 0 },
  ...{
    pixel_shuffle_factor: 4,
    qk_layer_norms: false,
    rms_norm_eps: 1e-5,
    rope_interleaved: false,
    rope_theta: 100_000,
  },
  ...{ tie_word_embeddings: false, torch_dtype: "bfloat16", use_resampler: false },
});
const ofSize = (side: number, patch: number, size: Fields): Fields => ({
  ...{
    image_size: side,
    max_image_size: { longest_edge: side },
    patch_size: patch,
    tie_word_embeddings: false,
    ...size,
  },
  use_base_siglip: false,
});
const small = { hidden_size: 768, num_attention_heads: 12, size: { longest_edge: 2048 }, model_type: "smolvlm_vision" };
const so400m = { hidden_size: 1152, intermediate_size: 4304, num_hidden_layers: 27, model_type: "idefics3_vision" };
const smol = (modelType: string, text: Fields, vision: Fields, scale: number): Fields => ({
  ...{
    architectures: ["…ForConditionalGeneration"],
    image_token_id: 49_190,
    model_type: modelType,
    scale_factor: scale,
  },
  ...{ text_config: text, vision_config: vision, tie_word_embeddings: false, torch_dtype: "bfloat16", use_cache: true },
  ...{ transformers_version: "4.47.1", use_reentrant_checkpointing: false, vocab_size: text.vocab_size },
});

const of256M = smol("idefics3", smolText([576, 1536, 30, 9, 3, 49_280]), ofSize(512, 16, small), 4);

describe("the configs of", () => {
  it.each<[string, Fields, number]>([
    ["SmolVLM-256M and granite-docling", of256M, 64],
    ["SmolVLM2-500M", smol("smolvlm", smolText([960, 2560, 32, 15, 5, 49_280]), ofSize(512, 16, small), 4), 64],
    ["SmolVLM2-2.2B", smol("smolvlm", smolText([2048, 8192, 24, 32, 32, 49_280]), ofSize(384, 14, so400m), 3), 81],
    [
      "Idefics3-8B",
      {
        ...{ model_type: "idefics3", image_token_id: 128_257, scale_factor: 2, pad_token_id: 128_002, use_cache: true },
        text_config: {
          ...{ model_type: "llama", hidden_size: 4096, intermediate_size: 14_336, max_position_embeddings: 131_072 },
          ...{ num_attention_heads: 32, num_key_value_heads: 8, rms_norm_eps: 1e-5, rope_theta: 500_000 },
          rope_scaling: {
            ...{ factor: 8, high_freq_factor: 4, low_freq_factor: 1, original_max_position_embeddings: 8192 },
            rope_type: "llama3",
          },
          ...{ vocab_size: 128_259, use_resampler: false, pad_token_id: 128_002, tie_word_embeddings: false },
        },
        vision_config: { ...so400m, image_size: 364, patch_size: 14 },
      },
      169,
    ],
  ])("%s are read, and there is nothing to report", (_, config, tokensPerTile) => {
    const family = familyOf(config) as any;
    const parsed = parse(config);
    expect(configNotes(family, config)).toEqual([]);
    const { image_size: side, patch_size: patch } = parsed.vision_config;
    const grid = { rows: Math.floor(side / patch), columns: Math.floor(side / patch) };
    const { ids } = family.image.layout(parsed, grid, 7, () => []);
    expect(ids).toHaveLength(tokensPerTile);
    expect(parsed.text_config.head_dim * parsed.text_config.num_attention_heads).toBe(parsed.text_config.hidden_size);
  });
});

describe("a config is refused by name", () => {
  it.each<[string, Fields, string, string]>([
    ["with another decoder", { text_config: { model_type: "mistral" } }, "unsupported", "text_config.model_type"],
    ["with norms of q and k", { text_config: { qk_layer_norms: true } }, "unsupported", "text_config.qk_layer_norms"],
    ["with a resampler", { text_config: { use_resampler: true } }, "unsupported", "text_config.use_resampler"],
    ["with another activation", { vision_config: { hidden_act: "gelu" } }, "unsupported", "vision_config.hidden_act"],
    ["whose blocks do not fill a tile", { scale_factor: 3 }, "invalid_config", "scale_factor"],
    [
      "whose heads do not divide",
      { vision_config: { num_attention_heads: 11 } },
      "invalid_config",
      "vision_config.hidden_size",
    ],
  ])("%s", (_, change, code, name) => {
    const merged = Object.entries(change).map(([key, value]) => {
      return [key, typeof value === "object" ? { ...(of256M[key] as Fields), ...(value as Fields) } : value];
    });
    let refused: unknown;
    try {
      parse({ ...of256M, ...Object.fromEntries(merged) });
    } catch (error) {
      refused = error;
    }
    if (!(refused instanceof OcellusError)) throw new Error("not refused");
    expect([refused.code, refused.details.fields]).toEqual([code, [name]]);
  });
});

describe("what stands for an image", () => {
  const family = familyOf(of256M) as any;
  // two tokens a tile, as the golden texts have them, cannot be: four, and every second one left out
  const config = parse({ ...of256M, vision_config: { ...small, image_size: 32, patch_size: 4 }, scale_factor: 4 });
  const gridOf = ([rows, columns]: [number, number]) => ({
    rows: 8 * Math.max(1, rows),
    columns: 8 * Math.max(1, columns),
  });

  it.each(golden.texts as { grid: [number, number]; text: string }[])(
    "in $grid tiles is the reference's text",
    (it) => {
      const codes = (text: string) => [...text].map((character) => character.codePointAt(0)!);
      const { ids } = family.image.layout(config, gridOf(it.grid), -1, codes);
      const text = ids.map((id: number) => (id < 0 ? "<image>" : String.fromCodePoint(id))).join("");
      expect(text.replaceAll("<image><image>", "<image>")).toBe(it.text);
    },
  );

  it.each(golden.texts as { grid: [number, number]; text: string }[])(
    "in $grid tiles has the ids of that text",
    (it) => {
      const { tokenizer: json } = readJson("../tokenizer/fixtures/byte-level.json");
      const marks = ["<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>", "<row_1_col_2>"];
      const added = marks.map((content, i) => ({ ...json.added_tokens[0], id: 430 + i, content }));
      const tokenizer = createTokenizer({ ...json, added_tokens: [...json.added_tokens, ...added] }, {});
      const encode = (text: string) => tokenizer.encode(text);
      const { ids, spans } = family.image.layout(config, gridOf(it.grid), 430, encode);
      expect(ids).toEqual(encode(it.text.replaceAll("<image>", "<image><image>")));
      for (const { start, numTokens } of spans)
        expect(ids.slice(start, start + numTokens)).toEqual([430, 430, 430, 430]);
      expect(ids.filter((id: number) => id === 430)).toHaveLength(4 * spans.length);
    },
  );
});

it("each patch of a tile has the table's row of its own place, as the reference has it at every published side", () => {
  const sides = golden.buckets as { side: number; firstRow: number[]; sum: number }[];
  const own = ({ side }: { side: number }) => Array.from({ length: side }, (_, i) => i);
  // at 49, as at other sides that nothing published has, the reference's float32 puts patches in a neighbour's row
  const exact = sides.filter(({ side }) => side !== 49);
  expect(exact.map(({ side }) => side)).toEqual(expect.arrayContaining([26, 27, 32]));
  for (const it of exact) expect(it.firstRow, `${it.side}`).toEqual(own(it));
});
