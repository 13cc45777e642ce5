/** /v1/batches: create, list, read, cancel. A batch belongs to the key that made it, and asks on its behalf. */
import { batchListQuerySchema, batchListSchema, batchRequestSchema, batchSchema } from "../../protocol/index.js";
import { Batches } from "../batches.js";
import { queryNumber } from "../query.js";
import type { App } from "../request-context.js";
import { addJsonRoute, addRoute } from "../route.js";
import type { Services } from "../services.js";

/** As OpenAI's. */
const [defaultLimit, maxLimit] = [20, 100];

export function addBatches(app: App, { files, config, lifecycle }: Services): void {
  const batches = new Batches({
    files,
    ask: async (request, batch) => app.fetch(request, { batch }),
    // What pinned files leave to the others, and what is quickly copied and hashed.
    maxOutputBytes: Math.min(config.maxFilesBytes / 2, 2 ** 30),
    ending: lifecycle.draining,
  });
  addJsonRoute(
    app,
    {
      path: "/v1/batches",
      summary: "Answer a file of requests when there is room.",
      request: batchRequestSchema,
      answer: batchSchema,
    },
    (c, { endpoint, input_file_id, metadata = null }) => {
      const { owner, maxConcurrent } = c.get("context").caller;
      return c.json(batches.create({ owner, maxConcurrent }, { endpoint, input_file_id, metadata }));
    },
  );
  addRoute(
    app,
    {
      method: "get",
      path: "/v1/batches",
      summary: "Your batches, newest first.",
      query: batchListQuerySchema,
      answer: batchListSchema,
    },
    (c) => {
      const after = c.req.query("after");
      const limit = queryNumber(c, "limit", defaultLimit, 1, maxLimit);
      const all = batches.list(c.get("context").caller.owner);
      const rest = after === undefined ? all : all.slice(all.findIndex(({ id }) => id === after) + 1);
      const data = rest.slice(0, limit);
      const [first_id, last_id] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
      return c.json({ object: "list", data, first_id, last_id, has_more: data.length < rest.length });
    },
  );
  addRoute(app, { method: "get", path: "/v1/batches/:id", summary: "One of them.", answer: batchSchema }, (c) =>
    c.json(batches.get(c.get("context").caller.owner, c.req.param("id"))),
  );
  addRoute(app, { method: "post", path: "/v1/batches/:id/cancel", summary: "End it.", answer: batchSchema }, (c) =>
    c.json(batches.cancel(c.get("context").caller.owner, c.req.param("id"))),
  );
}
