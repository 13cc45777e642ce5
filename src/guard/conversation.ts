/** All words and pictures of a conversation, each through its check. */
import type { ImageInput } from "../image/index.js";
import { type ChatMessage, type ContentPart, image } from "../runtime/index.js";

export interface Checks {
  /** The text as it may pass. */
  readonly text: (text: string) => Promise<string>;
  /** The picture that was checked. */
  readonly picture: (input: ImageInput) => Promise<ImageInput>;
}

export function guardedConversation(messages: readonly ChatMessage[], checks: Checks): Promise<ChatMessage[]> {
  if (!Array.isArray(messages)) return Promise.resolve(messages as ChatMessage[]); // the processor says what is wrong
  return Promise.all(messages.map((message) => guardedMessage(message, checks)));
}

async function guardedMessage(message: ChatMessage, checks: Checks): Promise<ChatMessage> {
  const { content, tool_calls } = message;
  return {
    ...message,
    content:
      typeof content === "string"
        ? await checks.text(content)
        : await Promise.all(joined(content).map(guardedPart(checks))),
    ...(tool_calls && { tool_calls: await guardedStrings(tool_calls, checks.text) }),
  };
}

/** Neighbouring texts stand together in the prompt: a word must not pass in two halves. */
function joined(content: Exclude<ChatMessage["content"], string>): ContentPart[] {
  const parts: ContentPart[] = [];
  for (const given of content) {
    const part: ContentPart = typeof given === "string" ? { type: "text", text: given } : given;
    const last = parts.at(-1);
    if (part.type === "text" && last?.type === "text")
      parts[parts.length - 1] = { type: "text", text: last.text + part.text };
    else parts.push(part);
  }
  return parts;
}

const guardedPart =
  ({ text, picture }: Checks) =>
  async (part: ContentPart): Promise<ContentPart> => {
    switch (part.type) {
      case "text":
        return { type: "text", text: await text(part.text) };
      case "image":
        return image(await picture(part.image));
      case "video":
        return { type: "video", video: { ...part.video, frames: await Promise.all(part.video.frames.map(picture)) } };
      default:
        return part satisfies never; // what is no part is refused by the processor
    }
  };

/** A JSON value with each of its strings checked; names of fields are code, not words. */
export async function guardedStrings<T>(value: T, text: Checks["text"]): Promise<T> {
  if (typeof value === "string") return (await text(value)) as T;
  if (Array.isArray(value)) return (await Promise.all(value.map((item) => guardedStrings(item, text)))) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([name, item]) => [name, await guardedStrings(item, text)] as const);
  return Object.fromEntries(await Promise.all(entries)) as T;
}
