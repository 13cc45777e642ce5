/** A chat request → a question for a model: options settled, pictures at hand. Chat completions and responses both ask so. */
import { OcellusError } from "../core/base/index.js";
import type { ChatRequest } from "../protocol/index.js";
import type { Question } from "./answers.js";
import { readConversation } from "./conversation.js";
import { chatOptions } from "./options.js";
import { withPages } from "./pages.js";
import { imageResolver } from "./pictures.js";
import type { RequestContext } from "./request-context.js";
import type { Services } from "./services.js";

export async function readQuestion(
  request: ChatRequest,
  services: Services,
  exchange: RequestContext,
): Promise<Question> {
  exchange.caller.user = request.user;
  const served = await services.models.answering(request.model, exchange);
  const options = chatOptions(request, served.model.info);
  const conversation = await readConversation(request.messages, imageResolver(services, exchange));
  const { messages, citations } = await withPages(request, conversation, served, services, exchange);
  const mirrored = services.versions?.shadows?.pick(exchange, { messages }, options);
  exchange.mirrored = mirrored;
  const prepare: Question["prepare"] = async (settled) => {
    const numBytes = await served.model.pixelBytes(messages, settled);
    checkPixelBytes(numBytes, services.config.maxPixelBytes);
    const asked = performance.now();
    const work = () => {
      exchange.facts.queueMs = (exchange.facts.queueMs ?? 0) + performance.now() - asked;
      return served.model.prepare(messages, settled);
    };
    return numBytes === 0 ? work() : services.pixels.run(work, exchange.signal, numBytes, exchange.turn); // words wait for no pictures
  };
  return { served, options: mirrored?.options ?? options, numChoices: request.n ?? 1, prepare, citations, mirrored };
}

function checkPixelBytes(numBytes: number, maxPixelBytes: number): void {
  if (numBytes <= maxPixelBytes) return;
  throw new OcellusError(
    "too_large",
    `the pictures take ${numBytes} bytes when they are fitted for this model, at most ${maxPixelBytes} are there for ` +
      "them; send fewer or smaller ones, or a smaller max_pixels (of the server: --max-pixel-bytes)",
    { details: { numBytes, maxPixelBytes } },
  );
}

/** A model writes no more calls than its answer has room for; 0: it was given no tools. */
export function maxCalls({ tools = [], tool_choice, parallel_tool_calls = true }: ChatRequest): number {
  if (tools.length === 0 || tool_choice === "none") return 0;
  return parallel_tool_calls ? Number.POSITIVE_INFINITY : 1;
}
