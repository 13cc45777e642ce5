/** Requests over a network that breaks: an end to those that have gone silent, and another attempt after a wait. */
import { OcellusError, throwIfAborted, untilAborted } from "../../base/index.js";
import type { Environment } from "./environment.js";

/** With waits of 0.5, 1, 2 and 4 seconds between them: a change of networks takes a few seconds. */
const maxAttempts = 5;
const firstWaitMs = 500;
/** A connection that is silent for so long is dead: proxies close theirs after 60 s. */
export const silenceMs = 60_000;

/** Tries again what the network broke off. @throws what the last attempt throws; `aborted`. */
export async function withAttempts<T>(
  { sleep }: Environment,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal);
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      if (!isBrokenOff(error) || attempt === maxAttempts) throw error;
      await untilAborted(sleep(firstWaitMs * 2 ** (attempt - 1)), signal);
    }
  }
}

/** The network or the server failed, which may pass; what arrived was not wrong. */
export function isBrokenOff(error: unknown): boolean {
  return error instanceof OcellusError && (error.code === "io" || error.code === "timeout");
}

interface Heard {
  /** Of the request: aborted by `signal`, by silence, and at the end of the work. */
  readonly signal: AbortSignal;
  /** Called whenever something arrived. */
  readonly heard: () => void;
}

/** Ends work that has heard nothing for so long. @throws `timeout` then. */
export async function whileHeard<T>(
  {
    name,
    signal,
    waitMs,
  }: { readonly name: string; readonly signal: AbortSignal | undefined; readonly waitMs: number },
  work: (request: Heard) => Promise<T>,
): Promise<T> {
  const request = new AbortController();
  const end = () => request.abort();
  let isSilent = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isSilent = true;
      end();
    }, waitMs);
  };
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted) end();
  heard();
  try {
    return await work({ signal: request.signal, heard });
  } catch (error) {
    throw isSilent ? silent(name, waitMs) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    end(); // what has not been read of the answer is not wanted
  }
}

function silent(name: string, waitMs: number): OcellusError {
  return new OcellusError("timeout", `${name}: the server sent nothing for ${waitMs / 1000} s`, {
    details: { file: name },
  });
}
