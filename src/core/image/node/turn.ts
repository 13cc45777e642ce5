/**
 * Whose pictures are decoded, for the threads deep below a request: kept beside the calls, so that no way from a route to a
 * picture can forget to hand it on. Outside of any request all pictures are of one line.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Turn } from "../../base/index.js";

const current = new AsyncLocalStorage<Turn>();

/** Runs `body`; its pictures take their turns as those of `turn`. */
export function inTurnOf<T>(turn: Turn, body: () => T): T {
  return current.run(turn, body);
}

export function currentTurn(): Turn | undefined {
  return current.getStore();
}
