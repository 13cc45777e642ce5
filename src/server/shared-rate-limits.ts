/**
 * Rate limits that several servers share, in Redis or Valkey (`--redis-url`): one script for each decision, by the store's own
 * clock. While the store is away each server keeps the whole limit by itself, from what it last knew of each bucket; so N servers
 * let through at most N times the limit, and in the minute of the store's return once more what its buckets have filled up with
 * meanwhile. The log, /health/ready and /metrics say which of the two it is. It returns by itself.
 */
import { createHash } from "node:crypto";
import type { RedisClientType } from "@redis/client";
import { OcellusError, optionalPackage, untilAborted, withoutPassword } from "../core/base/index.js";
import {
  bucketName,
  LocalRateLimits,
  periodMs,
  type RateLimit,
  type RateLimits,
  type RateState,
  rateState,
} from "./rate-limit.js";

/** The bucket of rate-limit.ts. ARGV: requests, and the period in ms. One that was not asked for a period is full, and forgotten. */
const script = `
local limit, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = limit
if bucket[1] then
  local elapsed = math.max(0, now - tonumber(bucket[2]))
  tokens = math.min(limit, tonumber(bucket[1]) + elapsed * limit / period)
end
local taken = 0
if tokens >= 1 then
  tokens = tokens - 1
  taken = 1
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], period)
return { taken, tostring(tokens) }`;
const scriptDigest = createHash("sha1").update(script).digest("hex");

/** A decision of a store in the same network takes less than one millisecond; a request may wait this long for one that hangs. */
const patienceMs = 250;
/** For the first connection; a server starts without it, too. */
const startMs = 2000;
/** Between two looks whether the store is there again. */
const retryMs = 1000;

export interface StoreLog {
  warn(message: string): void;
  info(message: string): void;
}

export class SharedRateLimits implements RateLimits {
  readonly #client: RedisClientType;
  readonly #log: StoreLog;
  readonly #local = new LocalRateLimits();
  readonly #retrying: NodeJS.Timeout;
  #isShared = false;

  private constructor(client: RedisClientType, log: StoreLog) {
    this.#client = client;
    this.#log = log;
    this.#retrying = setInterval(() => void this.#look(), retryMs).unref();
  }

  /**
   * Of a store that may be away: then the server starts all the same.
   * @throws `invalid_request` for no address of a store, `unavailable` without the package
   */
  static async open(url: string, log: StoreLog): Promise<SharedRateLimits> {
    if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
      throw new OcellusError(
        "invalid_request",
        "redisUrl: expected redis://… or rediss://…, the address of the store",
        {
          details: { param: "redisUrl", expected: "redis://…" },
        },
      );
    const { createClient } = await optionalPackage("@redis/client", "--redis-url", () => import("@redis/client"));
    const socket = { connectTimeout: 2000, reconnectStrategy: () => retryMs };
    const client = createClient({ url, socket, disableOfflineQueue: true }) as RedisClientType;
    client.on("error", () => {}); // it connects again by itself; what happened is said where it changes something
    const limits = new SharedRateLimits(client, log);
    await untilAborted(client.connect(), AbortSignal.timeout(startMs)).catch(() => {}); // it tries on while the store is away
    if (!(await limits.#look())) log.warn(`${withoutPassword(url)} does not answer: ${degraded}`);
    return limits;
  }

  get isShared(): boolean {
    return this.#isShared;
  }

  async take(owner: string, limit: RateLimit): Promise<RateState> {
    const bucket = this.#isShared ? await this.#shared(owner, limit) : undefined;
    if (bucket === undefined) return this.#local.take(owner, limit);
    this.#local.set(owner, limit, bucket.tokens);
    return rateState(bucket, limit);
  }

  /** Undefined when the store does not answer in time: it may have counted the request all the same, which lets through less. */
  async #shared(owner: string, limit: RateLimit) {
    try {
      const [taken, tokens] = await this.#inTime(() =>
        this.#evaluate(`ocellus:rate:${bucketName(owner, limit)}`, limit),
      );
      return { isTaken: Number(taken) === 1, tokens: Number(tokens) };
    } catch (error) {
      if (this.#isShared) this.#log.warn(`the shared rate limits cannot be read (${reasonOf(error)}): ${degraded}`);
      this.#isShared = false;
      return undefined;
    }
  }

  async #evaluate(key: string, { requests, per }: RateLimit): Promise<[unknown, unknown]> {
    const rest = ["1", key, String(requests), String(periodMs[per])];
    try {
      return (await this.#client.sendCommand(["EVALSHA", scriptDigest, ...rest])) as [unknown, unknown];
    } catch (error) {
      if (!reasonOf(error).startsWith("NOSCRIPT")) throw error; // a store that was started again has forgotten it
      return (await this.#client.sendCommand(["EVAL", script, ...rest])) as [unknown, unknown];
    }
  }

  /** Whether the store is there and decides: a replica that only reads answers too, and takes no script that writes. */
  async #look(): Promise<boolean> {
    if (this.#isShared) return true;
    try {
      await this.#inTime(() => this.#evaluate("ocellus:rate:look", { requests: 1, per: "minute" }));
      this.#isShared = true;
      this.#log.info("rate limits are shared");
    } catch {} // at the next look
    return this.#isShared;
  }

  #inTime<T>(ask: () => Promise<T>): Promise<T> {
    return untilAborted(ask(), AbortSignal.timeout(patienceMs));
  }

  close(): void {
    clearInterval(this.#retrying);
    if (this.#client.isOpen) this.#client.destroy();
  }
}

const degraded = "until it does, each server keeps the whole limit by itself";

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
