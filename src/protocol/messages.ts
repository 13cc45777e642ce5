/**
 * POST /v1/messages as Anthropic documents it (the types of @anthropic-ai/sdk 1.14): the same question in other words, which
 * become those of chat completions. What its servers do beside the model (their own tools, documents, caching) is refused by name.
 */
import { z } from "zod";
import { stringifyJson } from "../core/base/index.js";
import {
  type ChatRequest,
  type FunctionTool,
  functionToolFields,
  templateFields,
  type WireMessage,
  type WirePart,
} from "./chat.js";
import { guardReportsSchema } from "./guards.js";
import { answerStatsSchema, ownQuestionSchema, samplingFields } from "./shared.js";

const textBlock = z.object({ type: z.literal("text"), text: z.string() });
const imageBlock = z.object({
  type: z.literal("image"),
  source: z.discriminatedUnion("type", [
    z.object({ type: z.literal("base64"), media_type: z.string().regex(/^image\/[\w.+-]{1,64}$/), data: z.string() }),
    z.object({ type: z.literal("url"), url: z.string() }),
    z.object({ type: z.literal("file"), file_id: z.string() }),
  ]),
});
const thinkingBlock = z.object({ type: z.literal("thinking"), thinking: z.string() });
const toolUseBlock = z.object({
  type: z.literal("tool_use"),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
});
const toolResultBlock = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(z.discriminatedUnion("type", [textBlock, imageBlock])).max(256)]).optional(),
});

const words = z.union([z.string(), z.array(textBlock).max(256)]); // as a chat message
const userBlock = z.discriminatedUnion("type", [textBlock, imageBlock, toolResultBlock]);
const assistantBlock = z.discriminatedUnion("type", [textBlock, thinkingBlock, toolUseBlock]);
type Picture = z.infer<typeof imageBlock>;

const messageSchema = z.discriminatedUnion("role", [
  z.object({ role: z.literal("user"), content: z.union([z.string(), z.array(userBlock).max(256)]) }),
  z.object({ role: z.literal("assistant"), content: z.union([z.string(), z.array(assistantBlock).max(256)]) }),
  z.object({ role: z.literal("system"), content: words }),
]);
type Message = z.infer<typeof messageSchema>;

const isParallelOff = { disable_parallel_tool_use: z.boolean().optional() };
const toolChoice = z.discriminatedUnion("type", [
  z.object({ type: z.literal("auto"), ...isParallelOff }),
  z.object({ type: z.literal("any"), ...isParallelOff }),
  z.object({ type: z.literal("tool"), name: z.string(), ...isParallelOff }),
  z.object({ type: z.literal("none") }),
]);

const display = {
  display: z.literal("summarized", 'expected "summarized"; thoughts are given as they are').optional(),
};
const thinking = z.discriminatedUnion("type", [
  z.object({ type: z.literal("enabled"), budget_tokens: z.number().int().min(0), ...display }),
  z.object({ type: z.literal("adaptive"), ...display }),
  z.object({ type: z.literal("disabled") }),
]);

const questionFields = {
  model: z.string().optional(),
  /** More turns than any context holds are a mistake. */
  messages: z.array(messageSchema).min(1).max(4096),
  system: words.optional(),
  tools: z
    .array(
      z.object({
        type: z.literal("custom").optional(),
        name: functionToolFields.name,
        description: functionToolFields.description,
        input_schema: z.record(z.string(), z.unknown()),
        strict: z.boolean().optional(),
      }),
    )
    .max(128) // as chat completions
    .optional(),
  tool_choice: toolChoice.optional(),
  thinking: thinking.optional(),
  output_config: z
    .object({
      effort: z.enum(["low", "medium", "high", "xhigh", "max"]).optional(),
      format: z.object({ type: z.literal("json_schema"), schema: z.record(z.string(), z.unknown()) }).optional(),
    })
    .optional(),
  /** As in chat completions. */
  chat_template_kwargs: templateFields.chat_template_kwargs,
  min_pixels: z.number().int().positive().optional(),
  max_pixels: z.number().int().positive().optional(),
  ocellus: ownQuestionSchema.optional(),
};

