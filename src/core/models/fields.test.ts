/** Every field of the reference's config classes is used, irrelevant or refused, and a missing one means what it means there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { configNotes, irrelevant, objectIn } from "./fields.js";
import { families, familyOf } from "./registry.js";

type Fields = Record<string, unknown>;
interface Section {
  readonly fields: Fields;
  readonly aliases: Record<string, string>;
  readonly default_theta?: number;
}
interface Golden {
  readonly generation: Fields;
  readonly families: Record<string, { readonly read: readonly string[]; readonly sections: Record<string, Section> }>;
}

const goldens = join(import.meta.dirname, "../../../test/golden");
const readJson = (path: string) => JSON.parse(readFileSync(join(goldens, path), "utf8"));
const golden: Golden = readJson("config-fields/fields.json");

/** The fields of a section of a config, "" being the whole. */
function shapeOf(modelType: string, section: string): Fields {
  const { shape } = objectIn(familyOf({ model_type: modelType }).configSchema)!;
  return section === "" ? shape : objectIn(shape[section])!.shape;
}
const parse = (config: Fields) => familyOf(config).parseConfig(config) as Fields;
/** Sizes of the reference's default configs do not all agree with each other, so rules between fields are left out. */
const understand = (config: Fields) => familyOf(config).configSchema.parse(config) as Fields;
const withFields = (modelType: string, section: string, fields: Fields): Fields => ({
  model_type: modelType,
  ...(section === "" ? fields : { [section]: fields }),
});

