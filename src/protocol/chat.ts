/**
 * POST /v1/chat/completions as OpenAI documents it, with a few extensions that other servers have too (`top_k`, `min_p`,
 * `repetition_penalty`, `min_pixels`, `max_pixels`) and one key of our own, `ocellus`.
 */
import { z } from "zod";
import {
  answerStatsSchema,
  completionUsageSchema,
  imageDetailSchema,
  ownQuestionSchema,
  samplingFields,
} from "./shared.js";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const imagePart = z.object({
  type: z.literal("image_url"),
  image_url: z.union([z.string(), z.object({ url: z.string(), detail: imageDetailSchema.optional() })]),
});
/** As vLLM has it; for models that are shown videos. */
const videoPart = z.object({
  type: z.literal("video_url"),
  video_url: z.union([z.string(), z.object({ url: z.string() })]),
});
/** An uploaded image or video. */
const filePart = z.object({ type: z.literal("file"), file: z.object({ file_id: z.string() }) });

const textContent = z.union([z.string(), z.array(textPart).max(256)]);
/** As many parts as 64 pictures with words around each need, and some. */
const content = z.union([
  z.string(),
  z.array(z.discriminatedUnion("type", [textPart, imagePart, videoPart, filePart])).max(256),
]);

export const toolCallSchema = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
export type ToolCall = z.infer<typeof toolCallSchema>;

const messageSchema = z.discriminatedUnion("role", [
  z.object({ role: z.enum(["system", "developer"]), content: textContent }),
  z.object({ role: z.literal("user"), content }),
  z.object({
    role: z.literal("assistant"),
    content: textContent.nullish(),
    /** What it thought before: chat templates show it again where calls of tools follow each other. */
    reasoning_content: z.string().optional(),
    tool_calls: z.array(toolCallSchema).max(128).optional(),
  }),
  /** With pictures where the chat template has a place for them; where it has none, they are refused. */
  z.object({ role: z.literal("tool"), content, tool_call_id: z.string() }),
]);
export type WireMessage = z.infer<typeof messageSchema>;
/** A part of a user's message. */
export type WirePart = Exclude<z.infer<typeof content>, string>[number];

/** The Responses API has these beside `type`, chat completions inside `function`. */
export const functionToolFields = {
  name: z.string().regex(/^[\w-]{1,64}$/, "expected 1 to 64 letters, digits, _ or -"), // OpenAI's rule
  description: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  strict: z.boolean().nullish(),
};
const functionTool = z.object({ type: z.literal("function"), function: z.object(functionToolFields) });
export type FunctionTool = z.infer<typeof functionTool>;

/** What every route that generates from a conversation takes on how its model thinks, and on its chat template. */
export const templateFields = {
  /** Further variables of the chat template, which must name them: vLLM's and SGLang's field. `enable_thinking` is one. */
  chat_template_kwargs: z.record(z.string(), z.unknown()).optional(),
  /** Most tokens of its thoughts: vLLM's field. */
  thinking_token_budget: z.number().int().min(0).optional(),
  /** Whether the answer continues the last message: as vLLM and transformers have it. */
  continue_final_message: z.boolean().optional(),
  add_generation_prompt: z.boolean().optional(),
};

export const reasoningEffortSchema = z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
]);

export const responseFormatSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({
      name: z.string(),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().nullish(),
    }),
  }),
]);
export type ResponseFormat = z.infer<typeof responseFormatSchema>;

export const chatRequestSchema = z
  .object({
    model: z.string().optional(),
    /** More turns than any context holds are a mistake. */
    messages: z.array(messageSchema).min(1).max(4096),
    ...samplingFields,
    ...templateFields,
    /** "none" turns thinking off where the model can be told so, any other on. */
    reasoning_effort: reasoningEffortSchema.optional(),
    max_completion_tokens: samplingFields.max_tokens,
    n: z.number().int().min(1).max(128).optional(), // OpenAI's most
    /** Who asks on the client's side: requests of one user get the same version. */
    user: z.string().max(512).optional(),
    stream: z.boolean().optional(),
    stream_options: z.object({ include_usage: z.boolean().optional() }).optional(),
    logprobs: z.boolean().optional(),
    top_logprobs: z.number().int().min(0).max(20).optional(), // OpenAI's most
    tools: z.array(functionTool).max(128).optional(), // OpenAI's most
    tool_choice: toolChoice.optional(),
    parallel_tool_calls: z.boolean().optional(),
    response_format: responseFormatSchema.optional(),
    modalities: z.tuple([z.literal("text")]).optional(),
    /** Pixels that each picture is brought between, for families that take any size. */
    min_pixels: z.number().int().positive().optional(),
    max_pixels: z.number().int().positive().optional(),
    ocellus: ownQuestionSchema.optional(),
  })
  .meta({ id: "ChatCompletionRequest" });
export type ChatRequest = z.infer<typeof chatRequestSchema>;

/**
 * Told to a provider about billing, caching or safety: the answer is the same without them. Inside messages: what
 * clients carry along from earlier answers or for other providers, and names, for which chat templates have no place.
 */
export const harmlessChatFields = [
  ...["metadata", "store", "service_tier", "safety_identifier", "prediction"],
  ...["prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "verbosity"],
  ...["messages.content.file.filename", "messages.content.cache_control"],
  ...["messages.name", "messages.refusal", "messages.annotations"],
  ...["messages.tool_calls.index", "response_format.json_schema.description", "stream_options.include_obfuscation"],
] as const;

const tokenLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()).nullable() });
const contentLogprob = tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) });
export type ContentLogprob = z.infer<typeof contentLogprob>;

const logprobs = z.object({ content: z.array(contentLogprob) }).nullable();
export const finishReasonSchema = z.enum(["stop", "length", "tool_calls", "content_filter"]);
export type WireFinishReason = z.infer<typeof finishReasonSchema>;

export const chatCompletionSchema = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.number(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.number(),
        message: z.object({
          role: z.literal("assistant"),
          content: z.string().nullable(),
          reasoning_content: z.string().optional(),
          refusal: z.null(),
          tool_calls: z.array(toolCallSchema).optional(),
        }),
        logprobs,
        finish_reason: finishReasonSchema,
      }),
    ),
    usage: completionUsageSchema,
    ocellus: answerStatsSchema,
  })
  .meta({ id: "ChatCompletion" });
export type ChatCompletion = z.infer<typeof chatCompletionSchema>;

const toolCallDelta = toolCallSchema.extend({ index: z.number() });
export const chatChunkSchema = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion.chunk"),
    created: z.number(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.number(),
        delta: z.object({
          role: z.literal("assistant").optional(),
          content: z.string().optional(),
          reasoning_content: z.string().optional(),
          tool_calls: z.array(toolCallDelta).optional(),
        }),
        logprobs,
        finish_reason: finishReasonSchema.nullable(),
      }),
    ),
    usage: completionUsageSchema.nullish(),
    ocellus: answerStatsSchema.optional(),
  })
  .meta({ id: "ChatCompletionChunk" });
export type ChatChunk = z.infer<typeof chatChunkSchema>;
