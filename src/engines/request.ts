/** What an engine is asked, in one spelling for all of them → the JSON that its kind takes; what a kind would ignore is refused. */
import { OcellusError, stringifyJson } from "../core/base/index.js";
import type { ChatOptions, ResponseFormat } from "../core/runtime/index.js";
import { type EngineKind, type EngineTraits, type ExtraField, engineTraits } from "./kinds.js";

export type EnginePart =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "image_url";
      /** Always given; the client makes it null for an engine that has the image by its `uuid`. */
      readonly image_url: { readonly url: string } | null;
      /** What names the image's pixels: sent to engines that take names, and in the header x-ocellus-image. */
      readonly uuid?: string;
    };

export interface EngineMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string | readonly EnginePart[];
  readonly reasoning?: string;
  readonly tool_calls?: readonly EngineToolCall[];
  readonly tool_call_id?: string;
}

export interface EngineToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** The words of `ChatOptions`, as far as an engine elsewhere can be asked for them. */
export type AnswerOptions = Pick<
  ChatOptions,
  | "maxTokens"
  | "sampling"
  | "stop"
  | "stopTokenIds"
  | "tools"
  | "toolConstraint"
  | "responseFormat"
  | "enableThinking"
  | "reasoningEffort"
  | "thinkingBudget"
  | "templateVariables"
  | "continueFinalMessage"
  | "addGenerationPrompt"
>;

export interface EngineRequest extends AnswerOptions {
  readonly messages: readonly EngineMessage[];
  /** In the engine's log, as the header x-request-id. */
  readonly requestId?: string;
}

/** @throws `unsupported` for what this kind of engine would ignore. */
export function bodyOf(kind: EngineKind, model: string, request: EngineRequest): string {
  const traits = engineTraits[kind];
  const { messages, maxTokens, stop, tools, reasoningEffort } = request;
  return stringifyJson({
    model,
    messages: messages.map((message) => wireMessage(message, traits)),
    stream: true,
    stream_options: { include_usage: true },
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...samplingFields(request, kind),
    ...(stop !== undefined && { stop }),
    ...(tools && tools.length > 0 && { tools, ...toolFields(request) }),
    ...formatField(request.responseFormat),
    ...(reasoningEffort !== undefined && { reasoning_effort: reasoningEffort }),
    ...extraFields(request, kind),
  });
}

/** @throws as `bodyOf`, before anything of a request is read */
export function checkFields(kind: EngineKind, options: AnswerOptions): void {
  samplingFields(options, kind);
  extraFields(options, kind);
}

function wireMessage({ reasoning, content, ...message }: EngineMessage, traits: EngineTraits) {
  const parts = typeof content === "string" ? content : content.map((part) => wirePart(part, traits));
  return { ...message, content: parts, ...(reasoning !== undefined && { [traits.reasoning]: reasoning }) };
}

function wirePart(part: EnginePart, { forgotten }: EngineTraits): EnginePart {
  if (part.type === "text" || forgotten) return part;
  const { uuid: _, ...rest } = part;
  return rest;
}

function samplingFields({ sampling = {} }: AnswerOptions, kind: EngineKind) {
  const { top_k, min_p, repetition_penalty, seed, ...rest } = sampling;
  const { seedBits } = engineTraits[kind];
  return {
    ...rest,
    ...(seed !== undefined && { seed: Number(BigInt.asUintN(seedBits, BigInt(seed))) }),
    ...extra(kind, { top_k, min_p, repetition_penalty }),
  };
}

function toolFields({ toolConstraint }: AnswerOptions) {
  if (!toolConstraint) return {};
  const { choice, parallel = true } = toolConstraint;
  const tool_choice = typeof choice === "object" ? { type: "function", function: { name: choice.name } } : choice;
  return { tool_choice, ...(!parallel && { parallel_tool_calls: false }) };
}

function formatField(format: ResponseFormat | undefined) {
  if (!format || format.type === "text") return {};
  if (format.type === "json_object") return { response_format: { type: "json_object" } };
  const { schema, name = "answer" } = format;
  return { response_format: { type: "json_schema", json_schema: { name, schema, strict: true } } };
}

function extraFields(request: AnswerOptions, kind: EngineKind) {
  const { enableThinking, templateVariables } = request;
  const variables = { ...templateVariables, ...(enableThinking !== undefined && { enable_thinking: enableThinking }) };
  return extra(kind, {
    stop_token_ids: request.stopTokenIds?.length ? request.stopTokenIds : undefined,
    chat_template_kwargs: Object.keys(variables).length > 0 ? variables : undefined,
    thinking_token_budget: request.thinkingBudget,
    continue_final_message: request.continueFinalMessage || undefined,
    add_generation_prompt: request.addGenerationPrompt,
  });
}

/** @throws `unsupported` */
function extra(kind: EngineKind, fields: Readonly<Partial<Record<ExtraField, unknown>>>): Record<string, unknown> {
  const names = engineTraits[kind].extra;
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([field, value]) => {
      const name = names[field as ExtraField];
      if (name !== undefined) return [name, value];
      throw new OcellusError(
        "unsupported",
        `${field}: an engine of the kind "${kind}" does not take it; leave it out`,
        {
          details: { param: field, kind },
        },
      );
    }),
  );
}
