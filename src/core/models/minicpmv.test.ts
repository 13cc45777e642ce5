/** minicpmv: published configs, what is refused, and against transformers (test/golden/minicpmv/) texts, places and rotations. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { createTokenizer } from "../tokenizer/index.js";
import { bucketedPlaces } from "./bucketed-places.js";
import { configNotes } from "./fields.js";
import { minicpmv } from "./minicpmv.js";
import { longRopeLength, ropeAngles, ropeOf } from "./rope.js";

type Fields = Record<string, unknown>;
const readJson = (path: string) => JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
const golden = readJson("../../../test/golden/minicpmv/images.json");
const { image } = minicpmv;

const ofImages: Fields = {
  ...{ model_type: "minicpmv", auto_map: {}, query_num: 64, image_size: 448, patch_size: 14, use_image_id: true },
  ...{
    drop_vision_last_layer: false,
    slice_mode: true,
    vision_batch_size: 16,
    torch_dtype: "bfloat16",
    use_cache: true,
  },
  ...{ slice_config: { max_slice_nums: 9, patch_size: 14, model_type: "minicpmv" }, bos_token_id: 151_643 },
  vision_config: {
    ...{ hidden_size: 1152, image_size: 980, intermediate_size: 4304, model_type: "siglip", num_attention_heads: 16 },
    ...{ num_hidden_layers: 27, patch_size: 14 },
  },
  ...{
    hidden_act: "silu",
    initializer_range: 0.02,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
    attention_dropout: 0,
  },
};
const of26: Fields = {
  ...{ ...ofImages, version: 2.6, architectures: ["MiniCPMV"], batch_vision_input: true, eos_token_id: 151_645 },
  ...{ hidden_size: 3584, intermediate_size: 18_944, num_attention_heads: 28, num_hidden_layers: 28 },
  ...{ num_key_value_heads: 4, max_position_embeddings: 32_768, rope_theta: 1_000_000, vocab_size: 151_666 },
  ...{ max_window_layers: 28, sliding_window: 131_072, use_sliding_window: false },
};
const factor = Array.from({ length: 64 }, (_, i) => 1 + i / 2);
const of4: Fields = {
  ...{
    ...ofImages,
    version: 4,
    attention_bias: false,
    mlp_bias: false,
    head_dim: 128,
    pretraining_tp: 1,
    eos_token_id: [2, 73_440],
  },
  ...{ hidden_size: 2560, intermediate_size: 10_240, num_attention_heads: 32, num_hidden_layers: 32 },
  ...{ num_key_value_heads: 2, max_position_embeddings: 32_768, rope_theta: 10_000, vocab_size: 73_448 },
  rope_scaling: {
    ...{ rope_type: "longrope", factor: 1, long_factor: factor, short_factor: factor },
    original_max_position_embeddings: 32_786,
  },
};
const of45: Fields = {
  ...{
    ...ofImages,
    version: 4.5,
    attention_bias: false,
    head_dim: 128,
    batch_3d_resampler: true,
    eos_token_id: 151_645,
  },
  ...{ hidden_size: 4096, intermediate_size: 12_288, num_attention_heads: 32, num_hidden_layers: 36 },
  ...{ num_key_value_heads: 8, max_position_embeddings: 40_960, rope_theta: 1_000_000, vocab_size: 151_748 },
  ...{ rope_scaling: null, max_window_layers: 36, sliding_window: null, use_sliding_window: false },
};

describe("the configs of", () => {
  it.each([
    ["MiniCPM-V 2.6", of26, 32_768],
    ["MiniCPM-V 4.0", of4, 32_768],
    ["MiniCPM-V 4.5", of45, 40_960],
    ["MiniCPM-V 4.5, its version as text", { ...of45, version: "4.5" }, 40_960],
    ["MiniCPM-V 2.6 without what has a default", { ...of26, vision_config: undefined, query_num: undefined }, 32_768],
  ])("%s are read, and there is nothing to report", (_, config, maxLength) => {
    const parsed = minicpmv.parseConfig(config);
    expect(configNotes(minicpmv, config)).toEqual([]);
    expect(minicpmv.dimensions(parsed)).toMatchObject({ maxLength, hiddenSize: config.hidden_size });
    expect(parsed.head_dim).toBe(128);
    const { model_type: _model, ...vision } = ofImages.vision_config as Fields;
    expect(parsed.vision_config).toMatchObject(vision);
  });
});

describe("a config is refused by name", () => {
  it.each<[string, Fields, string, string]>([
    ["of version 2.0 or 2.5", { ...of26, version: undefined }, "unsupported", "version"],
    ["of a version to come", { ...of45, version: 5 }, "unsupported", "version"],
    ["of MiniCPM's own decoder", { ...of4, scale_emb: 12 }, "unsupported", "scale_emb"],
    ["that scales depth", { ...of4, scale_depth: 1.4 }, "unsupported", "scale_depth"],
    ["with ears", { ...of26, init_audio: true }, "unsupported", "init_audio"],
    ["with another rotation", { ...of4, rope_scaling: { rope_type: "yarn" } }, "unsupported", "rope_scaling.rope_type"],
    [
      "whose longrope has no factors",
      { ...of4, rope_scaling: { rope_type: "longrope", long_factor: factor, original_max_position_embeddings: 9 } },
      "invalid_config",
      "rope_scaling.short_factor",
    ],
    [
      "of factors without longrope",
      { ...of4, rope_scaling: { rope_type: "default", factor: 4 } },
      "unsupported",
      "rope_scaling.factor",
    ],
    ["whose width leaves no heads", { ...of45, hidden_size: 4000 }, "invalid_config", "hidden_size"],
    ["whose patches differ", { ...of45, patch_size: 16 }, "invalid_config", "patch_size"],
    ["with biases that its decoder lacks", { ...of45, mlp_bias: true }, "invalid_config", "mlp_bias"],
    ["whose factors do not fit its heads", { ...of4, head_dim: 64 }, "invalid_config", "rope_scaling.short_factor"],
  ])("%s", (_, config, code, name) => {
    let refused: unknown;
    try {
      minicpmv.parseConfig(config);
    } catch (error) {
      refused = error;
    }
    if (!(refused instanceof OcellusError)) throw new Error("not refused");
    expect([refused.code, refused.details.fields]).toEqual([code, [name]]);
  });
});

describe("what stands for an image", () => {
  const config = minicpmv.parseConfig({ ...of45, query_num: 4 });
  const gridOf = ([rows, columns]: [number, number]) => {
    const overview = { rows: 8, columns: 8 };
    return rows ? { rows: 8 * rows, columns: 8 * columns, slices: { rows, columns, overview } } : overview;
  };
  const texts: { grid: [number, number]; text: string }[] = golden.texts;

  it.each(texts)("in $grid slices has the ids of the reference's text", ({ grid, text }) => {
    const { tokenizer: json } = readJson("../tokenizer/fixtures/byte-level.json");
    const marks = ["<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>", "<unk>"];
    const added = marks.map((content, i) => ({ ...json.added_tokens[0], id: 430 + i, content }));
    const tokenizer = createTokenizer({ ...json, added_tokens: [...json.added_tokens, ...added] }, {});
    const encode = (part: string) => tokenizer.encode(part);
    expect(image!.tokenId(config, (token) => tokenizer.tokenId(token)!)).toBe(430);
    const { ids, spans } = image!.layout(config, gridOf(grid), 430, encode, 2);
    expect(ids).toEqual(encode(text));
    for (const { start, numTokens } of spans) expect(ids.slice(start, start + numTokens)).toEqual([436, 436, 436, 436]);
    expect(ids.filter((id) => id === 436)).toHaveLength(4 * spans.length);
  });

  it("needs every mark as a token of its own", () => {
    const asked: string[] = [];
    image!.tokenId(config, (token) => asked.push(token));
    expect(asked).toEqual(
      expect.arrayContaining(["<image>", "</image>", "<slice>", "</slice>", "<image_id>", "<unk>"]),
    );
  });

  it("has no number where the config says so", () => {
    const unnumbered = minicpmv.parseConfig({ ...of45, use_image_id: false });
    const codes = (text: string) => [...text].map((character) => character.codePointAt(0)!);
    const { ids } = image!.layout(unnumbered, { rows: 2, columns: 2 }, 0, codes, 0);
    expect(ids.slice(0, 7)).toEqual(codes("<image>"));
  });
});

describe("places in a table", () => {
  const exact = (side: number, count: number) =>
    Array.from({ length: count }, (_, i) => Math.floor((side * i) / count));

  // make_images.py asserts that these are the reference's
  it("are the whole part of a patch's share of the side, at every length up to 200", () => {
    for (const side of [5, 16, 32, 70])
      for (let columns = 1; columns <= 200; columns++) {
        expect(bucketedPlaces({ rows: 1, columns }, side), `${columns} of ${side}`).toEqual(exact(side, columns));
      }
  });

  it("go by rows and columns of the table", () => {
    const places = bucketedPlaces({ rows: 3, columns: 2 }, 70);
    expect(places).toEqual([0, 35, 23 * 70, 23 * 70 + 35, 46 * 70, 46 * 70 + 35]);
  });
});

interface LongRope {
  readonly rope: Fields & { readonly original_max_position_embeddings: number };
  readonly frequencies: number[];
  readonly scale: number;
}
describe("longrope", () => {
  it.each(readJson("../../../test/golden/minicpmv/rope.json") as LongRope[])(
    "of scale $scale turns as the reference",
    ({ rope, frequencies, scale }) => {
      const { rope_theta, ...rope_scaling } = rope;
      const heads = { hidden_size: 1024, num_attention_heads: 32, num_key_value_heads: 2, head_dim: 32 };
      const config = minicpmv.parseConfig({
        ...of4,
        ...heads,
        rope_theta,
        rope_scaling,
        max_position_embeddings: 2048,
      });
      const { cos, sin } = ropeAngles(1, 32, ropeOf(config, 10_000), () => 3);
      for (const [i, frequency] of frequencies.entries()) {
        expect(cos[i]).toBeCloseTo(Math.cos(3 * frequency) * scale, 5);
        expect(sin[i]).toBeCloseTo(Math.sin(3 * frequency) * scale, 5);
      }
    },
  );

  it("holds up to the original length where longer texts take other factors, which a cache cannot", () => {
    const rope = { rope_type: "longrope", short_factor: [1, 2], original_max_position_embeddings: 512 };
    const length = (long_factor: number[]) =>
      longRopeLength({ rope_scaling: { ...rope, long_factor }, max_position_embeddings: 2048 });
    expect([length([1, 2]), length([1, 3])]).toEqual([2048, 512]);
    expect(longRopeLength({ max_position_embeddings: 2048 })).toBe(2048);
  });
});
