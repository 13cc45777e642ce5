/** POST /v1/responses, its core: items in, items out, as events when streamed. Nothing is stored between requests. */
import { z } from "zod";
import {
  type ChatRequest,
  type FunctionTool,
  functionToolFields,
  reasoningEffortSchema,
  templateFields,
  type WireMessage,
  type WirePart,
} from "./chat.js";
import { refusal } from "./parse.js";
import { answerStatsSchema, imageDetailSchema, ownQuestionSchema, samplingFields } from "./shared.js";

const inputText = z.object({ type: z.literal("input_text"), text: z.string() });
const outputText = z.object({ type: z.literal("output_text"), text: z.string() });
const inputImage = z.object({
  type: z.literal("input_image"),
  image_url: z.string().nullish(),
  file_id: z.string().nullish(),
  detail: imageDetailSchema.optional(),
});
type InputPart = z.infer<typeof inputText> | z.infer<typeof outputText> | z.infer<typeof inputImage>;

const messageItem = z.object({
  type: z.literal("message").optional(),
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: z.union([
    z.string(),
    z.array(z.discriminatedUnion("type", [inputText, outputText, inputImage])).max(256), // as a chat message
  ]),
});
const callItem = z.object({
  type: z.literal("function_call"),
  call_id: z.string(),
  name: z.string(),
  arguments: z.string(),
});
const callOutputItem = z.object({
  type: z.literal("function_call_output"),
  call_id: z.string(),
  output: z.union([z.string(), z.array(z.discriminatedUnion("type", [inputText, inputImage])).max(256)]), // as a chat message
});

const reasoningText = z.object({ type: z.literal("reasoning_text"), text: z.string() });
/** Thoughts of an earlier answer, as that gave them. */
const reasoningItem = z.object({
  type: z.literal("reasoning"),
  content: z.array(reasoningText).max(256).optional(), // as a chat message
});

const format = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    name: z.string(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().nullish(),
  }),
]);

/** OpenAPI has no word for undefined; a null counts as not given. */
const notGiven = (reason: string) => z.undefined(reason).optional().meta({ type: "null" });
const notStored = "nothing is stored here; send the whole conversation as input";

export const responseRequestSchema = z
  .object({
    model: z.string().optional(),
    input: z.union([
      z.string(),
      z
        .array(z.union([callItem, callOutputItem, reasoningItem, messageItem]))
        .min(1)
        .max(4096),
    ]),
    instructions: z.string().optional(),
    max_output_tokens: samplingFields.max_tokens,
    temperature: samplingFields.temperature,
    top_p: samplingFields.top_p,
    top_k: samplingFields.top_k,
    min_p: samplingFields.min_p,
    repetition_penalty: samplingFields.repetition_penalty,
    seed: samplingFields.seed,
    reasoning: z.object({ effort: reasoningEffortSchema.optional() }).optional(),
    chat_template_kwargs: templateFields.chat_template_kwargs,
    thinking_token_budget: templateFields.thinking_token_budget,
    top_logprobs: z.number().int().min(0).max(20).optional(),
    stream: z.boolean().optional(),
    tools: z
      .array(z.object({ type: z.literal("function"), ...functionToolFields }))
      .max(128)
      .optional(),
    tool_choice: z
      .union([z.enum(["none", "auto", "required"]), z.object({ type: z.literal("function"), name: z.string() })])
      .optional(),
    parallel_tool_calls: z.boolean().optional(),
    text: z.object({ format: format.optional() }).optional(),
    min_pixels: z.number().int().positive().optional(),
    max_pixels: z.number().int().positive().optional(),
    ocellus: ownQuestionSchema.optional(),
    previous_response_id: notGiven(notStored),
    conversation: notGiven(notStored),
    background: z.literal(false, "expected false; answers are not kept for later").optional(),
    truncation: z.literal("disabled", 'expected "disabled"; nothing is left out silently').optional(),
  })
  .meta({ id: "ResponseRequest" });
export type ResponseRequest = z.infer<typeof responseRequestSchema>;

/** As of chat completions; items that were an answer's bring its ids and states along. */
export const harmlessResponseFields = [
  ...["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_options"],
  ...["prompt_cache_retention", "include", "stream_options", "max_tool_calls", "text.verbosity"],
  ...["input.id", "input.status", "input.phase", "input.content.annotations"],
  ...["input.content.logprobs", "text.format.description", "input.summary", "input.encrypted_content"],
  ...["reasoning.summary", "reasoning.generate_summary", "reasoning.context", "reasoning.mode"],
] as const;

