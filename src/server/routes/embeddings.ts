/** POST /v1/embeddings: vectors of texts and images, from whichever kind of embedder the request names. */
import { OcellusError, throwIfAborted } from "../../core/base/index.js";
import {
  type EmbeddingInput,
  type EmbeddingList,
  type EmbeddingRequest,
  embeddingListSchema,
  embeddingRequestSchema,
  harmlessEmbeddingFields,
  refusal,
  wireGuardReports,
} from "../../protocol/index.js";
import { imageResolver, type ResolveImage } from "../images.js";
import { embedderInput } from "../input-parts.js";
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
      const { encoding_format = "float", dimensions } = request;
      const inputs = inputsOf(request);
      const context = c.get("context");
      const served = await services.models.embedding(request.model, context);
      const resolve = imageResolver(context);
      const permit = await served.gate.enter(context.caller);
      try {
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

/** An input, and what its vector is for. */
type AskedInput = { readonly input: EmbeddingInput; readonly instruction?: string };

/** @throws `invalid_request` unless the request says in one way what is to be embedded. */
function inputsOf({ input, messages }: EmbeddingRequest): AskedInput[] {
  if ((input === undefined) === (messages === undefined))
    throw refusal("input", "input: expected input or messages, and not both");
  if (input !== undefined) return (Array.isArray(input) ? input : [input]).map((each) => ({ input: each }));
  const [system] = messages!.flatMap(({ role, content }) => (role === "system" ? [content] : []));
  const said = messages!.flatMap((message) => (message.role === "user" ? [message.content] : []));
  if (said.length !== 1) throw refusal("messages", `messages: expected one of the user, found ${said.length}`);
  return [{ input: { content: said[0]! }, ...(system !== undefined && { instruction: system }) }];
}

async function embedAll(
  inputs: readonly AskedInput[],
  { id, model }: ServedEmbedder,
  resolve: ResolveImage,
  { signal, stats }: RequestContext,
): Promise<{ vectors: Float32Array[]; numTokens: number }> {
  const vectors: Float32Array[] = [];
  let numTokens = 0;
  for (const { input, instruction } of inputs) {
    throwIfAborted(signal);
    const content = typeof input === "string" ? input : "content" in input ? input.content : [input];
    const { text, image } = await embedderInput(content, resolve);
    if (image) stats.images = (stats.images ?? 0) + 1;
    if (image && text === undefined && instruction === undefined) {
      vectors.push(await model.embedImage(image, { signal }));
      continue;
    }
    const isText = text !== undefined && !image && instruction === undefined;
    const parts = { ...(text !== undefined && { text }), ...(image && { image }) };
    const embedded = isText
      ? await model.embedCounted(text)
      : await model.embed({ ...parts, ...(instruction !== undefined && { instruction }) }, { signal });
    vectors.push(embedded.direction);
    numTokens += embedded.numTokens;
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
