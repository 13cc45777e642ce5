/** POST /v1/ocellus/match: does a text belong to a picture? */

import { OcellusError } from "../../core/base/index.js";
import { matchRequestSchema, matchSchema, type WireMatch, wireGuardReports } from "../../protocol/index.js";
import { type Match, matchByAnswer, matchByCosine } from "../../retrieval/index.js";
import { imageResolver, urlOf } from "../images.js";
import type { App } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { Services } from "../services.js";

export function addMatch(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/match",
      summary: "Does a text belong to an image? A score, a verdict and a reason.",
      request: matchRequestSchema,
      answer: matchSchema,
    },
    async (c, request) => {
      const { model: id, image_url, text, threshold } = request;
      const context = c.get("context");
      const served = await services.models.any(id, context);
      if (served.kind === "reranker")
        throw new OcellusError("unsupported", `the model ${served.id} judges documents; ask it at /v1/rerank`, {
          details: { param: "model" },
        });
      const image = await imageResolver(context)(urlOf(image_url));
      const permit = await served.gate.enter(context.caller);
      Object.assign(context.stats, { model: served.id, images: 1, queueMs: permit.queueMs });
      const options = { signal: context.signal, ...(threshold !== undefined && { threshold }) };
      try {
        const { notes, ...found }: Match =
          served.kind === "chat"
            ? await matchByAnswer(served.model, image, text, options)
            : await matchByCosine(served.model, image, text, options);
        const ocellus = { guards: wireGuardReports(context.guardReports), ...(notes && { notes: [...notes] }) };
        return c.json({ object: "ocellus.match", model: served.id, ...found, ocellus } satisfies WireMatch);
      } finally {
        permit.release();
      }
    },
  );
}
