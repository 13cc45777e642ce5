/**
 * Messages → what the model reads: ids, with placeholder ids where each picture's tokens will stand, and pixels.
 *
 *   messages ─ chat template ─→ text with one <|image_pad|> a picture ─ tokenizer ─→ ids ─ each pad laid out ─→ ids
 *   images ─ decode, image processor ─→ pixel values ─→ grid ─→ layout
 *
 * A video's placeholder is first spread into one for each pair of frames; from there on pairs are as pictures.
 *
 * Trap: pictures of any content have the same placeholder ids, so nothing may be cached by ids without the digests.
 */
import { OcellusError, stringifyJson, throwIfAborted } from "../base/index.js";
import { type LoadOptions, preparedBytes, prepareImage, type SeenImage, seen } from "../image/loaded/index.js";
import type { ImageGrid, ImageProcessor, PixelBudget } from "../image/spec/index.js";
import type { FramePair, ImageLayout, WrittenImage } from "../models/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { checkCounts, checkFrames, checkLength } from "./bounds.js";
import { continued, upToMark } from "./continued.js";
import {
  askedImages,
  headerGrids,
  type ImageSizes,
  loadedImages,
  prepareImages,
  processorsOf,
  readImages,
  type SeeImage,
  withSizes,
} from "./images.js";
import { checkContextLength, checkImageTokens, expandPlaceholders, type Placed } from "./layout-images.js";
import { type ChatMessage, imagesOf, plainMessages, templateMessage, textOf, toolText, videosOf } from "./messages.js";
import { type TextWork, textWorkHere } from "./text-work.js";
import {
  type Clip,
  fileBytes,
  isFile,
  measuredVideos,
  numPairs,
  ownVideos,
  prepareVideos,
  readVideos,
  spreadVideos,
  type VideoSpec,
  videoGrids,
} from "./video.js";

export interface ProcessorParts {
  readonly tokenizer: Tokenizer;
  /** Jinja, as the checkpoint ships it; not used where `textWork` renders. */
  readonly chatTemplate?: string | undefined;
  /** Where templates are rendered and texts tokenised. Default: on the caller's thread, without limits. */
  readonly textWork?: TextWork | undefined;
  /** Absent: the model reads text only. */
  readonly imageSpec?: ImageSpec | undefined;
  /** Where pictures are decoded and fitted, if they are. Default: on the caller's thread. */
  readonly seeImage?: SeeImage | undefined;
  /** Bytes that one image file may have. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Further variables of the template. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

export interface ImageSpec {
  readonly imageProcessor: ImageProcessor;
  readonly imageTokenId: number;
  /** What stands for a picture of this grid, or a pair of frames, instead of its placeholder. */
  readonly layout: (grid: ImageGrid, placeholder: number, index: number) => ImageLayout;
  /** How an image is written for templates that take words only. Absent: the template writes it. */
  readonly written?: WrittenImage | undefined;
  /** The spelling of the placeholder, where a space parts it from a word that follows at once. */
  readonly spaced?: string | undefined;
  /** Absent: the model is shown still pictures only. */
  readonly video?: VideoSpec | undefined;
}

/** The budget is that of each picture; a video's is the checkpoint's own. */
export interface ProcessOptions extends PixelBudget {
  /** Whether the prompt ends with the opening of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Whether it ends with the text of the last message, an assistant's, for the model to continue. Default false. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Of this call, over all others but those that are the prompt's own. */
  readonly templateVariables?: Readonly<Record<string, unknown>> | undefined;
  /** Default 64: each takes memory while it is decoded, and most contexts are full long before. */
  readonly maxImages?: number;
  /** Of all words together, tool descriptions included; asked before anything is tokenised. Default 2^20. */
  readonly maxCharacters?: number;
  /**
   * Tokens that the context holds: text of more is refused before it is tokenised to its end, images of more before any
   * of them is decoded. Default: no limit.
   */
  readonly maxTokens?: number;
  /** Of all videos together. Default 768, the most that the reference samples from one. */
  readonly maxFrames?: number;
  /** Tool descriptions, handed to the template as they are. */
  readonly tools?: readonly unknown[];
  /** The template's `enable_thinking`. Default: false where there is an image or a video, else the template's own. */
  readonly enableThinking?: boolean | undefined;
  /** Whether messages may spell structure themselves, such as `<|im_start|>`. Default false: it would forge turns. */
  readonly allowSpecialTokens?: boolean;
  /** Where the pictures of this call are looked at. Default: the processor's own. */
  readonly seeImage?: SeeImage;
  readonly signal?: AbortSignal;
}

