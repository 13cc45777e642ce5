/**
 * How many requests may be sent a second time: a share of all, so that a pool that is failing is not sent a multiple of its load
 * (Dean and Barroso, "The tail at scale", 2013; the budgets of Finagle and Envoy). A quiet pool may still repeat a few.
 */

/** Retries without any requests before them: a first user must not meet the one backend that died over night. */
const reserve = 10;

export class RetryBudget {
  readonly #share: number;
  #left = reserve;

  /** @param share of requests that may be repeated */
  constructor(share: number) {
    this.#share = share;
  }

  /** A request came. */
  earn(): void {
    this.#left = Math.min(reserve, this.#left + this.#share);
  }

  /** @returns whether one may be repeated */
  spend(): boolean {
    if (this.#share === 0 || this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
