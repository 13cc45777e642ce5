/**
 * What a model family must say of itself. One file per family, named by the checkpoint's `model_type`; everything else
 * in the house knows families only through this contract.
 */
import type { z } from "zod";
import type { GraphBuilder, StateSpec, Value } from "../graph/index.js";
import type { ImageGrid, ImageProcessor, PixelValues, PlaceUnit, VideoProcessor } from "../image/spec/index.js";
import type { Part } from "./names.js";

/** cos and sin [count, head_dim/2] for `count` tokens. */
export interface RotaryAngles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Which pair of a video's frames stands for an image, and the seconds from one pair to the next. */
export interface FramePair {
  readonly index: number;
  readonly seconds: number;
}

/** The place of a picture, or of a video's pair of frames, among the ids of a prompt. */
export interface GridInPrompt {
  readonly start: number;
  readonly grid: ImageGrid;
  readonly pair?: FramePair;
}

/**
 * Positions of a prompt's tokens, one stream an axis (none: a token's position is its index), and what a later token's
 * position is beyond its index in the cache: with pictures these are different numbers.
 */
export interface PromptPositions {
  readonly axes: readonly Int32Array[];
  readonly delta: number;
}

/** Tokens of one sequence in this step: cache positions `start` to `start + count - 1`. */
export interface TokenRow {
  readonly start: number;
  readonly count: number;
  readonly positions: PromptPositions;
}

