/** POST /v1/rerank: documents by how well they fit a query, judged one by one by a model that was trained to. */
import { randomUUID } from "node:crypto";
import {
  harmlessRerankFields,
  type RerankAnswer,
  type RerankSide,
  rerankAnswerSchema,
  rerankRequestSchema,
  wireGuardReports,
} from "../../protocol/index.js";
import { imageResolver, type ResolveImage } from "../images.js";
import { embedderInput } from "../input-parts.js";
import type { App } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { Services } from "../services.js";

export function addRerank(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/rerank",
      summary: "Documents by how well they fit a query, texts and images (needs a reranker).",
      request: rerankRequestSchema,
      answer: rerankAnswerSchema,
      harmless: harmlessRerankFields,
    },
    async (c, request) => {
      const context = c.get("context");
      const { documents, top_n = documents.length, return_documents: isEchoed = true, instruction } = request;
      const served = await services.models.reranking(request.model, context);
      const resolve = imageResolver(context);
      const [query, ...sides] = await Promise.all([request.query, ...documents].map((side) => sideOf(side, resolve)));
      const permit = await served.gate.enter(context.caller);
      try {
        const options = { signal: context.signal, ...(instruction !== undefined && { instruction }) };
        const { scores, numTokens } = await served.model.score(query!, sides, options);
        const images = [query!, ...sides].filter(({ image }) => image !== undefined).length;
        Object.assign(context.stats, { model: served.id, promptTokens: numTokens, images });
        const ranked = scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score);
        return c.json({
          id: `rerank-${randomUUID()}`,
          object: "list",
          model: served.id,
          results: ranked.slice(0, top_n).map(({ index, score }) => ({
            ...{ index, relevance_score: score },
            ...(isEchoed && sides[index]!.text !== undefined && { document: { text: sides[index]!.text } }),
          })),
          usage: { prompt_tokens: numTokens, total_tokens: numTokens },
          ocellus: { guards: wireGuardReports(context.guardReports) },
        } satisfies RerankAnswer);
      } finally {
        permit.release();
      }
    },
  );
}

async function sideOf(side: RerankSide, resolve: ResolveImage) {
  if (typeof side === "string") return { text: side };
  if ("content" in side) return embedderInput(side.content, resolve);
  const { text, image } = side;
  return { ...(text !== undefined && { text }), ...(image !== undefined && { image: await resolve(image) }) };
}
