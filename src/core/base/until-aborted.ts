/** A caller that leaves before the work is done, which continues for others or cannot be stopped. */
import { aborted } from "./error.js";

/** As `promise`, unless the signal fires first. @throws `aborted`. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let onAbort = () => {};
  const left = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted(signal));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return Promise.race([promise, left]).finally(() => signal.removeEventListener("abort", onAbort));
}
