/** Sampling options as clients write them, and their bounds. */
import { OcellusError } from "../base/index.js";

export interface SamplingOptions {
  /** 0, the default, is greedy. */
  readonly temperature?: number;
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly top_k?: number;
  /** Keep the fewest most likely tokens whose probabilities reach this sum. */
  readonly top_p?: number;
  /** Keep tokens at least this fraction as likely as the most likely one. */
  readonly min_p?: number;
  /** Divides positive and multiplies negative logits of tokens in prompt and answer. [CTRL, Keskar 2019] */
  readonly repetition_penalty?: number;
  /** Subtracted once from the logit of every token in the answer so far. */
  readonly presence_penalty?: number;
  /** Subtracted from a token's logit for each time it stands in the answer so far. */
  readonly frequency_penalty?: number;
  /** Equal seeds give equal answers, whatever else runs in the batch. */
  readonly seed?: number;
  /** Added to the logits, by token id. */
  readonly logit_bias?: Readonly<Record<string, number>>;
  /** Report each token's logprob. */
  readonly logprobs?: boolean;
  /** And those of so many of the most likely tokens. */
  readonly top_logprobs?: number;
}

/** [lowest, highest, why]: OpenAI's bounds where its API has the parameter. */
const bounds = {
  temperature: [0, 2, "as in OpenAI's API"],
  top_k: [0, 2 ** 20, "no vocabulary is larger"],
  top_p: [0, 1, "a probability"],
  min_p: [0, 1, "a fraction"],
  repetition_penalty: [0.01, 10, "published settings lie between 1.0 and 1.5"],
  presence_penalty: [-2, 2, "as in OpenAI's API"],
  frequency_penalty: [-2, 2, "as in OpenAI's API"],
  seed: [0, Number.MAX_SAFE_INTEGER, "a whole number"],
  top_logprobs: [0, 20, "as in OpenAI's API"],
} as const;

/** @throws `invalid_request` naming the option, its bounds and what was found. */
export function checkSampling(options: SamplingOptions, vocabSize: number): void {
  for (const [name, [low, high, why]] of Object.entries(bounds)) {
    const value = options[name as keyof typeof bounds];
    const whole = name === "top_k" || name === "seed" || name === "top_logprobs";
    if (value === undefined) continue;
    if (!(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new OcellusError(
        "invalid_request",
        `${name}: expected a ${whole ? "whole " : ""}number from ${low} to ${high} (${why}), found ${value}`,
      );
    }
  }
  for (const [id, bias] of Object.entries(options.logit_bias ?? {})) {
    if (!(Number(id) >= 0 && Number(id) < vocabSize && Number.isInteger(Number(id))) || !(Math.abs(bias) <= 100)) {
      throw new OcellusError(
        "invalid_request",
        `logit_bias: expected token ids below ${vocabSize} and values from -100 to 100, found ${JSON.stringify(id)}: ${bias}`,
      );
    }
  }
}
