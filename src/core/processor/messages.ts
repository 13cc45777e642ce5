/** A conversation as its user writes it, and the checks that need no tokenizer. */
import { OcellusError, stringifyJson } from "../base/index.js";
import type { ImageInput } from "../image/loaded/index.js";
import type { ImageDetail } from "../image/spec/index.js";
import { type GivenVideo, problemOf } from "./video.js";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  /** Words, or words, pictures and videos in order; a bare string is a part of text. */
  readonly content: string | readonly (ContentPart | string)[];
  /** What an assistant's turn called, for templates that know tools. */
  readonly tool_calls?: readonly ToolCall[];
  /** What an assistant thought before its turn, for templates that show it again. */
  readonly reasoning_content?: string;
  /** Which call a tool's turn answers. */
  readonly tool_call_id?: string;
}

/** As chat templates read it. */
export interface ToolCall {
  readonly id?: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** A message whose parts are all spelled out, as chat templates expect them. */
export interface PlainMessage extends Omit<ChatMessage, "content"> {
  readonly content: string | readonly ContentPart[];
}

/** What a template sees of a message: that there is an image or a video, never its pixels. */
export interface TemplateMessage extends Omit<ChatMessage, "content"> {
  readonly content: string | readonly TemplatePart[];
}

export type TemplatePart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image" }
  | { readonly type: "video" };

export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly image: ImageInput; readonly detail?: ImageDetail | undefined }
  | { readonly type: "video"; readonly video: GivenVideo };

/** A picture as a part of a message: `content: [image("dress.png"), "What is this?"]`. @param detail over the request's. */
export function image(input: ImageInput, detail?: ImageDetail): ContentPart {
  return { type: "image", image: input, ...(detail && { detail }) };
}

/**
 * Frames in the order of time, all of one size, with their rate (`fps`) or the seconds of each (`timestamps`). They are taken as
 * they are given; two a second is what the Qwen models were made for.
 */
export function frames(given: readonly ImageInput[], times: FrameTimes): ContentPart {
  return { type: "video", video: { frames: given, ...times } };
}

export type FrameTimes = { readonly fps: number } | { readonly timestamps: readonly number[] };

const roles = ["system", "user", "assistant", "tool"];

/**
 * The messages with every part spelled out.
 * @throws `invalid_request` naming the message and the part.
 */
export function plainMessages(messages: readonly ChatMessage[]): PlainMessage[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new OcellusError("invalid_request", "a conversation needs at least one message: [{ role, content }]", {
      details: { field: "messages", found: Array.isArray(messages) ? [] : typeof messages },
    });
  const plain = messages.map(plainMessage);
  const empty = plain.findIndex((message) => message.role === "user" && isEmpty(message));
  if (empty >= 0)
    throw invalidMessage(empty, "the user's message is empty: expected words, an image or a video", {
      field: "content",
    });
  return plain;
}

/** Assistants that call a tool, tools and systems may say nothing; a question that does was lost on its way. */
function isEmpty({ content }: PlainMessage): boolean {
  if (typeof content === "string") return content.trim() === "";
  return content.every((part) => part.type === "text" && part.text.trim() === "");
}

function plainMessage(message: ChatMessage, i: number): PlainMessage {
  const { role, content, tool_calls, reasoning_content, tool_call_id } = message;
  if (!roles.includes(role))
    throw invalidMessage(i, `expected the role ${roles.join(", ")}, found ${JSON.stringify(role)}`, {
      field: "role",
      expected: roles,
      found: role,
    });
  // Nothing else gets through: what is not listed here would reach the template unchecked.
  const head = {
    role,
    ...(tool_calls && { tool_calls }),
    ...(typeof reasoning_content === "string" && { reasoning_content }),
    ...(tool_call_id !== undefined && { tool_call_id }),
  };
  if (typeof content === "string") return { ...head, content };
  if (Array.isArray(content)) return { ...head, content: content.map((part) => plainPart(i, part)) };
  throw invalidMessage(i, `expected content as a string or a list of parts, found ${typeof content}`, {
    field: "content",
    found: typeof content,
  });
}

function plainPart(message: number, part: ContentPart | string): ContentPart {
  if (typeof part === "string") return { type: "text", text: part };
  if (part?.type === "text" && typeof part.text === "string") return part;
  if (part?.type === "image" && part.image !== undefined && part.image !== null) return part;
  if (part?.type === "video" && typeof part.video === "object" && part.video !== null) {
    const problem = problemOf(part.video);
    if (problem) throw invalidMessage(message, `the video: ${problem.text}`, problem.details);
    return part;
  }
  throw invalidMessage(
    message,
    `expected parts { type: "text", text }, { type: "image", image }, { type: "video", video } or a string, found ${JSON.stringify(part)?.slice(0, 80)}`,
    { field: "content", found: (part as { type?: unknown } | null)?.type },
  );
}

function invalidMessage(index: number, problem: string, details: Readonly<Record<string, unknown>>): OcellusError {
  return new OcellusError("invalid_request", `message ${index + 1}: ${problem}`, {
    details: { message: index + 1, ...details },
  });
}

/** `mark`: what stands for an image in a message that is words only, each part on a line of its own. */
export function templateMessage({ content, ...rest }: PlainMessage, mark?: string): TemplateMessage {
  if (typeof content === "string") return { ...rest, content };
  if (mark !== undefined)
    return { ...rest, content: content.map((part) => (part.type === "text" ? part.text : mark)).join("\n") };
  return { ...rest, content: content.map((part) => (part.type === "text" ? { ...part } : { type: part.type })) };
}

/**
 * All words that a message brings into the prompt. Neighbouring text parts join without a gap, as templates join them; a
 * picture or video parts them.
 */
export function textOf({ content, tool_calls, reasoning_content, tool_call_id = "" }: PlainMessage): string {
  const text =
    typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : "\n")).join("");
  const more = [reasoning_content ?? "", toolText(tool_calls ?? []), tool_call_id].filter((words) => words !== "");
  return [text, ...more].join("\n");
}

/** The words of tool calls or descriptions, whichever way a template spells them. */
export function toolText(tools: readonly unknown[]): string {
  return tools.length > 0 ? stringifyJson(tools) : "";
}

/** All pictures, in the order of the conversation. */
export function imagesOf(messages: readonly PlainMessage[]): Extract<ContentPart, { type: "image" }>[] {
  return partsOf(messages).filter((part) => part.type === "image");
}

/** All videos, in the order of the conversation. */
export function videosOf(messages: readonly PlainMessage[]): GivenVideo[] {
  return partsOf(messages).flatMap((part) => (part.type === "video" ? [part.video] : []));
}

function partsOf(messages: readonly PlainMessage[]): ContentPart[] {
  return messages.flatMap(({ content }) => (typeof content === "string" ? [] : content));
}
