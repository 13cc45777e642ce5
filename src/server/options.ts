/** Options of an answer, from the wire's words to the runtime's. What is not given stays away: the checkpoint has defaults. */
import { OcellusError } from "../base/index.js";
import type { ChatRequest, FunctionTool } from "../protocol/index.js";
import type { ChatOptions, SamplingOptions } from "../runtime/index.js";
import type { ChatModel } from "./models.js";

const samplingNames = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "repetition_penalty",
  "presence_penalty",
  "frequency_penalty",
  "seed",
  "logit_bias",
  "logprobs",
  "top_logprobs",
] as const satisfies readonly (keyof SamplingOptions)[];

/** What every route that generates text takes. */
type WireOptions = Pick<ChatRequest, (typeof samplingNames)[number] | "stop" | "max_tokens">;

export function samplingOptions(request: WireOptions): ChatOptions {
  const { stop, max_tokens } = request;
  return {
    sampling: Object.fromEntries(
      samplingNames.flatMap((name) => (request[name] === undefined ? [] : [[name, request[name]]])),
    ),
    ...(stop !== undefined && { stop: typeof stop === "string" ? [stop] : stop }),
    ...(max_tokens !== undefined && { maxTokens: max_tokens }),
  };
}

/** @throws `unsupported` where the model would silently do something else than asked. */
export function chatOptions(request: ChatRequest, info: ChatModel["info"]): ChatOptions {
  const tools = usableTools(request, info);
  const { max_completion_tokens, min_pixels, max_pixels } = request;
  return {
    ...samplingOptions(request),
    ...(max_completion_tokens !== undefined && { maxTokens: max_completion_tokens }),
    ...(min_pixels !== undefined && { minPixels: min_pixels }),
    ...(max_pixels !== undefined && { maxPixels: max_pixels }),
    ...(tools.length > 0 && { tools }),
  };
}

function usableTools({ tools = [], tool_choice = "auto" }: ChatRequest, info: ChatModel["info"]): FunctionTool[] {
  if (tools.length === 0 || tool_choice === "none") return [];
  if (!info.readsTools)
    throw unsupported("tools", "the chat template of this model knows no tools; it would never see them");
  if (tool_choice !== "auto")
    throw unsupported("tool_choice", 'expected "auto" or "none": a call cannot be forced on this model yet');
  return tools;
}

function unsupported(param: string, problem: string): OcellusError {
  return new OcellusError("unsupported", `${param}: ${problem}`, { details: { param } });
}