/** The same request in the words of chat completions. @throws `invalid_request`. */
export function asChatRequest(request: ResponseRequest): ChatRequest {
  const { input, instructions, max_output_tokens, tools, tool_choice, text, top_logprobs, ...rest } = request;
  const { previous_response_id: _, conversation: __, background: ___, truncation: ____, reasoning, ...shared } = rest;
  const items = typeof input === "string" ? [{ role: "user" as const, content: input }] : input;
  return {
    ...shared,
    messages: [
      ...(instructions === undefined ? [] : [{ role: "system" as const, content: instructions }]),
      ...joinCalls(items.map(messageOf)).filter(says),
    ],
    ...(reasoning?.effort && { reasoning_effort: reasoning.effort }),
    max_completion_tokens: max_output_tokens,
    ...(top_logprobs !== undefined && { logprobs: true, top_logprobs }),
    tools: tools?.map(({ type, ...described }): FunctionTool => ({ type, function: described })),
    tool_choice:
      typeof tool_choice === "object" ? { type: "function", function: { name: tool_choice.name } } : tool_choice,
    response_format: text?.format && responseFormat(text.format),
  };
}

type Item = Exclude<ResponseRequest["input"], string>[number];

function messageOf(item: Item): WireMessage {
  if (item.type === "function_call") {
    const { call_id: id, name, arguments: json } = item;
    return { role: "assistant", tool_calls: [{ id, type: "function", function: { name, arguments: json } }] };
  }
  if (item.type === "function_call_output") {
    const { call_id: tool_call_id, output } = item;
    return { role: "tool", content: typeof output === "string" ? output : output.map(partOf), tool_call_id };
  }
  if (item.type === "reasoning")
    return { role: "assistant", reasoning_content: (item.content ?? []).map(({ text }) => text).join("") };
  const { role, content } = item;
  if (role === "user") return { role, content: typeof content === "string" ? content : content.map(partOf) };
  return { role, content: typeof content === "string" ? content : content.map(textPartOf) };
}

function partOf(part: InputPart): WirePart {
  if (part.type !== "input_image") return { type: "text", text: part.text };
  const url = part.image_url ?? part.file_id;
  if (typeof url !== "string") throw refusal("input", "input_image: expected image_url or file_id");
  return { type: "image_url", image_url: { url, ...(part.detail && { detail: part.detail }) } };
}

function textPartOf(part: InputPart): { type: "text"; text: string } {
  if (part.type !== "input_image") return { type: "text", text: part.text };
  throw refusal("input", "input_image: expected in messages of the user only");
}

/** Calls that follow each other, or the assistant's words, are one turn; so are thoughts and what follows them. */
function joinCalls(messages: readonly WireMessage[]): WireMessage[] {
  const joined: WireMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (last?.role !== "assistant" || message.role !== "assistant") joined.push(message);
    else if (message.tool_calls)
      joined[joined.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), ...message.tool_calls] };
    else if (says(last)) joined.push(message);
    else joined[joined.length - 1] = { ...message, reasoning_content: last.reasoning_content };
  }
  return joined;
}

/** Thoughts alone are no turn. */
function says(message: WireMessage): boolean {
  if (message.role !== "assistant" || message.reasoning_content === undefined) return true;
  return message.tool_calls !== undefined || message.content !== undefined;
}

function responseFormat(given: z.infer<typeof format>): ChatRequest["response_format"] {
  if (given.type !== "json_schema") return given;
  const { type, ...json_schema } = given;
  return { type, json_schema };
}

const outputTextPart = z.object({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: z.array(z.unknown()).length(0),
  logprobs: z.array(z.unknown()),
});
export type OutputTextPart = z.infer<typeof outputTextPart>;

const status = z.enum(["in_progress", "completed", "incomplete"]);

export const outputItemSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    status,
    summary: z.array(z.unknown()).length(0),
    content: z.array(reasoningText),
  }),
  z.object({
    type: z.literal("message"),
    id: z.string(),
    status,
    role: z.literal("assistant"),
    content: z.array(outputTextPart),
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string(),
    status,
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
]);
export type OutputItem = z.infer<typeof outputItemSchema>;

export const responseSchema = z
  .object({
    id: z.string(),
    object: z.literal("response"),
    created_at: z.number(),
    status,
    error: z.null(),
    incomplete_details: z.object({ reason: z.enum(["max_output_tokens", "content_filter"]) }).nullable(),
    instructions: z.string().nullable(),
    max_output_tokens: z.number().nullable(),
    model: z.string(),
    output: z.array(outputItemSchema),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    store: z.literal(false),
    temperature: z.number().nullable(),
    text: z.object({ format }),
    tool_choice: z.unknown(),
    tools: z.array(z.unknown()),
    top_p: z.number().nullable(),
    truncation: z.literal("disabled"),
    metadata: z.object({}),
    usage: z
      .object({
        input_tokens: z.number(),
        input_tokens_details: z.object({ cached_tokens: z.number() }),
        output_tokens: z.number(),
        output_tokens_details: z.object({ reasoning_tokens: z.number() }),
        total_tokens: z.number(),
      })
      .nullable(),
    ocellus: answerStatsSchema.optional(),
  })
  .meta({ id: "Response" });
export type WireResponse = z.infer<typeof responseSchema>;
