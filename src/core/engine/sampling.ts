/** Sampling options as clients write them, and their bounds. */
import { nearestHint, nearestNames, OcellusError } from "../base/index.js";

export interface SamplingOptions {
  /** 0 is greedy. Default: 0, or 1 when top_k, top_p or min_p asks for a draw. */
  readonly temperature?: number;
  /** Keep the k most likely tokens; 0 and -1 keep all. */
  readonly top_k?: number;
  /** Keep the fewest most likely tokens whose probabilities reach this sum. */
  readonly top_p?: number;
  /** Keep tokens at least this fraction as likely as the most likely one. */
  readonly min_p?: number;
  /** Divides positive and multiplies negative logits of tokens in prompt and answer. [CTRL, Keskar 2019] */
  readonly repetition_penalty?: number;
  /** Subtracted once from the logit of every token in the answer so far. */
  readonly presence_penalty?: number;
  /** Subtracted from a token's logit for each time it is in the answer so far. */
  readonly frequency_penalty?: number;
  /** A whole number of 64 bits, with a sign or without. Equal seeds give equal answers, whatever else runs in the batch. */
  readonly seed?: number | bigint;
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
  top_k: [-1, 2 ** 20, "-1 and 0 keep all; no vocabulary is larger"],
  top_p: [0, 1, "a probability"],
  min_p: [0, 1, "a fraction"],
  repetition_penalty: [0.01, 10, "published settings lie between 1.0 and 1.5"],
  presence_penalty: [-2, 2, "as in OpenAI's API"],
  frequency_penalty: [-2, 2, "as in OpenAI's API"],
  top_logprobs: [0, 20, "as in OpenAI's API"],
} as const;

const wholeNumbers: readonly string[] = ["top_k", "top_logprobs"];
const names = [...Object.keys(bounds), "seed", "logit_bias", "logprobs"];
/** OpenAI documents 64 bits with a sign; others draw seeds without one. */
const seedBounds = [-(2n ** 63n), 2n ** 64n - 1n] as const;
const maxLogitBiases = 1024; // a list of forbidden words stays below; every entry costs every step

/** @throws `invalid_request` naming the option, its bounds and what was found. `undefined` counts as not given. */
export function checkSampling(options: SamplingOptions, vocabSize: number): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalid(unknown, `there is no such sampling option${nearestHint(unknown, names)}`, {
      nearest: nearestNames(unknown, names),
    });
  for (const [name, [low, high, why]] of Object.entries(bounds)) {
    const value: unknown = options[name as keyof typeof bounds];
    const whole = wholeNumbers.includes(name);
    if (value === undefined || (isBetween(value, low, high) && (!whole || Number.isInteger(value)))) continue;
    const kind = whole ? "whole number" : "number";
    throw invalid(name, `expected a ${kind} from ${low} to ${high} (${why}), found ${JSON.stringify(value)}`, {
      least: low,
      most: high,
      found: value,
    });
  }
  checkSeed(options.seed);
  checkLogitBias(Object.entries(options.logit_bias ?? {}), vocabSize);
}

function checkSeed(seed: unknown): void {
  const isWhole = typeof seed === "bigint" || Number.isInteger(seed);
  if (
    seed === undefined ||
    (isWhole && BigInt(seed as bigint) >= seedBounds[0] && BigInt(seed as bigint) <= seedBounds[1])
  )
    return;
  throw invalid(
    "seed",
    `expected a whole number from ${seedBounds[0]} to ${seedBounds[1]} (64 bits), found ${String(seed)}`,
    { found: String(seed) },
  );
}

function checkLogitBias(entries: readonly [string, unknown][], vocabSize: number): void {
  if (entries.length > maxLogitBiases)
    throw invalid("logit_bias", `expected at most ${maxLogitBiases} entries, found ${entries.length}`, {
      most: maxLogitBiases,
      found: entries.length,
    });
  for (const [id, bias] of entries) {
    if (/^\d+$/.test(id) && Number(id) < vocabSize && isBetween(bias, -100, 100)) continue;
    throw invalid(
      "logit_bias",
      `expected token ids below ${vocabSize} and values from -100 to 100, found ` +
        `${JSON.stringify(id)}: ${JSON.stringify(bias)}`,
      { token: id, found: bias, vocabSize },
    );
  }
}

/** Options may come from JSON: a string that looks like a number is not one. NaN is in no range. */
function isBetween(value: unknown, low: number, high: number): boolean {
  return typeof value === "number" && value >= low && value <= high;
}

function invalid(param: string, problem: string, details: Readonly<Record<string, unknown>>): OcellusError {
  return new OcellusError("invalid_request", `${param}: ${problem}`, { details: { param, ...details } });
}
