/** POST /v1/embeddings: vectors of texts and images, from whichever kind of embedder the request names. */
import { OcellusError, throwIfAborted } from "../../core/base/index.js";
import {
  type EmbeddingInput,
  type EmbeddingList,
  embeddingListSchema,
  embeddingRequestSchema,
  harmlessEmbeddingFields,
  wireGuardReports,
} from "../../protocol/index.js";
import { imageResolver, type ResolveImage } from "../images.js";
import type { App, RequestContext } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { ServedEmbedder } from "../served.js";
import type { Services } from "../services.js";

export function addEmbeddings(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/embeddings",
      summary: "Directions of texts and images in one space (needs an embedding model).",
      request: embeddingRequestSchema,
      answer: embeddingListSchema,
      harmless: harmlessEmbeddingFields,
    },
    async (c, request) => {
      const { input, encoding_format = "float", dimensions } = request;
      const context = c.get("context");
      const served = await services.models.embedding(request.model, context);
      const resolve = imageResolver(context);
      const permit = await served.gate.enter(context.caller);
      try {
        const inputs = Array.isArray(input) ? input : [input];
        const { vectors, numTokens } = await embedAll(inputs, served, resolve, context);
        checkDimensions(vectors[0]!.length, dimensions);
        return c.json({
          object: "list",
          model: served.id,
          data: vectors.map((vector, index) => ({
            object: "embedding",
            index,
            embedding: encode(vector, encoding_format),
          })),
          usage: { prompt_tokens: numTokens, total_tokens: numTokens },
          ocellus: { guards: wireGuardReports(context.guardReports) },
        } satisfies EmbeddingList);
      } finally {
        permit.release();
      }
    },
  );
}

async function embedAll(
  inputs: readonly EmbeddingInput[],
  { id, model }: ServedEmbedder,
  resolve: ResolveImage,
  { signal, stats }: RequestContext,
): Promise<{ vectors: Float32Array[]; numTokens: number }> {
  const vectors: Float32Array[] = [];
  let numTokens = 0;
  for (const input of inputs) {
    throwIfAborted(signal);
    if (typeof input === "object" && input.type === "image_url") {
      const { image_url } = input;
      const image = await resolve(typeof image_url === "string" ? image_url : image_url.url);
      vectors.push(await model.embedImage(image, { signal }));
      stats.images = (stats.images ?? 0) + 1;
    } else {
      const text = typeof input === "string" ? input : input.text;
      const embedded = await model.embedCounted(text);
      vectors.push(embedded.direction);
      numTokens += embedded.numTokens;
    }
  }
  Object.assign(stats, { model: id, promptTokens: numTokens });
  return { vectors, numTokens };
}

function checkDimensions(found: number, wanted = found): void {
  if (wanted === found) return;
  throw new OcellusError("unsupported", `dimensions: this model gives ${found}, and a part of them means nothing`, {
    details: { param: "dimensions" },
  });
}

function encode(vector: Float32Array, format: "float" | "base64"): number[] | string {
  if (format === "float") return [...vector];
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}