function refusal(config: Fields): OcellusError {
  try {
    parse(config);
  } catch (error) {
    if (error instanceof OcellusError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(config)}`);
}

/** A square by its side, as families have it. */
function sideOf(value: unknown): unknown {
  return Array.isArray(value) && value.length === 2 && value[0] === value[1] ? value[0] : value;
}

describe.each(Object.entries(golden.families))("the config of %s", (modelType, { read, sections }) => {
  it("classifies each field of the reference, and each other name that the class takes", () => {
    const unclassified = Object.entries(sections).flatMap(([section, { fields, aliases, default_theta }]) => {
      const rope = default_theta === undefined ? [] : ["rope_theta", "rope_scaling", "partial_rotary_factor"];
      const names = [...Object.keys(fields), ...Object.keys(aliases), ...rope, ...Object.keys(golden.generation)];
      const known = shapeOf(modelType, section);
      return names.filter((name) => !(name in known)).map((name) => `${section}.${name}`);
    });
    expect(unclassified).toEqual([]);
  });

  it("classifies each name that the reference's modelling code reads", () => {
    const known = Object.keys(sections).flatMap((section) => Object.keys(shapeOf(modelType, section)));
    expect(read.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("takes the reference's default for each field that is missing or written out", () => {
    const { "": whole, ...parts } = sections;
    const written = Object.entries(parts).map(([name, { fields }]) => [name, fields]);
    const config = { ...whole!.fields, ...Object.fromEntries(written), model_type: modelType };
    for (const understood of [understand({ model_type: modelType }), understand(config)]) {
      for (const [section, { fields }] of Object.entries(sections)) {
        const ours = (section === "" ? understood : understood[section]) as Fields;
        const used = Object.keys(fields).filter(
          (name) => ours[name] !== undefined && !/^rope_|^layer_types/.test(name),
        );
        expect(Object.fromEntries(used.map((name) => [name, ours[name]]))).toEqual(
          Object.fromEntries(used.map((name) => [name, sideOf(fields[name])])),
        );
      }
    }
    expect(configNotes(familyOf(config), config)).toEqual([]);
  });
});

const passedOver = irrelevant("any").any;
const everyField = families.flatMap(({ modelType, configSchema }) =>
  ["", ...Object.keys(objectIn(configSchema)!.shape)].flatMap((section) => {
    const shape =
      section === "" ? objectIn(configSchema)!.shape : objectIn(objectIn(configSchema)!.shape[section])?.shape;
    return Object.entries(shape ?? {}).map(([name, schema]) => ({ modelType, section, name, schema }));
  }),
);

describe("any field of any family", () => {
  it("with a value that no one knows is refused by name or reported, unless it is irrelevant", () => {
    const silent = everyField.filter(({ modelType, section, name, schema }) => {
      if (schema === passedOver) return false;
      const config = withFields(modelType, section, { [name]: { stranger: 1 } });
      const { configSchema } = familyOf({ model_type: modelType });
      const issues = configSchema.safeParse(config).error?.issues ?? [];
      const path = [...(section === "" ? [] : [section]), name];
      const isRefused = issues.some((issue) => path.every((key, i) => issue.path[i] === key));
      return !isRefused && configNotes({ configSchema }, config).length === 0;
    });
    expect(everyField.length).toBeGreaterThan(900);
    expect(silent.map(({ modelType, section, name }) => `${modelType} ${section}.${name}`)).toEqual([]);
  });

  it("is reported when no list has it, with its path, unless it is null", () => {
    const config = withFields("qwen3_vl", "text_config", {
      logit_softcapping: 30,
      rope_scaling: { factor: 4, beta: null },
    });
    const [note] = configNotes(familyOf(config), config);
    expect(note).toContain("text_config.logit_softcapping, text_config.rope_scaling.factor");
    expect(note).not.toContain("beta");
  });
});

const qwen35Text = readJson("qwen3_5_text/tied-interval/config.json");
const qwen35 = readJson("qwen3_5/tied-one-image/config.json");
const resampler = readJson("qwen3_vl_resampler/gqa-tied/config.json");
const decoders: readonly (readonly [modelType: string, change: (text: Fields) => Fields])[] = [
  ["qwen3", (text) => ({ model_type: "qwen3", ...text })],
  ["qwen3_vl", (text) => ({ ...readJson("qwen3_vl/wide-grid/config.json"), text_config: text })],
  ["qwen3_vl_resampler", (text) => ({ ...resampler, text_config: { ...resampler.text_config, ...text } })],
];

describe.each(decoders)("the decoder of %s", (_, withText) => {
  const yarn = { factor: 4, original_max_position_embeddings: 32_768 };

  it.each([
    [{ rope_scaling: { type: "yarn", ...yarn } }, "rope_scaling.type"],
    [{ rope_scaling: { rope_type: "yarn", ...yarn } }, "rope_scaling.rope_type"],
    [{ rope_parameters: { type: "linear", factor: 2 } }, "rope_parameters.type"],
    [{ rope_parameters: { rope_type: "llama3", rope_theta: 1e6 } }, "rope_parameters.rope_type"],
    [{ rope_parameters: { full_attention: { rope_type: "yarn" } } }, "rope_parameters.full_attention"],
    [{ partial_rotary_factor: 0.5 }, "partial_rotary_factor"],
    [{ use_sliding_window: true }, "use_sliding_window"],
    [{ layer_types: ["full_attention", "sliding_attention"] }, "layer_types.1"],
    [{ hidden_act: "gelu" }, "hidden_act"],
    [{ per_layer_config: { 0: { head_dim: 64 } } }, "per_layer_config"],
  ])("refuses %j by name", (text, field) => {
    const { code, details } = refusal(withText(text));
    expect(code).toBe("unsupported");
    expect((details.fields as string[]).map((path) => path.replace("text_config.", ""))).toEqual([field]);
  });
});

describe("the rotation of llama", () => {
  const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const config = (fields: Fields) => ({ model_type: "llama", hidden_size: 64, num_attention_heads: 4, ...fields });

  it.each([
    [{ rope_scaling: { type: "linear", factor: 2 } }, "unsupported", ["rope_scaling.type"]],
    [{ rope_scaling: { rope_type: "dynamic" } }, "unsupported", ["rope_scaling.rope_type"]],
    [{ rope_parameters: { rope_type: "yarn" } }, "unsupported", ["rope_parameters.rope_type"]],
    [{ rope_parameters: { factor: 8, rope_theta: 5e5 } }, "unsupported", ["rope_parameters.factor"]],
    [{ original_max_position_embeddings: 8192 }, "unsupported", ["original_max_position_embeddings"]],
    [{ rope_scaling: { ...llama3, factor: undefined } }, "invalid_config", ["rope_scaling.factor"]],
    [{ rope_scaling: { ...llama3, factor: 0 } }, "invalid_config", ["rope_scaling.factor"]],
    [{ rope_scaling: { ...llama3, low_freq_factor: 4 } }, "invalid_config", ["rope_scaling.high_freq_factor"]],
  ])("refuses %j with %s", (fields, code, names) => {
    const refused = refusal(config(fields));
    expect([refused.code, refused.details.fields]).toEqual([code, names]);
  });

  it("stretches what it was trained on, which is the whole context where no field says it", () => {
    const family = familyOf(config({}));
    if (family.kind !== "language") throw new Error("not a decoder");
    const row = { start: 3, count: 1, positions: family.positions({}, [], []) };
    const angles = (fields: Fields) => [...family.rotary(parse(config(fields)), row).sin];
    const whole = angles({ rope_scaling: llama3, max_position_embeddings: 4096 });
    const said = { ...llama3, original_max_position_embeddings: 4096 };
    expect(angles({ rope_scaling: { ...said, rope_type: undefined, type: "llama3" } })).toEqual(whole);
    expect(angles({ rope_parameters: said, max_position_embeddings: 32_768 })).toEqual(whole);
    expect(angles({ rope_scaling: llama3, max_position_embeddings: 64 })).not.toEqual(whole);
    expect(angles({})).not.toEqual(whole);
  });
});

const decodersOfQwen35: readonly (readonly [modelType: string, change: (text: Fields) => Fields])[] = [
  ["qwen3_5_text", (text) => ({ ...qwen35Text, ...text })],
  ["qwen3_5", (text) => ({ ...qwen35, text_config: { ...qwen35.text_config, ...text } })],
];

describe.each(decodersOfQwen35)("the decoder of %s", (_, withText) => {
  it.each([
    [{ layer_types: ["full_attention", "sliding_attention"] }, "unsupported", "layer_types.1"],
    [{ layer_types: ["full_attention"] }, "invalid_config", "layer_types"],
    [{ attn_output_gate: false }, "unsupported", "attn_output_gate"],
    [{ mlp_only_layers: [1] }, "unsupported", "mlp_only_layers"],
    [{ rope_parameters: { rope_type: "yarn", factor: 4 } }, "unsupported", "rope_parameters.rope_type"],
    [{ rope_parameters: { mrope_interleaved: false } }, "unsupported", "rope_parameters.mrope_interleaved"],
    [{ rope_parameters: { partial_rotary_factor: 0.1 } }, "invalid_config", "head_dim"], // 3 of 32 columns
    [{ rope_parameters: { partial_rotary_factor: 1.5 } }, "invalid_config", "rope_parameters.partial_rotary_factor"],
    [{ linear_num_value_heads: 3 }, "invalid_config", "linear_num_value_heads"],
    [{ linear_conv_kernel_dim: 1 }, "invalid_config", "linear_conv_kernel_dim"],
    [{ hidden_act: "gelu" }, "unsupported", "hidden_act"],
    [{ output_gate_type: "sigmoid" }, "unsupported", "output_gate_type"],
  ])("refuses %j by name", (fields, code, name) => {
    const refused = refusal(withText(fields));
    const names = (refused.details.fields as string[]).map((path) => path.replace("text_config.", ""));
    expect([refused.code, names]).toEqual([code, [name]]);
  });

  it("turns a quarter of a head where no field says how much, and its layers follow the interval", () => {
    const family = familyOf(withText({}));
    if (family.kind !== "language") throw new Error("not a decoder");
    const row = { start: 0, count: 1, positions: family.positions({}, [], []) };
    const turning = (fields: Fields) => 2 * family.rotary(parse(withText(fields)), row).cos.length;
    expect(turning({ rope_parameters: undefined })).toBe(8);
    expect(turning({ rope_parameters: undefined, partial_rotary_factor: 0.5 })).toBe(16);
    expect(turning({ rope_parameters: { partial_rotary_factor: 1 }, partial_rotary_factor: 0.5 })).toBe(32);
    const kinds = (fields: Fields) => family.states(parse(withText(fields))).map(({ kind }) => kind === "kv");
    expect(kinds({})).toEqual([false, false, false, true, false]);
    expect(kinds({ full_attention_interval: 2 })).toEqual([false, true, false, true, false]);
  });
});

describe("the vision encoder of qwen3_5", () => {
  it.each([
    [{ deepstack_visual_indexes: [3] }, "unsupported", "deepstack_visual_indexes"],
    [{ spatial_merge_size: 4 }, "unsupported", "spatial_merge_size"],
    [{ hidden_act: "gelu" }, "unsupported", "hidden_act"],
    [{ rope_parameters: { rope_type: "yarn" } }, "unsupported", "rope_parameters.rope_type"],
    [{ out_hidden_size: 64 }, "invalid_config", "out_hidden_size"],
    [{ num_position_embeddings: 60 }, "invalid_config", "num_position_embeddings"],
  ])("refuses %j by name", (fields, code, name) => {
    const refused = refusal({ ...qwen35, vision_config: { ...qwen35.vision_config, ...fields } });
    expect([refused.code, refused.details.fields]).toEqual([code, [`vision_config.${name}`]]);
  });
});

describe("the base of the rotation", () => {
  const angles = (config: Fields) => {
    const family = familyOf(config);
    if (family.kind !== "language") throw new Error("not a decoder");
    const positions = family.positions({}, [1, 2, 3], []);
    return [...family.rotary(parse(config), { start: 2, count: 1, positions }).sin];
  };
  const cases = [
    ["llama", "", (text) => ({ model_type: "llama", head_dim: 16, num_attention_heads: 4, ...text })],
    ["qwen3", "", decoders[0]![1]],
    ["qwen3_5_text", "", (text) => ({ ...qwen35Text, rope_parameters: undefined, ...text })],
    ["qwen3_5", "text_config", (text) => decodersOfQwen35[1]![1]({ rope_parameters: undefined, ...text })],
    ["qwen3_vl", "text_config", decoders[1]![1]],
  ] satisfies (readonly [string, string, (text: Fields) => Fields])[];

  it.each(cases)("is that of %s's class where no field says it, and a field's where one does", (type, section, of) => {
    const theta = golden.families[type]!.sections[section]!.default_theta!;
    const unsaid = angles(of({ hidden_size: 48 }));
    expect(angles(of({ hidden_size: 48, rope_theta: theta }))).toEqual(unsaid);
    const other = angles(of({ hidden_size: 48, rope_theta: 77 }));
    expect(other).not.toEqual(unsaid);
    for (const spelled of [
      { rope_scaling: { rope_theta: 77 } },
      { rope_parameters: { rope_theta: 77, rope_type: "default" }, rope_theta: 5 },
      { rope_scaling: { rope_theta: 77 }, rope_parameters: { rope_theta: 5 } },
      { rope_scaling: {}, rope_parameters: { rope_theta: 77 } },
    ])
      expect(angles(of({ hidden_size: 48, ...spelled }))).toEqual(other);
  });
});

/** What transformers 4.16 wrote into every section of a config. */
const version4 = {
  ...{ _name_or_path: "", add_cross_attention: false, bad_words_ids: null, chunk_size_feed_forward: 0, prefix: null },
  ...{ cross_attention_hidden_size: null, decoder_start_token_id: null, diversity_penalty: 0, do_sample: false },
  ...{ early_stopping: false, encoder_no_repeat_ngram_size: 0, finetuning_task: null, forced_bos_token_id: null },
  ...{ forced_eos_token_id: null, is_decoder: false, is_encoder_decoder: false, length_penalty: 1, max_length: 20 },
  ...{ min_length: 0, no_repeat_ngram_size: 0, num_beam_groups: 1, num_beams: 1, num_return_sequences: 1 },
  ...{ output_attentions: false, output_hidden_states: false, output_scores: false, problem_type: null },
  ...{ pruned_heads: {}, remove_invalid_values: false, repetition_penalty: 1, return_dict: true, sep_token_id: null },
  ...{ return_dict_in_generate: false, task_specific_params: null, temperature: 1, tie_encoder_decoder: false },
  ...{ tie_word_embeddings: true, tokenizer_class: null, top_k: 50, top_p: 1, torch_dtype: null, torchscript: false },
  ...{ transformers_version: "4.16.0.dev0", typical_p: 1, use_bfloat16: false, architectures: null },
  ...{ id2label: { 0: "LABEL_0", 1: "LABEL_1" }, label2id: { LABEL_0: 0, LABEL_1: 1 } },
};
const clipTower = { ...version4, attention_dropout: 0, dropout: 0, initializer_factor: 1, initializer_range: 0.02 };

const publishedText: Fields = {
  ...{ attention_bias: false, attention_dropout: 0, attn_output_gate: true, dtype: "bfloat16", head_dim: 256 },
  ...{ eos_token_id: 248_044, full_attention_interval: 4, hidden_act: "silu", hidden_size: 1024 },
  ...{ initializer_range: 0.02, intermediate_size: 3584, linear_conv_kernel_dim: 4, linear_key_head_dim: 128 },
  ...{ linear_num_key_heads: 16, linear_num_value_heads: 16, linear_value_head_dim: 128, mlp_only_layers: [] },
  ...{ mamba_ssm_dtype: "float32", max_position_embeddings: 262_144, model_type: "qwen3_5_text" },
  ...{ mtp_num_hidden_layers: 1, mtp_use_dedicated_embeddings: false, num_attention_heads: 8 },
  ...{ num_hidden_layers: 4, num_key_value_heads: 2, rms_norm_eps: 1e-6, tie_word_embeddings: true },
  layer_types: ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
  rope_parameters: {
    ...{ mrope_interleaved: true, mrope_section: [11, 11, 10], rope_type: "default", rope_theta: 1e7 },
    partial_rotary_factor: 0.25,
  },
};

describe("the configs that publishers write", () => {
  it.each<[string, Fields]>([
    [
      "clip, 2022",
      {
        ...{ _commit_hash: null, architectures: ["CLIPModel"], initializer_factor: 1, logit_scale_init_value: 2.6592 },
        ...{ model_type: "clip", projection_dim: 768, torch_dtype: "float32", transformers_version: null },
        text_config: {
          ...clipTower,
          hidden_size: 768,
          model_type: "clip_text_model",
          bos_token_id: 0,
          eos_token_id: 2,
        },
        text_config_dict: { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12, projection_dim: 768 },
        vision_config: { ...clipTower, hidden_size: 1024, model_type: "clip_vision_model", patch_size: 14 },
        vision_config_dict: { hidden_size: 1024, num_attention_heads: 16, num_hidden_layers: 24, patch_size: 14 },
      },
    ],
    [
      "vit, 2021",
      {
        ...{
          _name_or_path: "a/b",
          architectures: ["ViTForImageClassification"],
          model_type: "vit",
          encoder_stride: 16,
        },
        ...{ attention_probs_dropout_prob: 0, gradient_checkpointing: false, hidden_act: "gelu", qkv_bias: true },
        ...{ hidden_dropout_prob: 0, id2label: { 0: "normal", 1: "nsfw" }, label2id: { normal: "0", nsfw: "1" } },
        ...{ problem_type: "single_label_classification", torch_dtype: "float32", transformers_version: "4.31.0" },
      },
    ],
    [
      "llama of nanotron (SmolLM2)",
      {
        ...{ architectures: ["LlamaForCausalLM"], attention_bias: false, attention_dropout: 0, mlp_bias: false },
        ...{ hidden_size: 576, intermediate_size: 1536, max_position_embeddings: 8192, model_type: "llama" },
        ...{ is_llama_config: true, num_attention_heads: 9, num_hidden_layers: 30, num_key_value_heads: 3 },
        ...{ pretraining_tp: 1, rms_norm_eps: 1e-5, rope_interleaved: false, rope_scaling: null, rope_theta: 100_000 },
        ...{ tie_word_embeddings: true, torch_dtype: "bfloat16", use_cache: true, vocab_size: 49_152 },
        ...{
          "transformers.js_config": { kv_cache_dtype: { q4f16: "float16" } },
          initializer_range: 0.04,
          bos_token_id: 1,
        },
      },
    ],
    [
      "llama 3.2, transformers 4",
      {
        ...{ architectures: ["LlamaForCausalLM"], bos_token_id: 128_000, eos_token_id: [128_001, 128_008, 128_009] },
        ...{ head_dim: 64, hidden_size: 2048, intermediate_size: 8192, max_position_embeddings: 131_072 },
        ...{ model_type: "llama", num_attention_heads: 32, num_hidden_layers: 16, num_key_value_heads: 8 },
        rope_scaling: {
          ...{ factor: 32, high_freq_factor: 4, low_freq_factor: 1, original_max_position_embeddings: 8192 },
          rope_type: "llama3",
        },
        ...{ rope_theta: 500_000, tie_word_embeddings: true, torch_dtype: "bfloat16", vocab_size: 128_256 },
      },
    ],
    [
      "qwen3, transformers 4",
      {
        ...{ architectures: ["Qwen3ForCausalLM"], attention_bias: false, attention_dropout: 0, bos_token_id: 151_643 },
        ...{ eos_token_id: 151_645, head_dim: 128, hidden_act: "silu", initializer_range: 0.02, model_type: "qwen3" },
        ...{ max_window_layers: 28, rope_scaling: null, rope_theta: 1e6, sliding_window: null, use_cache: true },
        ...{ tie_word_embeddings: true, torch_dtype: "bfloat16", use_sliding_window: false },
        quantization_config: { quant_method: "fp8", weight_block_size: [128, 128] },
      },
    ],
    ["qwen3_5_text, as the decoder of the published files", publishedText],
    [
      "qwen3_5, transformers 4.57",
      {
        ...{ architectures: ["Qwen3_5ForConditionalGeneration"], image_token_id: 248_056, model_type: "qwen3_5" },
        ...{ tie_word_embeddings: true, transformers_version: "4.57.0.dev0", video_token_id: 248_057 },
        ...{ vision_start_token_id: 248_053, vision_end_token_id: 248_054 },
        text_config: publishedText,
        vision_config: {
          ...{ deepstack_visual_indexes: [], depth: 12, hidden_act: "gelu_pytorch_tanh", hidden_size: 768 },
          ...{ in_channels: 3, initializer_range: 0.02, intermediate_size: 3072, model_type: "qwen3_5", num_heads: 12 },
          ...{ num_position_embeddings: 2304, out_hidden_size: 1024, patch_size: 16, spatial_merge_size: 2 },
          temporal_patch_size: 2,
        },
      },
    ],
    [
      "qwen3_5, saved by transformers 5",
      {
        ...{ architectures: ["Qwen3_5ForConditionalGeneration"], dtype: "bfloat16", model_type: "qwen3_5" },
        ...{ image_token_id: 248_056, video_token_id: 248_057, transformers_version: "5.24.0" },
        text_config: {
          ...publishedText,
          full_attention_interval: undefined,
          partial_rotary_factor: 0.25,
          vocab_size: 248_320,
        },
        vision_config: {
          ...{ depth: 12, dtype: "bfloat16", model_type: "qwen3_5_vision", out_hidden_size: 1024 },
          rope_parameters: { rope_theta: 10_000, rope_type: "axial" },
        },
      },
    ],
    [
      "qwen3_vl, transformers 4",
      {
        ...{ architectures: ["Qwen3VLForConditionalGeneration"], image_token_id: 151_655, model_type: "qwen3_vl" },
        ...{ tie_word_embeddings: true, transformers_version: "4.57.0.dev0", video_token_id: 151_656 },
        ...{ vision_start_token_id: 151_652, vision_end_token_id: 151_653 },
        text_config: {
          ...{ attention_bias: false, attention_dropout: 0, bos_token_id: 151_643, dtype: "bfloat16" },
          ...{
            eos_token_id: 151_645,
            hidden_size: 2048,
            model_type: "qwen3_vl_text",
            rope_theta: 5e6,
            use_cache: true,
          },
          ...{ rope_scaling: { mrope_interleaved: true, mrope_section: [24, 20, 20], rope_type: "default" } },
          ...{ tie_word_embeddings: true, initializer_range: 0.02 },
        },
        vision_config: {
          ...{ deepstack_visual_indexes: [5, 11, 17], depth: 24, hidden_size: 1024, out_hidden_size: 2048 },
          ...{ initializer_range: 0.02, model_type: "qwen3_vl", num_position_embeddings: 2304, patch_size: 16 },
        },
      },
    ],
  ])("of %s are read, and there is nothing to report", (_, config) => {
    expect(() => parse(config)).not.toThrow();
    expect(configNotes(familyOf(config), config)).toEqual([]);
  });

  it.each([
    ["qwen3", "quantization", { group_size: 64, bits: 4 }],
    ["qwen3_vl", "vision_config.quantization_config", { quant_method: "fp8" }],
    ["vit", "pruned_heads", { 0: [1] }],
    ["llama", "rope_interleaved", true],
    ["clip", "text_config.is_decoder", true],
  ])("of %s are refused with %s %j", (modelType, path, value) => {
    const [section, name] = path.includes(".") ? path.split(".") : ["", path];
    const { code, details } = refusal(withFields(modelType, section!, { [name!]: value }));
    expect([code, details.fields]).toEqual(["unsupported", [path]]);
  });
});

describe("clip's towers", () => {
  it("are read from …_config_dict where a file of 2022 has both, its defaults included", () => {
    const config = { model_type: "clip", text_config: { hidden_size: 64 }, text_config_dict: { vocab_size: 100 } };
    expect(parse(config).text_config).toMatchObject({ hidden_size: 512, vocab_size: 100 });
  });
});

describe("vit's labels", () => {
  it.each([
    [{ id2label: { 0: "a", 1: "b", 2: "c" }, num_labels: 5 }, ["a", "b", "c"]],
    [{ num_labels: 3 }, ["LABEL_0", "LABEL_1", "LABEL_2"]],
    [{}, ["LABEL_0", "LABEL_1"]],
  ])("of %j", (fields, labels) => {
    const config = withFields("vit", "", fields);
    const family = familyOf(config);
    expect(family.kind === "classifier" && family.labels(parse(config))).toEqual(labels);
  });

  it("that are not scored by a softmax are refused", () => {
    expect(refusal(withFields("vit", "", { problem_type: "multi_label_classification" })).code).toBe("unsupported");
    expect(refusal(withFields("vit", "", { num_labels: 1 })).code).toBe("invalid_config");
  });
});
