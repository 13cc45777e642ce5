/**
 * Messages → what the model reads: ids, with a run of placeholder ids where each picture's tokens will stand, and pixels.
 *
 *   messages ─ chat template ─→ text with one <|image_pad|> a picture ─ tokenizer ─→ ids ─ each pad repeated ─→ ids
 *   pictures ─ decode, recipe ─→ pixel values ─→ grid ─→ how often
 *
 * Trap: pictures of any content have the same placeholder ids, so nothing may be cached by ids without the digests.
 */
import { OcellusError, throwIfAborted } from "../base/index.js";
import type { ImageGrid, ImageRecipe } from "../image/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { compileTemplate } from "./chat-template.js";
import { type PreparedImage, prepareImages } from "./images.js";
import { type ChatMessage, imagesOf, type PlainMessage, plainMessages, textOf } from "./messages.js";

export interface ProcessorParts {
  readonly tokenizer: Tokenizer;
  /** Jinja, as the checkpoint ships it. */
  readonly chatTemplate: string | undefined;
  /** Absent: the model reads text only. */
  readonly eyes?: Eyes | undefined;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

export interface Eyes {
  readonly recipe: ImageRecipe;
  readonly imageTokenId: number;
  /** Rows of the prompt that a picture of this grid takes. */
  readonly numTokensFor: (grid: ImageGrid) => number;
}

export interface ProcessOptions {
  /** Whether the prompt ends with the opening of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Default 64: each takes memory while it is decoded, and most contexts are full long before. */
  readonly maxImages?: number;
  /** Tool descriptions, handed to the template as they are. */
  readonly tools?: readonly unknown[];
  /** Whether messages may spell structure themselves, such as `<|im_start|>`. Default false: it would forge turns. */
  readonly allowSpecialTokens?: boolean;
  readonly signal?: AbortSignal;
}

export interface PromptImage extends PreparedImage {
  /** Index of its first placeholder in `ids`. */
  readonly start: number;
  readonly numTokens: number;
}

export interface Prompt {
  /** [num_tokens], placeholders repeated. */
  readonly ids: Int32Array;
  /** In the order of the prompt. */
  readonly images: readonly PromptImage[];
  /** What the template wrote, one placeholder a picture. */
  readonly text: string;
}

export interface Processor {
  /**
   * @throws `invalid_request` (malformed messages, structure spelled in a message, refused by the template),
   * `invalid_image`, `too_large`, `not_found`, `io`, `unsupported` (a template without pictures), `aborted`.
   */
  process(messages: readonly ChatMessage[], options?: ProcessOptions): Promise<Prompt>;
}

/** @throws `invalid_config` when the chat template is missing or cannot be parsed. */
export function createProcessor(parts: ProcessorParts): Processor {
  const { tokenizer, eyes } = parts;
  const render = compileTemplate(parts.chatTemplate);
  return {
    async process(conversation, options = {}) {
      const { addGenerationPrompt = true, maxImages = 64, tools, allowSpecialTokens = false, signal } = options;
      throwIfAborted(signal);
      const messages = plainMessages(conversation);
      const inputs = imagesOf(messages);
      checkImageCount(inputs.length, eyes ? maxImages : 0);
      if (!allowSpecialTokens) refuseSpecialTokens(messages, tokenizer);
      const text = render(messages, {
        ...tokenizer.namedTokens,
        ...parts.templateVariables,
        ...(tools && { tools }),
        add_generation_prompt: addGenerationPrompt,
      });
      const ids = tokenizer.encode(text);
      if (!eyes) return { ids: Int32Array.from(ids), images: [], text };
      checkPlaceholders(ids.filter((id) => id === eyes.imageTokenId).length, inputs.length); // before the costly part
      const images = await prepareImages(inputs, eyes.recipe, signal);
      return { ...expandPlaceholders(ids, images, eyes), text };
    },
  };
}

function checkImageCount(numImages: number, maxImages: number): void {
  if (numImages <= maxImages) return;
  if (maxImages === 0)
    throw new OcellusError("unsupported", "this model reads text only; send the picture to a vision-language model");
  throw new OcellusError(
    "too_large",
    `the messages hold ${numImages} pictures, at most ${maxImages} are accepted; send fewer, or raise maxImages`,
  );
}

/** Asked of the ids, not the spelling: normalisation can make a special token of text that does not look like one. */
function refuseSpecialTokens(messages: readonly PlainMessage[], tokenizer: Tokenizer): void {
  const names = new Map([...tokenizer.specialTokens].map(([name, id]) => [id, name]));
  for (const [i, message] of messages.entries()) {
    const found = tokenizer.encode(textOf(message)).find((id) => names.has(id));
    if (found === undefined) continue;
    throw new OcellusError(
      "invalid_request",
      `message ${i + 1} spells the special token ${names.get(found)}, which could forge a turn or a picture; ` +
        "remove it, or set allowSpecialTokens when the text is trusted",
      { details: { message: i, token: names.get(found) } },
    );
  }
}

function checkPlaceholders(found: number, expected: number): void {
  if (found === expected) return;
  const [code, reason] =
    found < expected
      ? (["unsupported", "the template leaves pictures out of some messages (of the system, perhaps)"] as const)
      : (["invalid_request", "a message spells further ones"] as const);
  throw new OcellusError(
    code,
    `the chat template wrote ${found} picture placeholders for ${expected} pictures: ${reason}`,
    { details: { found, expected } },
  );
}

function expandPlaceholders(
  ids: readonly number[],
  prepared: readonly PreparedImage[],
  { imageTokenId, numTokensFor }: Eyes,
): { ids: Int32Array; images: PromptImage[] } {
  const expanded: number[] = [];
  const images: PromptImage[] = [];
  for (const id of ids) {
    const image = id === imageTokenId ? prepared[images.length]! : undefined;
    const numTokens = image ? numTokensFor(image.pixels.grid) : 1;
    if (image) images.push({ ...image, start: expanded.length, numTokens });
    for (let n = 0; n < numTokens; n++) expanded.push(id);
  }
  return { ids: Int32Array.from(expanded), images };
}
