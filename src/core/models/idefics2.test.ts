/** idefics2: the published config, what is refused, and against transformers (test/golden/idefics2/images.json) places in the table. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { bucketedPlaces, stepped } from "./bucketed-places.js";
import { configNotes } from "./fields.js";
import { idefics2 } from "./idefics2.js";

type Fields = Record<string, unknown>;
const path = join(import.meta.dirname, "../../../test/golden/idefics2/images.json");
const golden = JSON.parse(readFileSync(path, "utf8"));

const of8b: Fields = {
  ...{ architectures: ["Idefics2ForConditionalGeneration"], image_token_id: 32_001, model_type: "idefics2" },
  perceiver_config: { model_type: "idefics2", hidden_size: 4096, rms_norm_eps: 1e-5 },
  text_config: {
    max_position_embeddings: 32_768,
    model_type: "mistral",
    pad_token_id: 0,
    rms_norm_eps: 1e-5,
    vocab_size: 32_003,
  },
  ...{ tie_word_embeddings: false, torch_dtype: "float32", transformers_version: "4.40.0", use_cache: true },
  vision_config: {
    ...{ hidden_size: 1152, image_size: 980, intermediate_size: 4304, model_type: "idefics2" },
    ...{ num_attention_heads: 16, num_hidden_layers: 27, patch_size: 14 },
  },
};

describe("idefics2", () => {
  it("reads the published config, and its context ends with the window", () => {
    const config = idefics2.parseConfig(of8b);
    expect(configNotes(idefics2, of8b)).toEqual([]);
    expect(idefics2.dimensions(config)).toMatchObject({ maxLength: 4096, vocabSize: 32_003, eosTokenIds: [2] });
    const open = { ...of8b, text_config: { ...(of8b.text_config as Fields), sliding_window: null } };
    expect(idefics2.dimensions(idefics2.parseConfig(open)).maxLength).toBe(32_768);
  });

  it.each<[string, Fields, string, string]>([
    ["another decoder", { text_config: { model_type: "llama" } }, "unsupported", "text_config.model_type"],
    ["another activation", { perceiver_config: { hidden_act: "gelu" } }, "unsupported", "perceiver_config.hidden_act"],
    [
      "heads without keys",
      { perceiver_config: { num_key_value_heads: 3 } },
      "invalid_config",
      "perceiver_config.resampler_n_heads",
    ],
    [
      "heads that do not divide",
      { vision_config: { num_attention_heads: 11 } },
      "invalid_config",
      "vision_config.hidden_size",
    ],
  ])("refuses %s by name", (_, change, code, name) => {
    const merged = Object.entries(change).map(([key, value]) => [
      key,
      { ...(of8b[key] as Fields), ...(value as Fields) },
    ]);
    let refused: unknown;
    try {
      idefics2.parseConfig({ ...of8b, ...Object.fromEntries(merged) });
    } catch (error) {
      refused = error;
    }
    if (!(refused instanceof OcellusError)) throw new Error("not refused");
    expect([refused.code, refused.details.fields]).toEqual([code, [name]]);
  });

  it("takes the reference's place in the table at every length up to 200, where its float32 steps fall short, too", () => {
    const rounded: Record<string, number[]> = golden.places;
    expect(Object.keys(rounded).length).toBeGreaterThan(10);
    for (const side of [4, 16, 70])
      for (let columns = 1; columns <= 200; columns++) {
        const exact = Array.from({ length: columns }, (_, i) => Math.floor((side * i) / columns));
        const found = bucketedPlaces({ rows: 1, columns }, side, stepped);
        expect(found, `${columns} of ${side}`).toEqual(rounded[`${side} ${columns}`] ?? exact);
      }
  });

  it("parts the views of an image by marks, and shares the outer ones with its neighbours", () => {
    const config = idefics2.parseConfig({ ...of8b, perceiver_config: { resampler_n_latents: 2 } });
    const view = { rows: 27, columns: 27 };
    const layout = (grid: Parameters<NonNullable<typeof idefics2.image>["layout"]>[1]) =>
      idefics2.image!.layout(config, grid, 7, () => [5], 0);
    expect(layout(view)).toEqual({ ids: [5, 7, 7, 5], spans: [{ start: 1, numTokens: 2 }], sharesMarks: true });
    const { ids, spans } = layout({ ...view, quarters: [view, view, view, view] });
    expect(ids).toEqual([5, 7, 7, 5, 7, 7, 5, 7, 7, 5, 7, 7, 5, 7, 7, 5]);
    expect(spans.map(({ start }) => start)).toEqual([1, 4, 7, 10, 13]);
  });
});
