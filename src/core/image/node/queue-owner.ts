/**
 * Whose pictures are decoded, for the threads deep below a request: kept beside the calls, so that no way from a route to a
 * picture can forget to hand it on. Outside of any request all pictures are of one line.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { QueueOwner } from "../../base/index.js";

const current = new AsyncLocalStorage<QueueOwner>();

/** Runs `body`; its pictures take their turns as those of `turn`. */
export function onBehalfOf<T>(queueOwner: QueueOwner, body: () => T): T {
  return current.run(queueOwner, body);
}

export function currentQueueOwner(): QueueOwner | undefined {
  return current.getStore();
}
