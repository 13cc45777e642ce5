/** The server that answers the requests of a batch in this process, without a port: the same routes, checks and words. */
import type { Command } from "commander";
import { type JsonLimits, OcellusError, parseJson, stringifyJson } from "../../../core/base/index.js";
import type { VisionLanguageModel } from "../../../core/runtime/index.js";
import type { Guards } from "../../../guardrails/index.js";
import { resolveModel } from "../../../hub/index.js";
import { type BatchAnswer, type BatchLine, batchAnswer } from "../../../protocol/index.js";
import { createServer, ModelPool, type Server } from "../../../server/index.js";
import { addModelOptions, integerBetween, type ModelFlags, weightsOption } from "../../options.js";
import { versionOf } from "../../package-files.js";
import { errorMessage } from "../../ui/report-error.js";
import type { Terminal } from "../../ui/terminal.js";
import { openEmbedder } from "../models/open-embedder.js";
import { withBareModel, withGuards } from "../models/open-model.js";
import { parseModel } from "../serve/serve.js";
import { maxLineBytes, withImages } from "./batch-input.js";

export interface AnsweringFlags extends ModelFlags {
  readonly concurrency: number;
  readonly embeddingModel?: string;
  readonly allowImageUrls?: boolean;
  readonly collections?: string;
}

/** A request of a batch may wait for its turn as long as it likes; a timer can be told no more than 24 days. */
const deadlineMs = 24 * 3600 * 1000;

export function addAnsweringOptions(command: Command): Command {
  return addModelOptions(command)
    .option("--concurrency <count>", "number of requests at once", integerBetween(1, 1024), 16)
    .option("--embedding-model <folder>", "checkpoint for /v1/embeddings: CLIP, SigLIP, Qwen3-VL-Embedding")
    .option("--collections <folder>", "folder of the image collections that requests may search (see `ocellus index`)")
    .option("--allow-image-urls", "fetch images by http(s) URL, from public hosts only")
    .addOption(weightsOption());
}

export async function withServer(
  flags: AnsweringFlags,
  terminal: Terminal,
  body: (server: Server) => Promise<void>,
): Promise<void> {
  const { concurrency, allowImageUrls = false, collections } = flags;
  const unbounded = Number.MAX_SAFE_INTEGER; // as many lines as are in work at once, each within its own bound
  const config = {
    ...{ drainMs: 1, deadlineMs, allowImageUrls, collections, collectionsReadOnly: true, maxQueue: unbounded },
    ...{ maxBodyBytes: 2 * maxLineBytes, maxBodiesBytes: unbounded },
  };
  const { name, folder } = parseModel(flags.model);
  const extra = { maxSequences: concurrency };
  const serve = async (model: VisionLanguageModel, guards: Guards) => {
    const models = new ModelPool({ [name]: model });
    const clip = flags.embeddingModel === undefined ? undefined : parseModel(flags.embeddingModel);
    const embedder = clip && (await openEmbedder(await resolveModel(clip.folder), {}));
    if (clip && embedder) models.add(clip.name, embedder);
    const server = createServer({ models, config, version: versionOf(), guards });
    try {
      await body(server);
    } finally {
      await server.close();
      await embedder?.close();
    }
  };
  await withGuards(flags, (guards) =>
    withBareModel({ ...flags, model: folder }, terminal, (model) => serve(model, guards), extra),
  );
}

/** @param read what of an image that is given by a path */
export async function askServer(
  server: Server,
  { custom_id, method, url, body }: BatchLine,
  read: (path: string) => Promise<string>,
  signal: AbortSignal,
): Promise<BatchAnswer> {
  let sent: string;
  try {
    sent = stringifyJson(await withImages(body, read));
  } catch (error) {
    return imageFailure(custom_id, error);
  }
  const headers = { "content-type": "application/json" };
  const response = await server.fetch(url, { method, headers, body: sent, signal });
  return batchAnswer(
    custom_id,
    response.status,
    response.headers.get("x-request-id") ?? "",
    parseJson(await response.text(), answerLimits),
  );
}

/** The line of a request whose image cannot be read. */
export function imageFailure(custom_id: string, error: unknown): BatchAnswer {
  const { code, message } = error instanceof OcellusError ? error : { code: "internal", message: errorMessage(error) };
  return batchAnswer(custom_id, 400, "", {
    error: { message, type: "invalid_request_error", param: "image_url", code },
  });
}

/** Our own answers: log-probabilities of 20 tokens beside each of 32,768, or 2048 vectors of 4096 numbers. */
const answerLimits: JsonLimits = { maxDepth: 128, maxValues: 2 ** 24, maxKeys: 2 ** 22 };
