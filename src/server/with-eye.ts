/** A model's eye for one request: through its gate, so that vectors wait their turn as answers do. */

import type { Eye } from "./model-catalog.js";
import type { RequestContext } from "./request-context.js";

/** @throws `overloaded`, `aborted`, as `work`. */
export async function withEye<T>(eye: Eye, exchange: RequestContext, work: (eye: Eye) => Promise<T>): Promise<T> {
  const ticket = await eye.served.gate.enter(exchange.caller);
  exchange.stats.model = eye.served.id;
  exchange.stats.queueMs = (exchange.stats.queueMs ?? 0) + ticket.queueMs;
  try {
    return await work(eye);
  } finally {
    ticket.release();
  }
}
