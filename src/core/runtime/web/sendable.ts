/** Questions on their way from a page to its model's worker: addresses in them mean there what they mean in the page. */
import type { ImageInput } from "../../image/loaded/index.js";
import type { ChatMessage, ContentPart } from "../../processor/portable.js";

/** What is no message is refused where it is read. */
export function sendable(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return Array.isArray(messages) ? messages.map(sendableMessage) : messages;
}

function sendableMessage(message: ChatMessage): ChatMessage {
  const content = message?.content;
  if (!Array.isArray(content)) return message;
  const sent = (part: ContentPart | string): ContentPart | string => {
    if (typeof part !== "object" || part === null) return part;
    if (part.type === "image") return { ...part, image: absolute(part.image) };
    if (part.type !== "video" || !Array.isArray(framesOf(part.video))) return part;
    return { ...part, video: { ...part.video, frames: framesOf(part.video)!.map(absolute) } } as ContentPart;
  };
  return { ...message, content: content.map(sent) };
}

function framesOf(video: unknown): readonly ImageInput[] | undefined {
  return (video as { readonly frames?: readonly ImageInput[] } | undefined)?.frames;
}

export function absolute(image: ImageInput): ImageInput {
  if (image instanceof URL) return image.href;
  return typeof image === "string" ? absoluteUrl(image) : image;
}

/** As seen from the page. What is no address is refused where it is read. */
export function absoluteUrl(address: string): string {
  const { location } = globalThis as unknown as { readonly location?: { readonly href: string } };
  return URL.canParse(address, location?.href) ? new URL(address, location?.href).href : address;
}
