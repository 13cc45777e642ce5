/** POST /v1/ocellus/match: does a text belong to a picture? */

import { matchRequestSchema, matchSchema, type WireMatch, wireGuardReports } from "../../protocol/index.js";
import { type Match, matchByAnswer, matchByCosine } from "../../retrieval/index.js";
import { imageResolver, urlOf } from "../pictures.js";
import type { App } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { Services } from "../services.js";

export function addMatch(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/match",
      summary: "Does a text belong to a picture? A score, a verdict and a reason.",
      request: matchRequestSchema,
      answer: matchSchema,
    },
    async (c, request) => {
      const { model: id, image_url, text, threshold } = request;
      const exchange = c.get("exchange");
      const served = await services.models.any(id, exchange);
      const picture = await imageResolver(exchange)(urlOf(image_url));
      const ticket = await served.gate.enter(exchange.caller);
      Object.assign(exchange.stats, { model: served.id, pictures: 1, queueMs: ticket.queueMs });
      const options = { signal: exchange.signal, ...(threshold !== undefined && { threshold }) };
      try {
        const found: Match =
          served.kind === "chat"
            ? await matchByAnswer(served.model, picture, text, options)
            : await matchByCosine(served.model, picture, text, options);
        const ocellus = { guards: wireGuardReports(exchange.guardReports) };
        return c.json({ object: "ocellus.match", model: served.id, ...found, ocellus } satisfies WireMatch);
      } finally {
        ticket.release();
      }
    },
  );
}
