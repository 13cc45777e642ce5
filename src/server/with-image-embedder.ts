/** A model's eye for one request: through its gate, so that vectors wait their turn as answers do. */

import type { ServedImageEmbedder } from "./model-catalog.js";
import type { RequestContext } from "./request-context.js";

/** @throws `overloaded`, `aborted`, as `work`. */
export async function withImageEmbedder<T>(
  imageEmbedder: ServedImageEmbedder,
  context: RequestContext,
  work: (imageEmbedder: ServedImageEmbedder) => Promise<T>,
): Promise<T> {
  const permit = await imageEmbedder.served.gate.enter(context.caller);
  context.stats.model = imageEmbedder.served.id;
  context.stats.queueMs = (context.stats.queueMs ?? 0) + permit.queueMs;
  try {
    return await work(imageEmbedder);
  } finally {
    permit.release();
  }
}
