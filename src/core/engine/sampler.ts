/**
 * One sequence's way of choosing tokens. Order, as in Hugging Face transformers: penalties and bias on the logits, the
 * constraint, temperature, top-k, top-p, min-p, then a draw. Greedy is one pass over the logits.
 */
import { invariant, OcellusError } from "../base/index.js";
import { createRandom } from "./random.js";
import type { SamplingOptions } from "./sampling.js";
import { nucleus, topIndices } from "./top.js";
import type { ConstrainedLogprobs, TokenEvent, TokenLogprob } from "./types.js";

export type Sampled = Pick<TokenEvent, "tokenId" | "logprob" | "topLogprobs" | "constrained">;

export class Sampler {
  readonly #options: SamplingOptions;
  readonly #temperature: number;
  readonly #random: () => number;
  readonly #promptTokens: ReadonlySet<number>;
  readonly #constrainedTop: number;
  /** How often each token is in the answer. */
  readonly #counts = new Map<number, number>();

  constructor(options: SamplingOptions, promptIds: readonly number[], constrainedTop = 0) {
    this.#options = options;
    this.#constrainedTop = constrainedTop;
    const { top_k: topK = -1, top_p: topP, min_p: minP } = options;
    const wantsDraw = topK >= 0 || topP !== undefined || minP !== undefined; // -1 is how others write "no top_k"
    this.#temperature = options.temperature ?? (wantsDraw ? 1 : 0);
    this.#random = createRandom(options.seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
    this.#promptTokens = new Set((options.repetition_penalty ?? 1) === 1 ? [] : promptIds);
  }

  /**
   * Chooses the next token from the logits [vocabSize], which are left as they are; `constrain` sets those of tokens that
   * may not come to -Infinity, and `isAside` says that the probability within those that may is of no use.
   * @throws `internal` on NaN, and when no token is left.
   */
  sample(logits: Float32Array, constrain?: (adjusted: Float32Array) => void, isAside = false): Sampled {
    let adjusted = this.#adjust(logits);
    if (constrain) {
      if (adjusted === logits) adjusted = logits.slice();
      constrain(adjusted);
    }
    const best = argmax(adjusted);
    invariant(adjusted[best]! > Number.NEGATIVE_INFINITY, "the constraint leaves no token", { numAllowed: 0 });
    const tokenId = this.#temperature === 0 ? best : this.#draw(adjusted, adjusted[best]!);
    this.#count(tokenId);
    const { logprobs, top_logprobs: count = 0 } = this.#options;
    const constrained = constrain && !isAside && this.#constrainedTop > 0 && withinConstraint(logits, adjusted);
    return {
      tokenId,
      ...(logprobs && ownLogprobs(logits, tokenId, count)),
      ...(constrained && { constrained: logprobsOf(constrained, tokenId, this.#constrainedTop) }),
    };
  }

  /** The only token that may come: counted and drawn for as `sample` does, so that the next draw is the same. */
  take(tokenId: number): Sampled {
    if (this.#temperature !== 0) this.#random();
    this.#count(tokenId);
    return { tokenId };
  }

  #count(tokenId: number): void {
    this.#counts.set(tokenId, (this.#counts.get(tokenId) ?? 0) + 1);
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

  /** One draw among the tokens that pass top-k, then top-p, then min-p. */
  #draw(logits: Float32Array, largest: number): number {
    const { top_k: topK = 0, top_p: topP = 1, min_p: minP = 0 } = this.#options;
    const weigh = (id: number) => Math.exp((logits[id]! - largest) / this.#temperature);
    const ids =
      topK > 0
        ? cutTopP(topIndices(logits, topK), weigh, topP)
        : topP < 1
          ? nucleus(logits, largest, this.#temperature, topP)
          : allIds(logits.length);
    const weights = new Float64Array(ids.length);
    let total = 0;
    for (let i = 0; i < ids.length; i++) {
      const weight = weigh(ids[i]!);
      if (weight >= minP) total += weights[i] = weight; // the most likely token weighs 1
    }
    let rest = this.#random() * total;
    for (let i = 0; i < ids.length; i++) {
      rest -= weights[i]!;
      if (rest < 0) return ids[i]!;
    }
    return ids[0]!; // not reached: the generator's 32 bits stay below 1 by more than the sums round
  }
}

function allIds(count: number): Uint32Array {
  const ids = new Uint32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

/** The first ids whose weights reach `topP` of the whole: at least one. */
function cutTopP(ids: readonly number[], weigh: (id: number) => number, topP: number): readonly number[] {
  if (topP >= 1) return ids;
  const weights = ids.map(weigh);
  const goal = topP * weights.reduce((a, b) => a + b, 0);
  let end = 0;
  for (let held = 0; end < ids.length && (end === 0 || held < goal); end++) held += weights[end]!;
  return ids.slice(0, end);
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
        { details: { token: i, found: "NaN" } },
      );
    }
  }
  return best;
}

/** The model's own logits of the tokens that the constraint has left open; undefined when it is one. */
function withinConstraint(logits: Float32Array, adjusted: Float32Array): Float32Array | undefined {
  const allowed = new Float32Array(logits.length).fill(Number.NEGATIVE_INFINITY);
  let numOpen = 0;
  for (let id = 0; id < logits.length; id++) {
    if (adjusted[id] === Number.NEGATIVE_INFINITY) continue;
    allowed[id] = logits[id]!;
    if (logits[id] !== Number.NEGATIVE_INFINITY) numOpen++;
  }
  return numOpen > 1 ? allowed : undefined;
}

function ownLogprobs(logits: Float32Array, tokenId: number, count: number): Omit<Sampled, "tokenId"> {
  const { logprob, top } = logprobsOf(logits, tokenId, count);
  return { logprob, ...(count > 0 && { topLogprobs: top }) };
}

/** Log-softmax at the token, and at the `count` most likely ones. */
function logprobsOf(logits: Float32Array, tokenId: number, count: number): ConstrainedLogprobs {
  const largest = logits[argmax(logits)]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++)
    if (logits[id] !== Number.NEGATIVE_INFINITY) sum += Math.exp(logits[id]! - largest);
  const logprob = (id: number) => logits[id]! - largest - Math.log(sum);
  const isPossible = (id: number) => logits[id]! > Number.NEGATIVE_INFINITY;
  const top: TokenLogprob[] = topIndices(logits, count).map((id) => ({ tokenId: id, logprob: logprob(id) }));
  return { logprob: logprob(tokenId), top: top.filter(({ tokenId: id }) => isPossible(id)) };
}