/** A picture of the prompt, or a pair of frames. */
export interface PromptImage extends SeenImage, ImageSizes, Placed {
  /** Of a pair of frames. */
  readonly pair?: FramePair;
}

export interface Prompt {
  /** [num_tokens], placeholders repeated. */
  readonly ids: Int32Array;
  /** In the order of the prompt. */
  readonly images: readonly PromptImage[];
  /** What the template wrote, one placeholder a picture or pair of frames. */
  readonly text: string;
  /** What the answer continues. */
  readonly begun?: string;
}

export interface Processor {
  /**
   * @throws `invalid_request` (malformed messages, structure spelled in a message, refused by the template),
   * `invalid_image`, `too_large`, `not_found`, `io`, `unsupported` (pictures or videos that the model or its template does not know; a
   * pixel budget where all pictures have one size), `aborted`.
   */
  process(messages: readonly ChatMessage[], options?: ProcessOptions): Promise<Prompt>;
  /**
   * Bytes of the pixel values that `process` would make of images and video files, by their headers; frames that are given are
   * not counted. An image that cannot be read counts for nothing: `process` says what is wrong with it.
   * @throws of `process`, what needs no picture: malformed messages, too many characters or pictures, a bad pixel budget, pictures of
   * more tokens than the context holds.
   */
  pixelBytes(messages: readonly ChatMessage[], options?: ProcessOptions): Promise<number>;
}

/** @throws `invalid_config` when the chat template is missing or cannot be parsed. */
export function createProcessor(parts: ProcessorParts): Processor {
  const { tokenizer, imageSpec } = parts;
  const textWork = parts.textWork ?? textWorkHere(tokenizer, parts.chatTemplate);
  return {
    async process(conversation, options = {}) {
      const { tools, templateVariables, allowSpecialTokens = false, signal } = options;
      const { continueFinalMessage = false, addGenerationPrompt = !continueFinalMessage } = options;
      throwIfAborted(signal);
      const messages = plainMessages(conversation);
      const wishes = templateVariables ? stringifyJson(templateVariables) : "";
      checkLength([...messages.map(textOf), toolText(tools ?? []), wishes], options.maxCharacters);
      const [inputs, given] = [imagesOf(messages), videosOf(messages)];
      checkCounts(inputs.length, given, imageSpec, options);
      const processors = imageSpec && processorsOf(inputs, imageSpec.imageProcessor, options);
      if (!allowSpecialTokens) {
        for (const [i, message] of messages.entries())
          refuseSpecialTokens(`message ${i + 1}`, textOf(message), tokenizer);
        if (tools) refuseSpecialTokens("a tool description", toolText(tools), tokenizer);
        refuseSpecialTokens("a template variable", wishes, tokenizer);
      }
      const variables = {
        ...tokenizer.namedTokens,
        ...parts.templateVariables,
        ...(tools && { tools }),
        ...thinking(options, inputs.length + given.length > 0),
        ...templateVariables,
        add_generation_prompt: addGenerationPrompt,
      };
      const loaded = loadedImages(inputs.map(({ image }) => image));
      const owned = ownVideos(given);
      const reading = readingOf(parts, options);
      const videos = await measuredVideos(owned, imageSpec?.video, reading);
      checkFrames(videos, options.maxFrames);
      const plain = messages.map((message) => templateMessage(message, imageSpec?.written?.mark));
      const { shown, begun } = continueFinalMessage ? continued(plain) : { shown: plain, begun: undefined };
      const rendered = await textWork.render(shown, variables, signal);
      const text = withPlaceholders(begun === undefined ? rendered : upToMark(rendered), videos, imageSpec);
      const ids = await textWork.encode(text, { maxTokens: options.maxTokens }, signal);
      const written = { text, ...(begun !== undefined && { begun }) };
      if (!imageSpec || !processors) return { ids: Int32Array.from(ids), images: [], ...written };
      const counts = [
        [imageSpec.imageTokenId, inputs.length],
        ...(imageSpec.video ? [[imageSpec.video.tokenId, numPairs(videos)]] : []),
      ];
      for (const [id, expected] of counts) checkPlaceholders(ids.filter((found) => found === id).length, expected!);
      const asked = askedImages(loaded, processors);
      await readImages(loaded, reading);
      await readVideos(videos, reading);
      const grids = [
        ...(await headerGrids(asked, reading)),
        ...(imageSpec.video ? await videoGrids(videos, imageSpec.video.videoProcessor, reading) : []),
      ];
      checkContextLength(ids, [grids.slice(0, inputs.length), grids.slice(inputs.length)], imageSpec, options);
      // From here on it is costly.
      const seen = await prepareImages(asked, options.seeImage ?? parts.seeImage ?? seeHere, signal);
      const images = await Promise.all(seen.map((image, i) => withSizes(image, asked[i]!, reading)));
      const pairs = imageSpec.video ? await prepareVideos(videos, imageSpec.video.videoProcessor, reading) : [];
      return { ...expandPlaceholders(ids, images, pairs, imageSpec), ...written };
    },
    async pixelBytes(conversation, options = {}) {
      const messages = plainMessages(conversation);
      checkLength([...messages.map(textOf), toolText(options.tools ?? [])], options.maxCharacters);
      const [inputs, given] = [imagesOf(messages), videosOf(messages)];
      checkCounts(inputs.length, given, imageSpec, options);
      if (!imageSpec) return 0;
      const reading = readingOf(parts, options);
      const files = await measuredVideos(given.filter(isFile), imageSpec.video, reading);
      checkFrames(files, options.maxFrames);
      const processors = processorsOf(inputs, imageSpec.imageProcessor, options);
      const asked = askedImages(loadedImages(inputs.map(({ image }) => image)), processors);
      const grids = await headerGrids(asked, reading);
      checkImageTokens(grids, imageSpec, options);
      const bytesOf = (grid: ImageGrid | undefined, i: number) =>
        grid && asked.indexOf(asked[i]!) === i ? preparedBytes(grid, processors[i]!) : 0;
      return grids.reduce((sum, grid, i) => sum + bytesOf(grid, i), fileBytes(files));
    },
  };
}

