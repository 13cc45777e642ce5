/** A conversation of ours → the messages of the wire, and the images in them. */
import { OcellusError, stringifyJson } from "../core/base/index.js";
import type { ImageInput } from "../core/image/node/index.js";
import { type ContentPart, type PlainMessage, plainMessages } from "../core/processor/index.js";
import type { ChatMessage } from "../core/runtime/index.js";
import type { OutgoingImage } from "./outgoing-images.js";
import type { EngineMessage, EnginePart, EngineToolCall } from "./request.js";

type ImagePart = Extract<ContentPart, { type: "image" }>;

/** @param written what became of each image part @throws `invalid_request`, `unsupported` for videos */
export async function engineMessages(
  messages: readonly ChatMessage[],
  write: (image: ImageInput, detail: ImagePart["detail"]) => Promise<OutgoingImage>,
): Promise<{ messages: EngineMessage[]; images: OutgoingImage[] }> {
  const images: OutgoingImage[] = [];
  const partOf = async (part: ContentPart): Promise<EnginePart> => {
    if (part.type === "text") return part;
    if (part.type === "video") throw noVideos();
    const image = await write(part.image, part.detail);
    images.push(image);
    return { type: "image_url", image_url: { url: image.url }, uuid: image.uuid };
  };
  const wire: EngineMessage[] = [];
  for (const message of plainMessages(messages)) {
    const parts: EnginePart[] = [];
    for (const part of partsOf(message)) parts.push(await partOf(part)); // one after another: each is decoded whole
    wire.push({ ...headOf(message), content: contentOf(parts) });
  }
  return { messages: wire, images };
}

/** All images with the detail that they are asked for. */
export function askedImages(messages: readonly ChatMessage[]): ImagePart[] {
  return plainMessages(messages).flatMap((message) => partsOf(message).filter((part) => part.type === "image"));
}

function partsOf({ content }: PlainMessage): readonly ContentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

/** Words alone go as a string: templates that know no parts take that too. */
function contentOf(parts: readonly EnginePart[]): EngineMessage["content"] {
  if (parts.every((part) => part.type === "text")) return parts.map(({ text }) => text).join("");
  return parts;
}

function headOf({ role, tool_calls, tool_call_id, reasoning_content }: PlainMessage): Omit<EngineMessage, "content"> {
  const calls = tool_calls?.map(
    ({ id, function: { name, arguments: given } }, i): EngineToolCall => ({
      id: id ?? `call_${i}`,
      type: "function",
      function: { name, arguments: stringifyJson(given) },
    }),
  );
  return {
    role,
    ...(calls && { tool_calls: calls }),
    ...(tool_call_id !== undefined && { tool_call_id }),
    ...(reasoning_content !== undefined && { reasoning: reasoning_content }),
  };
}

function noVideos(): OcellusError {
  return new OcellusError("unsupported", "a video: an engine elsewhere is sent images only; send frames as images", {
    details: { field: "content", found: "video" },
  });
}
