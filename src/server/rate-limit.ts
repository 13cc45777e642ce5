/** Requests a minute for each key, as a bucket that fills evenly: a burst may spend a minute's worth at once. */
import { LRUCache } from "lru-cache";
import { OcellusError } from "../core/base/index.js";

interface Bucket {
  tokens: number;
  at: number;
}

export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** Owners may be addresses of strangers: beyond so many, those that asked least recently are forgotten (a megabyte). */
const maxBuckets = 10_000;

export class RateLimiter {
  readonly #buckets = new LRUCache<string, Bucket>({ max: maxBuckets });
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @throws `overloaded` with `details.retryAfterMs` when the minute is spent. */
  take(owner: string, perMinute: number): RateState {
    const bucket = this.#filled(owner, perMinute);
    const msPerToken = 60_000 / perMinute;
    if (bucket.tokens < 1)
      throw new OcellusError("overloaded", `this key may send ${perMinute} requests a minute; wait a moment`, {
        details: { retryAfterMs: Math.ceil((1 - bucket.tokens) * msPerToken) },
      });
    bucket.tokens -= 1;
    const remaining = Math.floor(bucket.tokens);
    return { limit: perMinute, remaining, resetMs: Math.ceil((perMinute - bucket.tokens) * msPerToken) };
  }

  #filled(owner: string, perMinute: number): Bucket {
    const now = this.#now();
    const { tokens, at } = this.#buckets.get(owner) ?? { tokens: perMinute, at: now };
    const bucket = { tokens: Math.min(perMinute, tokens + ((now - at) * perMinute) / 60_000), at: now };
    this.#buckets.set(owner, bucket);
    return bucket;
  }
}
