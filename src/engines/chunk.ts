/** One chunk of a streamed chat completion → events. Strict in what is used, and silent about members that no reader has a use for. */
import { z } from "zod";

/** A token as the engine spells it; its ids are of no use outside of it. */
export interface EngineToken {
  readonly text: string;
  /** UTF-8 bytes, where the engine says them: a token can be a part of a character. */
  readonly bytes?: readonly number[];
  readonly logprob: number;
  readonly topLogprobs: readonly Omit<EngineToken, "topLogprobs">[];
}

export interface EngineUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens?: number;
}

export type EngineFinish = "stop" | "length" | "content_filter";

export type EngineEvent =
  | { readonly type: "text" | "reasoning"; readonly text: string; readonly tokens: readonly EngineToken[] }
  /** `id` and `name` come with the first piece of a call, `arguments` in pieces of JSON text. */
  | {
      readonly type: "toolCall";
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments: string;
    }
  | {
      readonly type: "end";
      readonly finishReason: EngineFinish;
      readonly stopSequence?: string;
      /** Absent: the engine did not count. */
      readonly usage?: EngineUsage;
      /** Names of images that it had, and that were not sent. */
      readonly namedImages?: readonly string[];
    };

const count = z.number().int().nonnegative();
const textMember = z.string().nullish();
const tokenShape = {
  token: z.string(),
  logprob: z.number().nullish(),
  bytes: z.array(z.number().int().min(0).max(255)).nullish(),
};
const tokenSchema = z.object({ ...tokenShape, top_logprobs: z.array(z.object(tokenShape)).nullish() });
/** As many calls as an answer can hold. */
const maxToolIndex = 1023;

const choiceSchema = z.object({
  index: count.default(0),
  delta: z
    .object({
      content: textMember,
      reasoning: textMember,
      reasoning_content: textMember,
      refusal: textMember,
      tool_calls: z
        .array(
          z.object({
            index: count.max(maxToolIndex),
            id: textMember,
            function: z.object({ name: textMember, arguments: textMember }).nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
  logprobs: z.object({ content: z.array(tokenSchema).nullish() }).nullish(),
  finish_reason: textMember,
  stop_reason: z.union([z.string(), z.number()]).nullish(), // vLLM
  matched_stop: z.union([z.string(), z.number()]).nullish(), // SGLang
});

const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count.nullish(),
  prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: count.nullish() }).nullish(),
  reasoning_tokens: count.nullish(), // SGLang
});

export const chunkSchema = z.object({
  id: z.string().nullish(),
  choices: z.array(choiceSchema).max(1).nullish(),
  usage: usageSchema.nullish(),
});

export type Chunk = z.infer<typeof chunkSchema>;
type Choice = z.infer<typeof choiceSchema>;

/** All but the end, which comes when the stream does. */
export function eventsOf({ choices }: Chunk): EngineEvent[] {
  const [choice] = choices ?? [];
  if (!choice) return [];
  const { content, reasoning, reasoning_content, refusal, tool_calls } = choice.delta ?? {};
  const tokens = (choice.logprobs?.content ?? []).map(tokenOf);
  const thought = reasoning || reasoning_content || "";
  const text = content || refusal || "";
  const calls = (tool_calls ?? []).map((call) => ({
    type: "toolCall" as const,
    index: call.index,
    ...(call.id && { id: call.id }),
    ...(call.function?.name && { name: call.function.name }),
    arguments: call.function?.arguments ?? "",
  }));
  const isThought = thought !== "" && text === "";
  const events: EngineEvent[] = [];
  if (thought !== "") events.push({ type: "reasoning", text: thought, tokens: isThought ? tokens : [] });
  if (text !== "" || (tokens.length > 0 && !isThought)) events.push({ type: "text", text, tokens });
  return [...events, ...calls];
}

function tokenOf({ token, logprob, bytes, top_logprobs }: z.infer<typeof tokenSchema>): EngineToken {
  const top = (top_logprobs ?? []).map((each) => tokenOf({ ...each, top_logprobs: [] }));
  return { text: token, logprob: logprob ?? leastLogprob, ...(bytes && { bytes }), topLogprobs: top };
}

/** JSON has no infinity: OpenAI's stand-in for "next to impossible", and what llama-server's null means. */
const leastLogprob = -9999;

export function usageOf({ usage }: Chunk): EngineUsage | undefined {
  if (!usage) return undefined;
  const reasoningTokens = usage.completion_tokens_details?.reasoning_tokens ?? usage.reasoning_tokens;
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens ?? 0,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    ...(reasoningTokens && { reasoningTokens }),
  };
}

const finishReasons: Readonly<Record<string, EngineFinish>> = {
  stop: "stop",
  tool_calls: "stop",
  function_call: "stop",
  length: "length",
  content_filter: "content_filter",
};

/** @returns undefined while there is none, null for one that is no end of an answer (`abort`, `error`) */
export function finishOf({ choices }: Chunk): { reason: EngineFinish; stopSequence?: string } | undefined | null {
  const { finish_reason, stop_reason, matched_stop } = (choices?.[0] ?? {}) as Partial<Choice>;
  if (!finish_reason) return undefined;
  const reason = finishReasons[finish_reason];
  if (!reason) return null;
  const stop = stop_reason ?? matched_stop;
  return { reason, ...(typeof stop === "string" && { stopSequence: stop }) };
}
