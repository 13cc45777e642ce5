/** A chat request → a question for a model: options settled, pictures at hand. Chat completions and responses both ask so. */
import type { ChatRequest } from "../protocol/index.js";
import type { Question } from "./answers.js";
import { readConversation } from "./conversation.js";
import type { Exchange } from "./exchange.js";
import { chatOptions } from "./options.js";
import { pictureResolver } from "./pictures.js";
import type { Services } from "./services.js";

export async function readQuestion(request: ChatRequest, services: Services, exchange: Exchange): Promise<Question> {
  const served = services.models.find(request.model, exchange, request.user);
  const options = chatOptions(request, served.model.info);
  const messages = await readConversation(request.messages, pictureResolver(services, exchange));
  const prepare: Question["prepare"] = (settled) => served.model.prepare(messages, settled);
  return { served, options, numChoices: request.n ?? 1, prepare };
}

/** A model writes no more calls than its answer has room for; 0: it was given no tools. */
export function maxCalls({ tools = [], tool_choice, parallel_tool_calls = true }: ChatRequest): number {
  if (tools.length === 0 || tool_choice === "none") return 0;
  return parallel_tool_calls ? Number.POSITIVE_INFINITY : 1;
}
