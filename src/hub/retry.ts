/** Trying again: which failures are worth it, how long to wait between, and when to give up. */
import { setTimeout as sleep } from "node:timers/promises";
import { type OcellusError, throwIfAborted } from "../core/base/index.js";

/** With the pauses of 0.5 to 8 seconds it rides out a restart of the server, and a person still waits for it. */
const maxRetries = 5;
/** A server may ask for any time at all; over a minute, the user decides. */
const maxRetryAfterMs = 60_000;

/** A failure that may be gone in a moment. Never leaves `withRetries`, which throws the `failure` instead. */
export class Retryable extends Error {
  constructor(
    readonly failure: OcellusError,
    readonly afterMs = 0,
  ) {
    super(failure.message);
  }
}

export interface RetryOptions {
  readonly delayMs: number;
  readonly signal?: AbortSignal | undefined;
  /** True when the last attempt has brought so much that counting should start again. */
  readonly hasProgressed?: () => boolean;
}

/** @throws what `attempt` throws, and the last failure when the retries are used up. */
export async function withRetries<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    throwIfAborted(options.signal);
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(options.signal);
      if (!(error instanceof Retryable)) throw error;
      if (options.hasProgressed?.()) retries = 0;
      if (retries === maxRetries || error.afterMs > maxRetryAfterMs) throw error.failure;
      await pause(Math.max(error.afterMs, options.delayMs * 2 ** retries * (0.5 + Math.random())), options.signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal && { signal }).catch(() => throwIfAborted(signal));
}
