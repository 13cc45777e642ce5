/** Messages from the wire → messages for the model. Pictures are resolved here: nothing a stranger wrote is taken for a path. */

import { type ChatMessage, type ContentPart, image, type VideoFile } from "../core/runtime/index.js";
import { parseBodyJson, refusal, type ToolCall, type WireMessage, type WirePart } from "../protocol/index.js";
import { type ResolveImage, type ResolveVideo, urlOf } from "./images.js";

type TemplateCall = NonNullable<ChatMessage["tool_calls"]>[number];

/** What the parts of messages name. */
interface Resolve {
  readonly image: ResolveImage;
  readonly video: ResolveVideo;
  /** Whether an uploaded file is a video. */
  readonly isVideo: (fileId: string) => boolean;
}

export async function readConversation(messages: readonly WireMessage[], resolve: Resolve): Promise<ChatMessage[]> {
  return Promise.all(messages.map((message) => readMessage(message, resolve)));
}

async function readMessage(message: WireMessage, resolve: Resolve): Promise<ChatMessage> {
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", content: message.content };
    case "user":
      return { role: "user", content: await readContent(message.content, resolve) };
    case "assistant":
      return {
        role: "assistant",
        content: message.content ?? "",
        ...(message.reasoning_content !== undefined && { reasoning_content: message.reasoning_content }),
        ...(message.tool_calls && { tool_calls: message.tool_calls.map(readCall) }),
      };
    case "tool":
      return {
        role: "tool",
        content: await readContent(message.content, resolve),
        tool_call_id: message.tool_call_id,
      };
    default:
      throw message satisfies never;
  }
}

/** Templates write the arguments themselves, so they take them as values. Some clients write none where there are none. */
function readCall({ id, type, function: { name, arguments: json } }: ToolCall): TemplateCall {
  const parsed = json.trim() === "" ? {} : parseBodyJson(json, "messages.tool_calls.function.arguments");
  if (isObject(parsed)) return { id, type, function: { name, arguments: parsed } };
  throw refusal("messages.tool_calls.function.arguments", "expected the arguments of a tool call as a JSON object");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readContent(content: string | readonly WirePart[], resolve: Resolve): Promise<ChatMessage["content"]> {
  return typeof content === "string" ? content : Promise.all(content.map((part) => readPart(part, resolve)));
}

async function readPart(part: WirePart, resolve: Resolve): Promise<ContentPart> {
  if (part.type === "text") return part;
  if (part.type === "video_url") return videoPart(await resolve.video(urlOf(part.video_url)));
  if (part.type === "file") return readFile(part.file.file_id, resolve);
  const { image_url } = part;
  if (typeof image_url === "string") return image(await resolve.image(image_url));
  const { url, detail } = image_url;
  return image(await resolve.image(url), detail === "auto" ? undefined : detail);
}

async function readFile(id: string, resolve: Resolve): Promise<ContentPart> {
  return resolve.isVideo(id) ? videoPart(await resolve.video(id)) : image(await resolve.image(id));
}

function videoPart(video: VideoFile): ContentPart {
  return { type: "video", video };
}
