/**
 * What a decode step costs by the number of its tokens, as measured: time = base + perToken · tokens, fitted by least squares whose
 * weights fade, so that it follows contexts that grow and machines that are busy.
 */

/** A step forty steps ago counts for an eighth. */
const fading = 0.95;
/** Below this variance of the number of tokens nothing new is learnt of its cost. */
const leastVariance = 0.05;

export class StepCosts {
  #weight = 0;
  #tokens = 0;
  #tokensSquared = 0;
  #time = 0;
  #product = 0;
  /** 0 until steps of different numbers were measured. */
  #perToken = 0;

  add(tokens: number, ms: number): void {
    const fade = (sum: number, added: number) => fading * sum + added;
    this.#weight = fade(this.#weight, 1);
    this.#tokens = fade(this.#tokens, tokens);
    this.#tokensSquared = fade(this.#tokensSquared, tokens * tokens);
    this.#time = fade(this.#time, ms);
    this.#product = fade(this.#product, tokens * ms);
    const mean = this.#tokens / this.#weight;
    const variance = this.#tokensSquared / this.#weight - mean * mean;
    const covariance = this.#product / this.#weight - (mean * this.#time) / this.#weight;
    if (variance >= leastVariance) this.#perToken = Math.max(0, covariance / variance);
  }

  /** The share of a step of so many tokens that one more adds to it, with what drafting it takes; 0 while that is unknown. */
  shareOfOne(tokens: number, draftMs = 0): number {
    if (this.#perToken === 0) return 0;
    const mean = this.#tokens / this.#weight;
    const time = this.#time / this.#weight + this.#perToken * (tokens - mean);
    return (this.#perToken + draftMs) / Math.max(time, this.#perToken * tokens);
  }
}
