/**
 * One sequence's way of choosing tokens. Order, as in Hugging Face transformers: penalties and bias on the logits,
 * temperature, top-k, top-p, min-p, then a draw. Greedy is one pass over the logits.
 */
import { OcellusError } from "../base/index.js";
import { createRandom } from "./random.js";
import type { SamplingOptions } from "./sampling.js";
import { topIndices } from "./top.js";
import type { TokenLogprob } from "./types.js";

export interface Sampled {
  readonly tokenId: number;
  readonly logprob?: number;
  readonly topLogprobs?: readonly TokenLogprob[];
}

interface Candidates {
  readonly ids: readonly number[];
  /** Unnormalised, most likely first. */
  readonly weights: readonly number[];
}

export class Sampler {
  readonly #options: SamplingOptions;
  readonly #random: () => number;
  readonly #promptTokens: ReadonlySet<number>;
  /** How often each token stands in the answer. */
  readonly #counts = new Map<number, number>();

  constructor(options: SamplingOptions, promptIds: readonly number[]) {
    this.#options = options;
    this.#random = createRandom(options.seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
    this.#promptTokens = new Set((options.repetition_penalty ?? 1) === 1 ? [] : promptIds);
  }

  /** Chooses the next token from the logits [vocabSize], which are left as they are. @throws `internal` on NaN. */
  sample(logits: Float32Array): Sampled {
    const adjusted = this.#adjust(logits);
    const best = argmax(adjusted);
    const tokenId = (this.#options.temperature ?? 0) === 0 ? best : this.#draw(adjusted, adjusted[best]!);
    this.#counts.set(tokenId, (this.#counts.get(tokenId) ?? 0) + 1);
    return this.#options.logprobs
      ? { tokenId, ...logprobsOf(logits, tokenId, this.#options.top_logprobs ?? 0) }
      : { tokenId };
  }

  /** The logits after penalties and bias: a copy where anything changes. */
  #adjust(logits: Float32Array): Float32Array {
    const {
      repetition_penalty: repetition = 1,
      presence_penalty: presence = 0,
      frequency_penalty: frequency = 0,
    } = this.#options;
    const bias = Object.entries(this.#options.logit_bias ?? {});
    if (repetition === 1 && presence === 0 && frequency === 0 && bias.length === 0) return logits;
    const adjusted = logits.slice();
    if (repetition !== 1) {
      for (const id of new Set([...this.#promptTokens, ...this.#counts.keys()])) {
        adjusted[id] = adjusted[id]! > 0 ? adjusted[id]! / repetition : adjusted[id]! * repetition;
      }
    }
    for (const [id, count] of this.#counts) adjusted[id]! -= presence + frequency * count;
    for (const [id, value] of bias) adjusted[Number(id)]! += value;
    return adjusted;
  }

  #draw(logits: Float32Array, largest: number): number {
    const weight = (id: number) => Math.exp((logits[id]! - largest) / this.#options.temperature!);
    const { ids, weights } = this.#candidates(logits, weight);
    let rest = this.#random() * sum(weights);
    for (const [i, w] of weights.entries()) {
      rest -= w;
      if (rest < 0) return ids[i]!;
    }
    return ids[0]!; // rounding left a sliver behind the last weight
  }

  /** Tokens that pass top-k, then top-p, then min-p. */
  #candidates(logits: Float32Array, weight: (id: number) => number): Candidates {
    const { top_k: topK = 0, top_p: topP = 1, min_p: minP = 0 } = this.#options;
    const kept =
      topK > 0
        ? weigh(topIndices(logits, topK), weight)
        : topP < 1
          ? undefined
          : weigh(
              logits.map((_, i) => i),
              weight,
            );
    const nucleus = kept ? cutTopP(kept, topP, sum(kept.weights)) : nucleusOfAll(logits, weight, topP);
    if (minP === 0) return nucleus;
    const floor = minP * nucleus.weights.reduce((most, w) => Math.max(most, w), 0);
    const passed = nucleus.ids.map((_, i) => i).filter((i) => nucleus.weights[i]! >= floor);
    return { ids: passed.map((i) => nucleus.ids[i]!), weights: passed.map((i) => nucleus.weights[i]!) };
  }
}

function weigh(ids: ArrayLike<number>, weight: (id: number) => number): Candidates {
  const list = Array.from(ids);
  return { ids: list, weights: list.map(weight) };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** The first candidates whose weights reach `topP` of the total: at least one. */
function cutTopP({ ids, weights }: Candidates, topP: number, total: number): Candidates {
  let end = 0;
  for (let sum = 0; end < ids.length && (end === 0 || sum < topP * total); end++) sum += weights[end]!;
  return { ids: ids.slice(0, end), weights: weights.slice(0, end) };
}

/** top-p over the whole vocabulary: looks at ever more of the most likely tokens until they reach it. */
function nucleusOfAll(logits: Float32Array, weight: (id: number) => number, topP: number): Candidates {
  let total = 0;
  for (let id = 0; id < logits.length; id++) total += weight(id);
  for (let count = 64; ; count *= 8) {
    const candidates = weigh(topIndices(logits, count), weight);
    if (sum(candidates.weights) >= topP * total || count >= logits.length) return cutTopP(candidates, topP, total);
  }
}

/** Index of the largest value, the lowest of equals. @throws `internal` when there is a NaN. */
function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]!;
    if (value > logits[best]!) best = i;
    else if (Number.isNaN(value)) {
      throw new OcellusError(
        "internal",
        `the model gave NaN for token ${i}: its weights are damaged, or 16-bit numbers overflowed; try --weights fp32`,
      );
    }
  }
  return best;
}

/** Log-softmax of the model's own logits at the token, and at the `count` most likely ones. */
function logprobsOf(logits: Float32Array, tokenId: number, count: number): Omit<Sampled, "tokenId"> {
  const largest = logits[argmax(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const logprob = (id: number) => logits[id]! - largest - Math.log(sum);
  const top = topIndices(logits, count).map((id) => ({ tokenId: id, logprob: logprob(id) }));
  return { logprob: logprob(tokenId), ...(count > 0 && { topLogprobs: top }) };
}