export const countTokensRequestSchema = z.object(questionFields).meta({ id: "CountTokensRequest" });
type Question = z.infer<typeof countTokensRequestSchema>;

export const messagesRequestSchema = z
  .object({
    ...questionFields,
    max_tokens: z.number().int().min(1),
    stop_sequences: z.array(z.string().min(1).max(1024)).max(16).optional(), // as `stop` of chat completions
    stream: z.boolean().optional(),
    temperature: samplingFields.temperature,
    top_p: samplingFields.top_p,
    top_k: samplingFields.top_k,
    metadata: z.object({ user_id: z.string().max(512).optional() }).optional(),
  })
  .meta({ id: "MessagesRequest" });
export type MessagesRequest = z.infer<typeof messagesRequestSchema>;

/** About caching, billing and Anthropic's own tools: the answer is the same without them. What a result says, it says by itself. */
export const harmlessMessagesFields = [
  ...["cache_control", "service_tier", "inference_geo", "speed", "diagnostics", "user_profile_id", "workspace_id"],
  ...["system.cache_control", "system.citations", "tools.cache_control", "tools.eager_input_streaming"],
  ...["tools.allowed_callers", "tools.defer_loading", "tools.input_examples", "messages.content.cache_control"],
  ...["messages.content.citations", "messages.content.signature", "messages.content.caller"],
  ...["messages.content.toolset_name", "messages.content.is_error", "messages.content.transformations"],
  ...["messages.content.content.cache_control", "messages.content.content.citations"],
] as const;

/** The same request in the words of chat completions. */
export function chatRequestOf(request: Question & Partial<MessagesRequest>): ChatRequest {
  const { model, messages, system, max_tokens, stop_sequences, stream, metadata, tools, output_config } = request;
  const { temperature, top_p, top_k, min_pixels, max_pixels, ocellus } = request;
  const first = system === undefined ? [] : [{ role: "system" as const, content: system }];
  return {
    ...{ model, min_pixels, max_pixels, ocellus, temperature, top_p, top_k, stream },
    messages: [...first, ...messages.flatMap(messagesOf)],
    ...(messages.at(-1)!.role === "assistant" && { continue_final_message: true }),
    max_completion_tokens: max_tokens,
    stop: stop_sequences,
    user: metadata?.user_id,
    tools: tools?.map(functionToolOf),
    ...toolChoiceOf(request.tool_choice),
    ...thinkingOf(request),
    ...(output_config?.format && {
      response_format: { type: "json_schema", json_schema: { name: "answer", schema: output_config.format.schema } },
    }),
  };
}

function messagesOf({ role, content }: Message): WireMessage[] {
  if (role === "system" || typeof content === "string") return [{ role, content } as WireMessage];
  return role === "user" ? turnsOf(content as UserContent) : [answerOf(content as AssistantContent)];
}

type UserContent = z.infer<typeof userBlock>[];
type AssistantContent = z.infer<typeof assistantBlock>[];

/** What tools gave is a message each; what the user says stands behind. */
function turnsOf(blocks: UserContent): WireMessage[] {
  const results = blocks.flatMap((block): WireMessage[] => {
    if (block.type !== "tool_result") return [];
    const { tool_use_id, content = "" } = block;
    return [
      {
        role: "tool",
        tool_call_id: tool_use_id,
        content: typeof content === "string" ? content : content.map(partOf),
      },
    ];
  });
  const said = blocks.flatMap((block) => (block.type === "tool_result" ? [] : [partOf(block)]));
  return said.length > 0 || results.length === 0 ? [...results, { role: "user", content: said }] : results;
}

function partOf(block: z.infer<typeof textBlock> | Picture): WirePart {
  if (block.type === "text") return block;
  const { source } = block;
  if (source.type === "file") return { type: "file", file: { file_id: source.file_id } };
  const url = source.type === "url" ? source.url : `data:${source.media_type};base64,${source.data}`;
  return { type: "image_url", image_url: { url } };
}

