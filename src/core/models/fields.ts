/**
 * What becomes of every field of a config. A family lists all fields of its reference's config class, one zod object a
 * section: a field that it uses has the schema of its values; `irrelevant` fields change no answer; `only` refuses by
 * name every value but those our graphs compute. A field in no list is reported by `configNotes`.
 * The reference's fields and defaults: test/golden/config-fields/, walked by fields.test.ts.
 */
import { z } from "zod";
import { shorten } from "../base/index.js";

const passedOver = z
  .unknown()
  .optional()
  .transform((): undefined => undefined);

/** Fields of which no value changes an answer. */
export function irrelevant<N extends string>(...names: readonly N[]): Record<N, typeof passedOver> {
  return Object.fromEntries(names.map((name) => [name, passedOver])) as Record<N, typeof passedOver>;
}

/** Refused by name with any value but these; absent and null are the reference's default, which is one of them. */
export function only(...values: readonly unknown[]) {
  const accepted = values.map((value) => JSON.stringify(value));
  const isAccepted = (value: unknown) =>
    value === undefined || value === null || accepted.includes(JSON.stringify(value));
  return z
    .unknown()
    .optional()
    .refine(isAccepted, {
      error: `expected ${accepted.join(" or ") || "no such field"}`,
      params: { unsupported: true },
    })
    .transform((): undefined => undefined);
}

/** What an older transformers wrote into every config: ways to sample, which are read from generation_config.json. */
const generation = irrelevant(
  ...(["assistant_confidence_threshold", "assistant_lookbehind", "bad_words_ids", "begin_suppress_tokens"] as const),
  ...(["decoder_start_token_id", "diversity_penalty", "do_sample", "early_stopping", "epsilon_cutoff"] as const),
  ...(["encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "eta_cutoff", "forced_bos_token_id"] as const),
  ...([
    "exponential_decay_length_penalty",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "min_length",
  ] as const),
  ...(["no_repeat_ngram_size", "num_assistant_tokens", "num_assistant_tokens_schedule", "num_beam_groups"] as const),
  ...(["num_beams", "num_return_sequences", "output_scores", "remove_invalid_values", "repetition_penalty"] as const),
  ...(["return_dict_in_generate", "suppress_tokens", "target_lookbehind", "temperature", "top_k", "top_p"] as const),
  ...(["typical_p", "use_cache"] as const),
);

/** Fields of every config class of the reference, now or in version 4. Of no section in particular. */
export const commonFields = {
  ...generation,
  ...irrelevant("_name_or_path", "_commit_hash", "architectures", "auto_map", "model_type", "transformers_version"),
  ...irrelevant("dtype", "torch_dtype", "use_bfloat16", "torchscript"), // weights carry their own type
  ...irrelevant("_attn_implementation", "attn_implementation", "_attn_implementation_autoset"), // ways to the same sums
  ...irrelevant("chunk_size_feed_forward", "tf_legacy_loss"),
  ...irrelevant("transformers.js_config"), // how files for browsers were made
  ...irrelevant("output_attentions", "output_hidden_states", "return_dict", "use_return_dict"),
  ...irrelevant("tie_word_embeddings"), // of the whole model, which says otherwise
  ...irrelevant("id2label", "label2id", "num_labels", "problem_type"), // of classifiers, which say otherwise
  ...irrelevant("finetuning_task", "gradient_checkpointing", "initializer_range", "task_specific_params"), // training
  ...irrelevant("bos_token_id", "pad_token_id", "sep_token_id", "prefix", "tokenizer_class"), // the tokenizer's own files
  add_cross_attention: only(false),
  cross_attention_hidden_size: only(),
  is_decoder: only(false),
  is_encoder_decoder: only(false),
  per_layer_config: only(),
  pruned_heads: only({}),
  /** MLX's, whose files hold weights of another layout. */
  quantization: only(),
  quantization_config: only(),
  compression_config: only(),
  tie_encoder_decoder: only(false),
};

/** Of the whole config and of a decoder's part, where the weights are opened by them: pack/open-weights.ts. */
export const quantizationFields = irrelevant("quantization_config", "compression_config");

type Json = Readonly<Record<string, unknown>>;

/** The object in a schema that may be wrapped in defaults and transforms. */
export function objectIn(schema: unknown): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema;
  const { innerType, in: input, out } = (schema as { def: Record<"innerType" | "in" | "out", unknown> }).def;
  for (const inner of [innerType, input, out]) {
    const object = inner === undefined ? undefined : objectIn(inner);
    if (object) return object;
  }
  return undefined;
}

/** Paths of the fields that no schema lists, null ones aside. */
function unknownFields(schema: unknown, json: unknown, path = ""): string[] {
  const object = objectIn(schema);
  if (!object || typeof json !== "object" || json === null || Array.isArray(json)) return [];
  return Object.entries(json as Json).flatMap(([name, value]) => {
    if (value === null) return [];
    return Object.hasOwn(object.shape, name)
      ? unknownFields(object.shape[name], value, `${path}${name}.`)
      : [`${path}${name}`];
  });
}

/** A hostile file has as many fields as it likes. */
const maxNamed = 8;

/** A sentence for the user when config.json says what neither we nor the reference know. */
export function configNotes({ configSchema }: { readonly configSchema: z.ZodType }, json: unknown): string[] {
  const unknown = unknownFields(configSchema, json);
  if (unknown.length === 0) return [];
  const named = unknown.slice(0, maxNamed).map((name) => shorten(name, 60));
  const more = unknown.length > maxNamed ? `, and ${unknown.length - maxNamed} more` : "";
  return [
    `config.json has fields that this model family does not define; they are not used: ${named.join(", ")}${more}`,
  ];
}
