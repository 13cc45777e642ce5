/** Options of an answer, from the wire's words to the runtime's. What is not given stays away: the checkpoint has defaults. */
import { OcellusError } from "../core/base/index.js";
import type { ChatOptions, ModelInfo, SamplingOptions } from "../core/runtime/portable.js";
import { type ChatRequest, type FunctionTool, type ResponseFormat, refusal } from "../protocol/index.js";

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

/** Own wishes, by the names of the runtime's errors. */
export const ownNames = {
  fields: "ocellus.fields",
  boxes: "ocellus.boxes",
  cite_fields: "ocellus.cite_fields",
  zoom: "ocellus.zoom",
} as const;

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
export function chatOptions(request: ChatRequest, info: ModelInfo): ChatOptions {
  const tools = usableTools(request, info);
  const { max_completion_tokens, min_pixels, max_pixels, response_format, ocellus } = request;
  return {
    ...samplingOptions(request),
    ...templateOptions(request),
    ...(max_completion_tokens !== undefined && { maxTokens: max_completion_tokens }),
    ...(min_pixels !== undefined && { minPixels: min_pixels }),
    ...(max_pixels !== undefined && { maxPixels: max_pixels }),
    ...(ocellus?.image_tokens !== undefined && { imageTokens: ocellus.image_tokens }),
    ...(ocellus?.reuse && { reuse: ocellus.reuse }),
    ...(ocellus?.fields && { fields: true }),
    ...(ocellus?.boxes && { boxes: true }),
    ...(ocellus?.cite_fields && { citeFields: true }),
    ...(ocellus?.zoom && { zoom: zoomOf(ocellus.zoom) }),
    ...(response_format && { responseFormat: responseFormat(response_format) }),
    ...(tools.length > 0 && { tools, toolConstraint: toolConstraint(tools, request) }),
  };
}

function zoomOf(zoom: NonNullable<NonNullable<ChatRequest["ocellus"]>["zoom"]>): NonNullable<ChatOptions["zoom"]> {
  if (typeof zoom === "boolean") return zoom;
  const { threshold, max_questions } = zoom;
  return {
    ...(threshold !== undefined && { threshold }),
    ...(max_questions !== undefined && { maxQuestions: max_questions }),
  };
}

function templateOptions(request: ChatRequest): ChatOptions {
  const { chat_template_kwargs: kwargs, thinking_token_budget, reasoning_effort } = request;
  const { continue_final_message, add_generation_prompt } = request;
  const { enable_thinking, ...variables } = kwargs ?? {};
  if (enable_thinking !== undefined && typeof enable_thinking !== "boolean")
    throw refusal("chat_template_kwargs.enable_thinking", "enable_thinking: expected true or false");
  return {
    ...(enable_thinking !== undefined && { enableThinking: enable_thinking }),
    ...(Object.keys(variables).length > 0 && { templateVariables: variables }),
    ...(thinking_token_budget !== undefined && { thinkingBudget: thinking_token_budget }),
    ...(reasoning_effort !== undefined && { reasoningEffort: reasoning_effort }),
    ...(continue_final_message !== undefined && { continueFinalMessage: continue_final_message }),
    ...(add_generation_prompt !== undefined && { addGenerationPrompt: add_generation_prompt }),
  };
}

function responseFormat(format: ResponseFormat): NonNullable<ChatOptions["responseFormat"]> {
  if (format.type !== "json_schema") return format;
  const { name, schema } = format.json_schema;
  return { type: "json_schema", name, schema };
}

function toolConstraint(
  tools: readonly FunctionTool[],
  { tool_choice: choice, parallel_tool_calls: parallel = true }: ChatRequest,
): NonNullable<ChatOptions["toolConstraint"]> {
  return {
    tools: tools.map((tool) => tool.function),
    choice: typeof choice === "object" ? choice.function : choice === "required" ? "required" : "auto",
    parallel,
  };
}

function usableTools({ tools = [], tool_choice = "auto" }: ChatRequest, info: ModelInfo): FunctionTool[] {
  if (tools.length === 0 && tool_choice !== "auto" && tool_choice !== "none")
    throw refusal("tool_choice", "tool_choice: expected tools to choose from");
  if (tools.length === 0 || tool_choice === "none") return [];
  if (!info.readsTools)
    throw new OcellusError(
      "unsupported",
      "tools: the chat template of this model knows no tools; it would never see them",
      { details: { param: "tools" } },
    );
  return tools;
}