function answerOf(blocks: AssistantContent): WireMessage {
  const of = <T extends AssistantContent[number]["type"]>(type: T) =>
    blocks.filter((block): block is Extract<AssistantContent[number], { type: T }> => block.type === type);
  const [thoughts, calls] = [of("thinking"), of("tool_use")];
  return {
    role: "assistant",
    content: of("text"),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.map((block) => block.thinking).join("") }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ id, name, input }) => ({
        ...{ id, type: "function" as const },
        function: { name, arguments: stringifyJson(input) },
      })),
    }),
  };
}

function functionToolOf(tool: NonNullable<Question["tools"]>[number]): FunctionTool {
  const { name, description, input_schema: parameters, strict } = tool;
  return {
    type: "function",
    function: { name, parameters, ...(description !== undefined && { description }), ...(strict && { strict }) },
  };
}

function toolChoiceOf(choice: Question["tool_choice"]): Pick<ChatRequest, "tool_choice" | "parallel_tool_calls"> {
  if (!choice) return {};
  if (choice.type === "none") return { tool_choice: "none" };
  return {
    ...(choice.disable_parallel_tool_use && { parallel_tool_calls: false }),
    tool_choice:
      choice.type === "tool"
        ? { type: "function", function: { name: choice.name } }
        : choice.type === "any"
          ? "required"
          : "auto",
  };
}

/** "adaptive" leaves it to the model how much it thinks: so does any effort, and Anthropic's default is "high". */
function thinkingOf({ thinking: asked, output_config, chat_template_kwargs }: Question): Partial<ChatRequest> {
  if (!asked) return { chat_template_kwargs };
  if (asked.type === "adaptive") return { chat_template_kwargs, reasoning_effort: output_config?.effort ?? "high" };
  return {
    chat_template_kwargs: { ...chat_template_kwargs, enable_thinking: asked.type === "enabled" },
    ...(asked.type === "enabled" && { thinking_token_budget: asked.budget_tokens }),
  };
}

const block = z.discriminatedUnion("type", [
  z.object({ type: z.literal("thinking"), thinking: z.string(), signature: z.literal("") }),
  z.object({ type: z.literal("text"), text: z.string(), citations: z.null() }),
  z.object({
    type: z.literal("tool_use"),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
    caller: z.object({ type: z.literal("direct") }),
  }),
]);
export type MessageBlock = z.infer<typeof block>;

const stopFields = {
  stop_reason: z.enum(["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]).nullable(),
  stop_sequence: z.string().nullable(),
  stop_details: z
    .object({ type: z.literal("refusal"), category: z.null(), explanation: z.string().nullable() })
    .nullable(),
};
export type MessageStop = z.infer<z.ZodObject<typeof stopFields>>;

const usage = z.object({
  /** Without those of the cache. */
  input_tokens: z.number(),
  cache_creation_input_tokens: z.literal(0),
  cache_read_input_tokens: z.number(),
  output_tokens: z.number(),
  output_tokens_details: z.object({ thinking_tokens: z.number() }).nullable(),
  /** Of Anthropic's own servers; its newer clients look for them. */
  ...{ cache_creation: z.null(), inference_geo: z.null(), server_tool_use: z.null() },
  ...{ service_tier: z.null(), speed: z.null() },
});
export type MessageUsage = z.infer<typeof usage>;

export const messageAnswerSchema = z
  .object({
    id: z.string(),
    type: z.literal("message"),
    role: z.literal("assistant"),
    model: z.string(),
    content: z.array(block),
    ...stopFields,
    /** As those of `usage`. */
    ...{ container: z.null(), diagnostics: z.null() },
    usage,
    ocellus: answerStatsSchema.optional(),
  })
  .meta({ id: "Message" });
export type MessageAnswer = z.infer<typeof messageAnswerSchema>;

export const messageEventSchema = z.object({ type: z.string() });
export const tokenCountSchema = z
  .object({ input_tokens: z.number(), ocellus: z.object({ guards: guardReportsSchema }) })
  .meta({ id: "TokenCount" });
