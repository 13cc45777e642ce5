/**
 * generation_config.json: how a checkpoint wants to be sampled and where its answers end; what it leaves out is as in
 * transformers. Fields that change the reference's answers and that we do not apply are reported. [GenerationConfig]
 */
import type { SamplingOptions } from "../engine/index.js";

type Json = Readonly<Record<string, unknown>>;

/** The checkpoint's own sampling defaults; undefined is greedy. The reference's greedy answers heed the penalty, too. */
export function readSampling(json: unknown): SamplingOptions | undefined {
  const config = (json ?? {}) as Json;
  const number = (name: string, fallback: number) => (typeof config[name] === "number" ? config[name] : fallback);
  const repetition_penalty = number("repetition_penalty", 1);
  if (config.do_sample !== true) return repetition_penalty === 1 ? undefined : { repetition_penalty };
  return {
    temperature: number("temperature", 1),
    top_k: number("top_k", 50),
    top_p: number("top_p", 1),
    ...(typeof config.min_p === "number" && { min_p: config.min_p }),
    repetition_penalty,
  };
}

/** The ends that generation_config.json names; they stand above those of config.json, as in transformers. */
export function readEosTokenIds(json: unknown): readonly number[] | undefined {
  const { eos_token_id: eos } = (json ?? {}) as { eos_token_id?: unknown };
  const ids = Array.isArray(eos) ? eos : [eos];
  return ids.length > 0 && ids.every((id) => Number.isSafeInteger(id) && id >= 0) ? ids : undefined;
}

/** What changes the reference's answers and not ours, with the value that changes nothing there; null does not, either. */
const notApplied: Json = {
  ...{
    bad_words_ids: null,
    begin_suppress_tokens: null,
    constraints: null,
    dola_layers: null,
    encoder_repetition_penalty: 1,
  },
  ...{ encoder_no_repeat_ngram_size: 0, exponential_decay_length_penalty: null, force_words_ids: null },
  ...{
    forced_bos_token_id: null,
    forced_eos_token_id: null,
    guidance_scale: null,
    min_length: 0,
    min_new_tokens: null,
  },
  ...{
    no_repeat_ngram_size: 0,
    num_beams: 1,
    penalty_alpha: null,
    remove_invalid_values: false,
    renormalize_logits: null,
  },
  ...{ sequence_bias: null, stop_strings: null, suppress_tokens: null, token_healing: null, watermarking_config: null },
};
/** The same of a draw alone. */
const notAppliedToDraws: Json = { epsilon_cutoff: 0, eta_cutoff: 0, top_h: null, typical_p: 1 };

/** A sentence that names them. */
export function generationNotes(json: unknown): string[] {
  const config = (json ?? {}) as Json;
  const known = config.do_sample === true ? { ...notApplied, ...notAppliedToDraws } : notApplied;
  const changing = Object.keys(known).filter((name) => {
    return config[name] !== undefined && config[name] !== null && config[name] !== known[name];
  });
  if (changing.length === 0) return [];
  return [`generation_config.json asks for ways of decoding that are not applied: ${changing.join(", ")}`];
}