function withPlaceholders(rendered: string, videos: readonly Clip[], spec: Partial<ImageSpec> = {}): string {
  const { written, spaced, video } = spec;
  const marked = written ? rendered.replaceAll(written.mark, written.token) : rendered;
  const apart = (part: string, i: number) => (i > 0 && /^[^\s<]/.test(part) ? ` ${part}` : part);
  const text = spaced ? marked.split(spaced).map(apart).join(spaced) : marked;
  return video ? spreadVideos(text, videos, video) : text;
}

/** Thoughts about an image cost more than they gain; without one the template decides. */
function thinking({ enableThinking }: ProcessOptions, hasImages: boolean): { enable_thinking?: boolean } {
  const isEnabled = enableThinking ?? (hasImages ? false : undefined);
  return isEnabled === undefined ? {} : { enable_thinking: isEnabled };
}

const seeHere: SeeImage = async (image, imageProcessor, options) =>
  seen(await prepareImage(await image.take(options), imageProcessor, options));

function readingOf({ maxBytes }: ProcessorParts, { signal }: ProcessOptions): LoadOptions {
  return { ...(maxBytes !== undefined && { maxBytes }), ...(signal && { signal }) };
}

/** What is spelled in a message would become the token in the prompt. */
function refuseSpecialTokens(where: string, text: string, tokenizer: Tokenizer): void {
  const token = tokenizer.specialTokenIn(text);
  if (token === undefined) return;
  throw new OcellusError(
    "invalid_request",
    `${where} spells the special token ${token}, which could forge a turn or an image; ` +
      "remove it, or set allowSpecialTokens when the text is trusted",
    { details: { where, token } },
  );
}

function checkPlaceholders(found: number, expected: number): void {
  if (found === expected) return;
  const [code, reason] =
    found < expected
      ? (["unsupported", "the template leaves images out of some messages (of the system, perhaps)"] as const)
      : (["invalid_request", "a message spells further ones"] as const);
  throw new OcellusError(
    code,
    `the chat template wrote ${found} image placeholders for ${expected} images: ${reason}`,
    { details: { placeholder: "image", found, expected } },
  );
}
