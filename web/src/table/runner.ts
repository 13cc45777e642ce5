/**
 * Asks about rows, as many at once as the server answers at once. What the server cannot take now (429, 503) is asked again
 * when it said to, and until then nothing else is; a lost server ends the run, and the rows stay to be asked.
 */
import { ApiError } from "../api.js";

export interface RunOptions<T> {
  readonly numAtOnce: number;
  /** @returns the next to ask about; undefined when there is none. */
  readonly next: () => T | undefined;
  /** Gives one back that was not answered. */
  readonly putBack: (item: T) => void;
  /** What it throws other than the server's wish to wait belongs to the row, and does not come here. */
  readonly ask: (item: T, signal: AbortSignal) => Promise<void>;
  /** The server wants so long a pause; 0: it is over. */
  readonly onWait?: (ms: number) => void;
  /** Ends at once: what is being asked is put back. */
  readonly signal: AbortSignal;
  /** Whether no further ones are to be asked. */
  readonly isPaused: () => boolean;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Where the server does not say how long. */
const plainWaitMs = 1000;
/** A server that sends away for longer than this is asked all the same: its clock may be wrong. */
const longestWaitMs = 60_000;
/** In a row, without an answer between: a server that never takes anything is as good as lost. */
const mostWaits = 20;

/** @throws the error that ended it. */
export async function runRows<T>(options: RunOptions<T>): Promise<void> {
  const { numAtOnce, next, putBack, ask, onWait, signal, isPaused, sleep = slept } = options;
  const ending = new AbortController();
  const all = AbortSignal.any([signal, ending.signal]);
  let wait: Promise<void> | undefined;
  let numWaits = 0;
  const waited = async (error: ApiError) => {
    if (++numWaits > mostWaits * numAtOnce) throw error;
    const ms = Math.min(longestWaitMs, error.retryAfterMs ?? plainWaitMs);
    onWait?.(ms);
    wait ??= sleep(ms, all).finally(() => {
      wait = undefined;
      onWait?.(0);
    });
    await wait;
  };
  const work = async () => {
    while (!all.aborted && !isPaused()) {
      await wait;
      if (all.aborted || isPaused()) return;
      const item = next();
      if (item === undefined) return;
      try {
        await ask(item, all);
        numWaits = 0;
      } catch (error) {
        putBack(item);
        if (all.aborted) return;
        if (!isBusy(error)) throw error;
        await waited(error);
      }
    }
  };
  const workers = Array.from({ length: numAtOnce }, () =>
    work().catch((error: unknown) => {
      ending.abort();
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(workers)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

const busyStatuses = [429, 503];

/** Whether the server may take it later. */
function isBusy(error: unknown): error is ApiError {
  return error instanceof ApiError && busyStatuses.includes(error.status);
}

/** Whether it says nothing about the row: without a server, or without a key, every other row fares the same. */
export function isOfServer(error: unknown): boolean {
  return error instanceof ApiError && [0, 401, 403, ...busyStatuses].includes(error.status);
}

function slept(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
