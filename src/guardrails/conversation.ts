/** All words and pictures of a conversation, each through its check. */
import { entriesOf, numberText, withNotesOf } from "../core/base/index.js";
import { type ImageInput, SampledVideo, VideoFile } from "../core/image/node/index.js";
import type { ImageDetail } from "../core/image/spec/index.js";
import { type ChatMessage, type ContentPart, image } from "../core/runtime/index.js";
import type { Reach } from "./verdict.js";

export interface Checks {
  /** The text as it may pass. */
  readonly text: (text: string) => Promise<string>;
  /** JSON as it may pass: numbers may have become null or strings. */
  readonly json: (text: string) => Promise<string>;
  /** Of texts that are read one after the other: whether one thing is in two of them. */
  readonly seams: (texts: readonly string[], reach: Reach) => Promise<void>;
  /** The video whose frames were checked. */
  readonly video: (file: VideoFile | SampledVideo) => Promise<SampledVideo | VideoFile>;
  /** The picture that was checked. */
  readonly image: (input: ImageInput, detail?: ImageDetail) => Promise<ImageInput>;
}

/** What is no conversation, message or part goes on as it is: the processor refuses it, and says why. */
export async function guardedConversation(messages: readonly ChatMessage[], checks: Checks): Promise<ChatMessage[]> {
  if (!Array.isArray(messages)) return messages as ChatMessage[];
  const guarded = await Promise.all(messages.map((message: ChatMessage) => guardedMessage(message, checks)));
  const turns = turnsOf(guarded);
  await Promise.all(turns.map(({ texts }) => checks.seams(texts, "turn")));
  for (const list of [turns, turns.filter(({ role }) => role !== "assistant")])
    if (list.length > 1)
      await checks.seams(
        list.flatMap(({ texts }) => texts),
        "conversation",
      );
  return guarded;
}

/** Texts of neighbouring messages of one role: a word must not pass in two halves around a picture or in two messages. */
function turnsOf(messages: readonly ChatMessage[]): { role: unknown; texts: string[] }[] {
  const turns: { role: unknown; texts: string[] }[] = [];
  for (const message of messages) {
    const { role } = message ?? {};
    const last = turns.at(-1)?.role === role ? turns.at(-1)! : { role, texts: [] };
    if (last !== turns.at(-1)) turns.push(last);
    last.texts.push(...textsOf(message));
  }
  return turns;
}

/** What a conversation begins with in each of its requests: all up to the user's first message. */
export function openingOf(messages: readonly ChatMessage[]): string[] {
  if (!Array.isArray(messages)) return [];
  const first = messages.findIndex((message: ChatMessage) => message?.role === "user");
  return messages.slice(0, first < 0 ? 0 : first + 1).flatMap(textsOf);
}

function textsOf(message: ChatMessage): string[] {
  const { content, reasoning_content } = message ?? {};
  const thoughts = typeof reasoning_content === "string" ? [reasoning_content] : [];
  if (typeof content === "string") return [...thoughts, content];
  return [...thoughts, ...(Array.isArray(content) ? content.filter(isText).map(({ text }) => text) : [])];
}

async function guardedMessage(message: ChatMessage, checks: Checks): Promise<ChatMessage> {
  const { content, tool_calls, reasoning_content } = message ?? {};
  const isWords = typeof content === "string";
  if (!isWords && !Array.isArray(content)) return message;
  return {
    ...message,
    content: isWords
      ? await checks.text(content)
      : await Promise.all(joined(content).map((part) => guardedPart(part, checks))),
    ...(typeof reasoning_content === "string" && { reasoning_content: await checks.text(reasoning_content) }),
    ...(tool_calls && {
      tool_calls: await guardedNumbers(await guardedStrings(tool_calls, checks.text), checks.json),
    }),
  };
}

/** Neighbouring texts stand together in the prompt: a word must not pass in two halves. */
function joined(content: readonly (ContentPart | string)[]): ContentPart[] {
  const parts: ContentPart[] = [];
  for (const given of content) {
    const part: ContentPart = typeof given === "string" ? { type: "text", text: given } : given;
    const last = parts.at(-1);
    if (isText(part) && last && isText(last)) parts[parts.length - 1] = { type: "text", text: last.text + part.text };
    else parts.push(part);
  }
  return parts;
}

function isText(part: ContentPart | string): part is Extract<ContentPart, { type: "text" }> {
  return typeof part === "object" && part?.type === "text" && typeof part.text === "string";
}

async function guardedPart(
  part: ContentPart,
  { text, image: picture, video }: Pick<Checks, "text" | "image" | "video">,
): Promise<ContentPart> {
  if (isText(part)) return { type: "text", text: await text(part.text) };
  if (part?.type === "image" && part.image) return image(await picture(part.image, part.detail), part.detail);
  if (part?.type !== "video" || !part.video) return part;
  const { video: given } = part;
  if (given instanceof VideoFile || given instanceof SampledVideo) return { type: "video", video: await video(given) };
  if (!Array.isArray(given.frames)) return part;
  return { type: "video", video: { ...given, frames: await Promise.all(given.frames.map((frame) => picture(frame))) } };
}

/** A JSON value with each of its strings checked; names of fields are code, not words. */
export async function guardedStrings<T>(value: T, text: Checks["text"]): Promise<T> {
  if (typeof value === "string") return (await text(value)) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return withNotesOf(value, await Promise.all(value.map((item) => guardedStrings(item, text)))) as T;
  const entries = Object.entries(value).map(async ([name, item]) => [name, await guardedStrings(item, text)] as const);
  return withNotesOf(value, Object.fromEntries(await Promise.all(entries))) as T;
}

/** A JSON value with all of its numbers checked together, one a line, since a guard finds nothing across lines. */
async function guardedNumbers<T>(value: T, json: Checks["json"]): Promise<T> {
  const found: string[] = [];
  withNumbers(value, (number) => {
    found.push(number);
    return number;
  });
  if (found.length === 0) return value;
  const list = `[${found.join(",\n")}]`;
  const checked = await json(list);
  if (checked === list) return value;
  const instead = (JSON.parse(checked) as unknown[]).values();
  return withNumbers(value, (_, number) => {
    const next = instead.next().value;
    return typeof next === "number" ? number : next;
  }) as T;
}

/** A copy with other numbers. @param change of a number as it is written, and as it is */
function withNumbers(value: unknown, change: (written: string, number: unknown) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const changed = entriesOf(value).map(([name, item]): [string, unknown] => [
    name,
    typeof item === "number" ? change(numberText(value, name) ?? String(item), item) : withNumbers(item, change),
  ]);
  const copy = Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed);
  return withNotesOf(value, copy);
}
