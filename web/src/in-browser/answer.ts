/** An answer, and where it looked, from a model in this browser: as the server would stream them. */
import type { AttentionRequest, ChatChunk, ChatRequest, WireAttention } from "../../../src/protocol/index.js";
import { ApiError } from "../api.js";
import { type BrowserModel, wireAttention } from "../browser-model.js";
import { newId } from "../conversation.js";
import { host } from "./host.js";
import type { Here } from "./names.js";
import { problemHere } from "./problem.js";
import { chunksOf, questionOf } from "./request.js";

/** Opens the model first, where it is not open. @throws ApiError */
export async function* answerHere(
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatChunk & { readonly here: Here }> {
  const model = await opened(request.model!, signal);
  const { device = "cpu", maxLength } = model.info;
  const here = { device, threads: model.threads, maxLength };
  try {
    const { messages, options } = questionOf(request, model.info);
    const events = model.chat(messages, { ...options, signal });
    for await (const chunk of chunksOf(events, request, model, newId())) yield { ...chunk, here };
  } catch (error) {
    throw signal.aborted ? error : failed(error);
  }
}

/** @throws ApiError */
export async function attentionHere(request: AttentionRequest, signal: AbortSignal): Promise<WireAttention> {
  const { layer, ...asked } = request;
  const model = await opened(request.model!, signal);
  const answer = request.messages.at(-1)!.content as string;
  try {
    const { messages, options } = questionOf({ ...asked, messages: request.messages.slice(0, -1) }, model.info);
    const looked = await model.answerAttention(messages, answer, { ...options, signal, layer });
    const name = request.model!;
    return { object: "ocellus.attention", model: name, ...wireAttention(looked), ocellus: { guards: [] } };
  } catch (error) {
    throw failed(error);
  }
}

/** Who stops the answer does not stop the download. */
async function opened(id: string, signal: AbortSignal): Promise<BrowserModel> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([host.open(id), stopped]).catch((error: unknown) => {
    throw signal.aborted ? error : failed(error);
  });
}

function failed(error: unknown): ApiError {
  const { message, code = null, param = null } = problemHere(error);
  return new ApiError(message, 0, code, null, param);
}
