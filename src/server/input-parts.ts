/** What is embedded or judged as one: the parts of a message as a text, an image, or both. */
import type { LoadedImage } from "../core/image/node/index.js";
import { type ContentInput, refusal } from "../protocol/index.js";
import { type ResolveImage, urlOf } from "./images.js";

interface OneInput {
  readonly text?: string;
  readonly image?: LoadedImage;
}

/** Texts stand together as a prompt has them. @throws `invalid_request` for a second image: the models were trained with one. */
export async function embedderInput(content: ContentInput["content"], resolve: ResolveImage): Promise<OneInput> {
  if (typeof content === "string") return { text: content };
  const images = content.flatMap((part) => (part.type === "image_url" ? [part.image_url] : []));
  if (images.length > 1) throw refusal("content", `content: expected one image at most, found ${images.length}`);
  const text = content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
  const [url] = images;
  return { ...(text !== "" && { text }), ...(url !== undefined && { image: await resolve(urlOf(url)) }) };
}
