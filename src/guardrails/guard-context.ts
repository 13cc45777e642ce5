/**
 * Who asks, for the guards deep below the routes: kept beside the calls, so that a route cannot forget to hand it on. What
 * is asked outside of any is asked by no one in particular, and is guarded all the same.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Requester } from "./policy.js";
import type { GuardReport } from "./verdict.js";

/** One request, or one command. */
export interface Asked extends Requester {
  /** Of the request; for the audit log. */
  readonly request: string;
  /** What its guards have said so far; the response tells it. */
  readonly reports: GuardReport[];
}

const current = new AsyncLocalStorage<Asked>();

/** Runs `body`; whatever it asks of a guarded model is asked by `asked`. */
export function asking<T>(asked: Asked, body: () => T): T {
  return current.run(asked, body);
}

export function whoAsks(): Asked {
  return current.getStore() ?? { key: "nobody", route: "none", request: "none", reports: [] };
}
