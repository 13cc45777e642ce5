/**
 * A chat request in OpenAI's words → a question to a model in this browser, and its answer → the chunks that a server would send. Options
 * are read by the code that servers read them with; what only a server does is refused by name.
 */
import type { ChatChunk, ChatRequest, WireMessage, WirePart } from "../../../src/protocol/index.js";
import {
  answerStats,
  type ChatEvent,
  type ChatMessage,
  type ChatOptions,
  chatOptions,
  image,
  OcellusError,
  usageOf,
  wireTokens,
} from "../browser-model.js";

/** Every field of a request, so that a new one is decided on. "ignored": the answer is the same without it. */
export const requestFields: Readonly<Record<keyof ChatRequest, "honoured" | "refused" | "ignored">> = {
  ...{ messages: "honoured", response_format: "honoured", ocellus: "honoured" },
  ...{ temperature: "honoured", top_p: "honoured", top_k: "honoured", min_p: "honoured", seed: "honoured" },
  ...{ repetition_penalty: "honoured", presence_penalty: "honoured", frequency_penalty: "honoured" },
  ...{ logit_bias: "honoured", logprobs: "honoured", top_logprobs: "honoured", stop: "honoured" },
  ...{ max_tokens: "honoured", max_completion_tokens: "honoured", min_pixels: "honoured", max_pixels: "honoured" },
  ...{ chat_template_kwargs: "honoured", thinking_token_budget: "honoured", reasoning_effort: "honoured" },
  ...{ continue_final_message: "honoured", add_generation_prompt: "honoured" },
  ...{ n: "refused", tools: "refused", tool_choice: "refused", parallel_tool_calls: "refused" },
  ...{ model: "ignored", user: "ignored", stream: "ignored", stream_options: "ignored", modalities: "ignored" },
};

/** Inside `ocellus`. */
const serverWishes = { collection: "searches collections", pages: "searches collections" } as const;

export interface Question {
  readonly messages: readonly ChatMessage[];
  readonly options: ChatOptions;
}

type Info = Parameters<typeof chatOptions>[1];

/** @throws `unsupported` with `details.param`, and as the server's `chatOptions`. */
export function questionOf(request: ChatRequest, info: Info): Question {
  for (const [name, support] of Object.entries(requestFields))
    if (support === "refused" && isAsked(request, name as keyof ChatRequest)) throw serverOnly(name, "takes it");
  for (const [name, does] of Object.entries(serverWishes))
    if (request.ocellus?.[name as keyof typeof serverWishes] !== undefined) throw serverOnly(`ocellus.${name}`, does);
  if (request.ocellus?.reuse === "near") throw serverOnly("ocellus.reuse", "knows near-duplicates");
  return { messages: request.messages.map(messageOf), options: chatOptions(request, info) };
}

/** One choice is what there is anyway. */
function isAsked(request: ChatRequest, name: keyof ChatRequest): boolean {
  return request[name] !== undefined && !(name === "n" && request.n === 1);
}

function serverOnly(param: string, does: string): OcellusError {
  return new OcellusError(
    "unsupported",
    `${param}: of a model in this browser it cannot be asked; the server ${does}`,
    {
      details: { param },
    },
  );
}

function messageOf(message: WireMessage): ChatMessage {
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content: message.content };
    case "user":
      return { role: "user", content: contentOf(message.content) };
    case "assistant": {
      const { content, reasoning_content, tool_calls } = message;
      if (tool_calls) throw serverOnly("messages.tool_calls", "reads calls of tools");
      return {
        role: "assistant",
        content: content ?? "",
        ...(reasoning_content !== undefined && { reasoning_content }),
      };
    }
    case "tool":
      throw serverOnly("messages.role", "reads what tools answer");
    default:
      throw message satisfies never;
  }
}

function contentOf(content: string | readonly WirePart[]): ChatMessage["content"] {
  return typeof content === "string" ? content : content.map(partOf);
}

function partOf(part: WirePart): Exclude<ChatMessage["content"], string>[number] {
  if (part.type === "text") return part;
  if (part.type !== "image_url") throw serverOnly(`messages.content.${part.type}`, "reads files and videos");
  const { url, detail = "auto" } = typeof part.image_url === "string" ? { url: part.image_url } : part.image_url;
  return image(blobOf(url), detail === "auto" ? undefined : detail);
}

/** Read here, not fetched: another address would be a request. */
function blobOf(url: string): Blob {
  const [, type = "", base64] = /^data:([\w/+.-]*);base64,([A-Za-z0-9+/]*={0,2})$/.exec(url) ?? [];
  if (base64 === undefined)
    throw serverOnly("messages.content.image_url", "fetches addresses; give the image as a data URL");
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type });
}

/** Of a model what spells its tokens, and which one it is. */
export interface Answering {
  readonly info: { readonly digest: string };
  spellings(ids: readonly number[]): Promise<readonly Spelling[]>;
}
type Token = Extract<ChatEvent, { type: "text" }>["tokens"][number];
type Spelling = NonNullable<Token["spelling"]>;

/** @param id of the answer. */
export async function* chunksOf(
  events: AsyncIterable<ChatEvent>,
  { model: name = "", logprobs }: Pick<ChatRequest, "model" | "logprobs">,
  model: Answering,
  id: string,
): AsyncGenerator<ChatChunk> {
  const head = { id, object: "chat.completion.chunk", created: Math.floor(Date.now() / 1000), model: name } as const;
  const spelled = new Map<number, Spelling>();
  for await (const event of events) {
    if (event.type === "end") {
      const choice = { index: 0, delta: {}, logprobs: null, finish_reason: event.finishReason };
      yield { ...head, choices: [choice], ocellus: statsOf(event, model) };
      yield { ...head, choices: [], usage: usageOf([{ end: event }]) };
    } else {
      const delta = event.type === "text" ? { content: event.text } : { reasoning_content: event.text };
      const tokens = logprobs && event.type === "text" ? await withSpellings(event.tokens, model, spelled) : undefined;
      const content = tokens && { content: wireTokens(tokens) };
      yield { ...head, choices: [{ index: 0, delta, logprobs: content ?? null, finish_reason: null }] };
    }
  }
}

function statsOf(end: Extract<ChatEvent, { type: "end" }>, { info }: Answering): NonNullable<ChatChunk["ocellus"]> {
  return answerStats(end, { queueMs: 0, totalMs: end.timings.totalMs, modelVersion: info.digest, guards: [] });
}

/** The model's worker has the tokenizer: it is asked for those that are new, all at once. */
async function withSpellings(
  tokens: readonly Token[],
  model: Answering,
  spelled: Map<number, Spelling>,
): Promise<Token[]> {
  const named = tokens.flatMap((token) => [token, ...(token.topLogprobs ?? [])]);
  const ids = [...new Set(named.flatMap(({ tokenId }) => tokenId ?? []))].filter((each) => !spelled.has(each));
  if (ids.length > 0)
    for (const [i, spelling] of (await model.spellings(ids)).entries()) spelled.set(ids[i]!, spelling);
  const spell = <Named extends Token | { tokenId?: number; spelling?: Spelling }>(token: Named) => ({
    spelling: token.spelling ?? spelled.get(token.tokenId!)!,
  });
  return tokens.map((token) => ({
    ...spell(token),
    ...(token.logprob !== undefined && { logprob: token.logprob }),
    ...(token.topLogprobs && {
      topLogprobs: token.topLogprobs.map((top) => ({ ...spell(top as Token), logprob: top.logprob })),
    }),
  }));
}
