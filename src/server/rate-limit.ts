/**
 * Requests a minute and a day for each key, as buckets that fill evenly: a burst may spend all of one at once. The buckets are
 * of this process, or shared by several servers (shared-rate-limits.ts).
 */
import { LRUCache } from "lru-cache";
import { OcellusError } from "../core/base/index.js";

export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** So many requests in each period. */
export interface RateLimit {
  readonly requests: number;
  readonly per: keyof typeof periodMs;
}

export const periodMs = { minute: 60_000, day: 24 * 3600_000 } as const;

export interface RateLimits {
  /** @throws `overloaded` with `details.retryAfterMs` when the period's requests are spent. */
  take(owner: string, limit: RateLimit): RateState | Promise<RateState>;
  /** Whether the buckets are those that all servers share; absent: this server shares none. */
  readonly isShared?: boolean;
}

/** What is in a bucket after a request has taken its token, or where none was left for it. */
export interface Bucket {
  readonly tokens: number;
  readonly isTaken: boolean;
}

/** Owners may be addresses of strangers: beyond so many, those that asked least recently are forgotten (a megabyte). */
const maxBuckets = 10_000;

export class LocalRateLimits implements RateLimits {
  readonly #buckets = new LRUCache<string, { readonly tokens: number; readonly at: number }>({ max: maxBuckets });
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  take(owner: string, limit: RateLimit): RateState {
    const found = this.#filled(owner, limit);
    const isTaken = found >= 1;
    const tokens = isTaken ? found - 1 : found;
    this.set(owner, limit, tokens);
    return rateState({ tokens, isTaken }, limit);
  }

  /** What another keeper of buckets has left in this one. */
  set(owner: string, limit: RateLimit, tokens: number): void {
    this.#buckets.set(bucketName(owner, limit), { tokens, at: this.#now() });
  }

  #filled(owner: string, limit: RateLimit): number {
    const now = this.#now();
    const { requests, per } = limit;
    const { tokens, at } = this.#buckets.get(bucketName(owner, limit)) ?? { tokens: requests, at: now };
    return Math.min(requests, tokens + ((now - at) * requests) / periodMs[per]);
  }
}

export function bucketName(owner: string, { per }: RateLimit): string {
  return `${per}:${owner}`;
}

/** @throws `overloaded` where no token was left. */
export function rateState({ tokens, isTaken }: Bucket, { requests, per }: RateLimit): RateState {
  const msPerToken = periodMs[per] / requests;
  if (isTaken)
    return { limit: requests, remaining: Math.floor(tokens), resetMs: Math.ceil((requests - tokens) * msPerToken) };
  throw new OcellusError("overloaded", `this key may send ${requests} requests a ${per}; wait a moment`, {
    details: { limit: requests, per, retryAfterMs: Math.ceil((1 - tokens) * msPerToken) },
  });
}