/** An input of a graph, as the host makes it. */
export type HostInput =
  | { readonly dtype: "f32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "i32" | "i64"; readonly shape: readonly number[]; readonly data: readonly number[] };

/** Numbers the rooms above need from a config, spelled alike for all families. */
export interface ModelDimensions {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Tokens of context the model was made for. */
  readonly maxLength: number;
  readonly eosTokenIds: readonly number[];
}

export type BuildGraph = (builder: GraphBuilder) => void;

/** What no graph shows: it is in the training, and in the chat template, of published checkpoints. */
export type TrainedAbility = "several_images" | "tools" | "boxes" | "thinking";

/** What a user wants to know of a family before a download. */
export interface AboutFamily {
  /** The models that have this type, as their makers name them. */
  readonly title: string;
  /** Published checkpoints, `owner/name`, small ones first. None: a format of our own. */
  readonly repositories: readonly string[];
  /** What some or all of them were trained for, beyond what the rest of the contract shows. */
  readonly trainedFor?: readonly TrainedAbility[];
  /** What the boxes that they write are counted in (docs/places.md). Absent: no way to write them was published. */
  readonly places?: PlaceUnit;
}

/**
 * What of a family's checkpoint is opened: all of it, with the linear layer that its class of transformers puts behind the image
 * encoder (`classifier`), or what that layer reads (`features`).
 */
export type FamilyView = "whole" | "classifier" | "features";

/** The image encoder as the family's …ForImageClassification of transformers has it. */
export interface ClassifierSide<C> {
  /** That class, as `architectures` names it. */
  readonly architecture: string;
  /** Inputs and encoder → the row that the linear layer `classifier` reads, [1, features]. */
  features(builder: GraphBuilder, config: C): Value;
  /** What that class calls a tensor of this canonical name; undefined for one that it does not have. */
  tensorName(name: string): string | undefined;
}

/** What packing needs of every family. */
interface Family<C> {
  readonly modelType: string;
  /** Of a family made from another of the same model type. Absent: the whole. */
  readonly view?: Exclude<FamilyView, "whole">;
  readonly about: AboutFamily;
  /** Every field of the config, by what becomes of it: fields.ts. */
  readonly configSchema: z.ZodType<C>;
  /** @throws `invalid_config`, or `unsupported` for a valid choice that is not ours, naming field and value. */
  parseConfig(json: unknown): C;
  /** The one spelling our graphs use, for every spelling found in checkpoints. */
  canonicalName(checkpointName: string): string;
  /** The part of the model that a tensor belongs to, by its canonical name. */
  parts(name: string): Part;
  /** Whether a tensor of that canonical name is one that the reference leaves aside too. Default: none is. */
  isAside?(name: string): boolean;
  /** Whether a decoder's matrix of that canonical name loses so much in four bits that it keeps eight. Default: none does. */
  keepsEightBits?(name: string): boolean;
  /** The graphs of a model, by the name of their file. */
  graphs(config: C): Readonly<Record<string, BuildGraph>>;
}

/** A decoder that writes text, with or without a vision encoder. Graphs: `decoder` and, if it reads images, `vision`. */
export interface ModelFamily<C> extends Family<C> {
  readonly kind: "language";
  dimensions(config: C): ModelDimensions;
  /** What each layer of the decoder keeps of a sequence. */
  states(config: C): readonly StateSpec[];
  /** Token embedding table [vocab_size, hidden_size], read by the host row by row. */
  readonly embedTokens: string;
  /** Absent: a family that reads text only. */
  readonly image?: ImageSide<C>;
  /** Decoder layers, from the first, whose output visual features are added to: the outputs `deepstack.0`, … of vision. */
  numDeepstack(config: C): number;
  positions(config: C, ids: ArrayLike<number>, images: readonly GridInPrompt[]): PromptPositions;
  rotary(config: C, row: TokenRow): RotaryAngles;
}

/** Ids of a text, as the checkpoint's tokenizer has them, without special ones around it. */
export type EncodeText = (text: string) => readonly number[];

/** The id of a token that marks something, by its spelling. @throws `invalid_config` where the tokenizer has none. */
export type TokenIdOf = (token: string) => number;

/** A run of neighbouring tokens. */
export interface TokenSpan {
  readonly start: number;
  readonly numTokens: number;
}

/** The ids of one image, and which of them stand for the rows of the vision graph, in the order of the rows; the rest is text. */
export interface ImageLayout {
  readonly ids: readonly number[];
  readonly spans: readonly TokenSpan[];
  /** Its first and last id are the same mark, which two neighbouring images share. Default false. */
  readonly sharesMarks?: boolean;
}

/** The layout of an image without text in it: the placeholder, once for each row. */
export function plainLayout(placeholder: number, numRows: number): ImageLayout {
  return { ids: new Array<number>(numRows).fill(placeholder), spans: [{ start: 0, numTokens: numRows }] };
}

/** A layout of texts and, as numbers, of how many rows stand between them. */
export function mixedLayout(parts: readonly (string | number)[], placeholder: number, encode: EncodeText): ImageLayout {
  const ids: number[] = [];
  const spans: TokenSpan[] = [];
  for (const part of parts) {
    if (typeof part === "number") spans.push({ start: ids.length, numTokens: part });
    ids.push(...(typeof part === "number" ? new Array<number>(part).fill(placeholder) : encode(part)));
  }
  return { ids, spans };
}

/** Rows of the vision graph that a layout places. */
export function numRows({ spans }: Pick<ImageLayout, "spans">): number {
  return spans.reduce((sum, { numTokens }) => sum + numTokens, 0);
}

/** How pictures reach the decoder. */
export interface ImageSide<C> {
  /** Stated by the checkpoint's image-processor config (undefined: it has none), or the family's default. */
  imageProcessor(config: C, processorConfig: unknown): ImageProcessor;
  tokenId(config: C, idOf: TokenIdOf): number;
  /** Absent: the template writes the placeholder where a message has an image. */
  readonly written?: WrittenImage;
  /** The spelling of the placeholder, where a space parts it from a word that follows at once. Absent: nothing does. */
  readonly spaced?: string;
  /**
   * What is in a prompt for one image, or one pair of frames, whose placeholder the template wrote; `encode` gives the ids of
   * text among its rows, `index` is that of the image among all of the prompt.
   */
  layout(config: C, grid: ImageGrid, placeholder: number, encode: EncodeText, index: number): ImageLayout;
  /** Inputs of the vision graph for one picture, or for one pair of frames; of one in slices for each batch of `batchesOf`. */
  inputs(config: C, pixels: PixelValues): Readonly<Record<string, HostInput>>;
  /** Outputs of the vision graph beside `visual_tokens`. */
  extraOutputs(config: C): readonly string[];
  /**
   * Attentions of the vision graph, by node, in which learned queries look at a whole picture: their keys are its patches
   * in raster order and then, in some families, the queries themselves. Absent: a family whose visual tokens each have a place of their own.
   */
  queryAttention?(config: C): readonly string[];
  /** Absent: a family that is shown still pictures only. */
  readonly video?: VideoSide<C>;
}

/** An image in words, for templates that take only these: each part of a message is on a line of its own. */
export interface WrittenImage {
  /** What stands for an image in a message. */
  readonly mark: string;
  /** The token that takes the mark's place in what the template wrote: the placeholder. */
  readonly token: string;
}

/** How videos reach the decoder: pair by pair of frames, each pair encoded like a picture. */
export interface VideoSide<C> {
  /** Stated by the checkpoint's video-processor config (undefined: it has none), or the family's default. */
  videoProcessor(config: C, processorConfig: unknown): VideoProcessor;
  tokenId(config: C): number;
  /** What the chat template writes for a video. */
  readonly placeholder: string;
  /** What stands for it instead, by the seconds at which its pairs were seen: one `tokenId` for each. */
  spread(seconds: readonly number[]): string;
}

/**
 * Two towers into one space. Graphs: `vision` (pixel_values → image_embeds) and `text` (input_ids → text_embeds,
 * log_scale and, where probabilities are sigmoids, bias).
 */
export interface DualEncoderFamily<C> extends Family<C> {
  readonly kind: "dual_encoder";
  readonly classifier: ClassifierSide<C>;
  imageProcessor(config: C, processorConfig: unknown): ImageProcessor;
  /** Inputs of the vision graph for one image. */
  inputs(config: C, pixels: PixelValues): Readonly<Record<string, HostInput>>;
  /** Whether the reference's tokenizer class lower-cases texts, whatever tokenizer.json says. */
  readonly lowercasesText?: true;
  /** Tokens a text may have, its first and last special ones included. */
  maxTextLength(config: C): number;
  /** The row of tokens that the text graph reads for a text of these ids, and which of them is pooled. */
  textRow(config: C, ids: readonly number[], padding: TextPadding): TextRow;
  /** What `scale · cosine + bias` means: softmax tells a label from the others of a call, sigmoid each by itself. */
  readonly probabilities: "softmax" | "sigmoid";
  /** What the model was trained to see a label in; `{}` is its place. */
  readonly labelTemplate: string;
}

/** How a checkpoint's tokenizer fills a row of fixed length. */
export interface TextPadding {
  /** Undefined: its files name no padding token. */
  readonly id: number | undefined;
  readonly side: "left" | "right" | undefined;
}

export interface TextRow {
  readonly ids: readonly number[];
  readonly pooledIndex: number;
}

/** An image into one vector. Graph: `vision` (→ image_embeds [1, D]). */
export interface ImageEncoderFamily<C> extends Family<C> {
  readonly kind: "image_encoder";
  /** Absent in one that gives features only. */
  readonly classifier?: ClassifierSide<C>;
  imageProcessor(config: C, processorConfig: unknown): ImageProcessor;
  /** Inputs of the graph for one image. */
  inputs(config: C, pixels: PixelValues): Readonly<Record<string, HostInput>>;
}

/** A picture into a score for each of its labels. Graph: `vision` (pixel_values → logits). */
export interface ClassifierFamily<C> extends Family<C> {
  readonly kind: "classifier";
  /** Absent in one whose head is its own. */
  readonly classifier?: ClassifierSide<C>;
  imageProcessor(config: C, processorConfig: unknown): ImageProcessor;
  /** Inputs of the graph for one image. */
  inputs(config: C, pixels: PixelValues): Readonly<Record<string, HostInput>>;
  labels(config: C): readonly string[];
}

/** A family whose config type is its own business: made by `parseConfig`, handed back to the same family. */
// biome-ignore lint/suspicious/noExplicitAny: the existential type TypeScript cannot write
export type LanguageFamily = ModelFamily<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type DualEncoder = DualEncoderFamily<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Classifier = ClassifierFamily<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type ImageEncoder = ImageEncoderFamily<any>;
export type AnyFamily = LanguageFamily | DualEncoder | Classifier | ImageEncoder;

/** Positions of a family with plain RoPE: the index itself. */
export const indexPositions: PromptPositions = { axes: [], delta: 0 };
