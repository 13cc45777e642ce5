/** What a request asks of a model, as its client sent it; how it is read, and what its images take while it is. */
import { OcellusError } from "../core/base/index.js";
import type { ChatMessage, ChatOptions, LanguageModel, Prepared } from "../core/runtime/index.js";

export type AskedPrompt = { readonly messages: readonly ChatMessage[] } | { readonly text: string | readonly number[] };

export function preparePrompt(model: LanguageModel, prompt: AskedPrompt, options: ChatOptions): Promise<Prepared> {
  return "text" in prompt ? model.prepareText(prompt.text, options) : model.prepare(prompt.messages, options);
}

/** Bytes of pixel values that `preparePrompt` holds. @throws `too_large` above `maxBytes`, as the model's `pixelBytes`. */
export async function pixelBytesOf(
  model: LanguageModel,
  prompt: AskedPrompt,
  options: ChatOptions,
  maxPixelBytes: number,
): Promise<number> {
  const numBytes = "text" in prompt ? 0 : await model.pixelBytes(prompt.messages, options);
  if (numBytes <= maxPixelBytes) return numBytes;
  throw new OcellusError(
    "too_large",
    `the images take ${numBytes} bytes when they are fitted for this model, at most ${maxPixelBytes} are there for ` +
      "them; send fewer or smaller ones, or a smaller max_pixels (of the server: --max-pixel-bytes)",
    { details: { numBytes, maxPixelBytes } },
  );
}
