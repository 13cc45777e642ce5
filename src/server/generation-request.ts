/** A chat request → a question for a model: options settled, pictures at hand. Chat completions and responses both ask so. */
import type { ChatRequest } from "../protocol/index.js";
import { chatOptions } from "../wire/index.js";
import { readConversation } from "./conversation.js";
import { imageResolver, videoResolver } from "./images.js";
import { withPages } from "./pages.js";
import type { RequestContext } from "./request-context.js";
import type { GenerationRequest } from "./request-events.js";

export async function readGenerationRequest(request: ChatRequest, context: RequestContext): Promise<GenerationRequest> {
  context.caller.user = request.user;
  const served = await context.services.models.answering(request.model, context);
  const { info } = served.model;
  const options = chatOptions(request, info);
  const { input } = context;
  for (const name of ["reasoning_effort", "thinking_token_budget"] as const)
    if (request[name] !== undefined && !info.thinking) input.ignored.push(input.names?.[name] ?? name);
  const { files } = context.services;
  const isVideo = (id: string) => files.get(context.caller.owner, id).mediaType.startsWith("video/");
  const resolve = { image: imageResolver(context), video: videoResolver(context), isVideo };
  const conversation = await readConversation(request.messages, resolve);
  const { messages, citations } = await withPages(request, conversation, served, context);
  return { served, prompt: { messages }, options, numChoices: request.n ?? 1, citations };
}

/** A model writes no more calls than its answer has room for; 0: it was given no tools. */
export function maxCalls({ tools = [], tool_choice, parallel_tool_calls = true }: ChatRequest): number {
  if (tools.length === 0 || tool_choice === "none") return 0;
  return parallel_tool_calls ? Number.POSITIVE_INFINITY : 1;
}
