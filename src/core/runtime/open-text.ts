/** The text side of a packed model: its tokenizer, its chat template and what it says about sampling. */
import { type Keep, OcellusError } from "../base/index.js";
import { readImageProcessorConfig, readVideoProcessorConfig } from "../image/spec/index.js";
import type { EncodeText, ImageSide, TokenIdOf } from "../models/index.js";
import type { PackedFiles, PackedModel } from "../pack/portable.js";
import {
  createProcessor,
  type ImageSpec,
  type Processor,
  type SeeImage,
  type TextWork,
} from "../processor/portable.js";
import type { Tokenizer } from "../tokenizer/index.js";
import type { ChatOptions } from "./chat.js";
import { FamiliarImages, readFamiliarity, type Training } from "./familiarity.js";
import { type FieldTemperatures, readConfidence } from "./field-confidence.js";
import { generationNotes, readEosTokenIds, readSampling } from "./generation.js";
import { seeWithTable } from "./memory.js";
import type { OpenedImages } from "./opened-images.js";
import { readTokenizer, requiredJson } from "./read-tokenizer.js";
import { thinkingOf } from "./reasoning.js";

/** Where templates are rendered and texts tokenised; ends with the model. */
export interface OpenedTextWork extends TextWork {
  close(): Promise<void>;
}

/** @param path the folder that holds the tokenizer's files. @throws `invalid_config` without a chat template that can be used. */
export type OpenTextWork = (
  tokenizer: Tokenizer,
  chatTemplate: string | undefined,
  path: string,
) => Promise<OpenedTextWork>;

export interface TextSide extends Training {
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: string | undefined;
  readonly textWorkers: OpenedTextWork;
  readonly processor: Processor;
  /** How the processor looks at pictures. */
  readonly seeImage: SeeImage;
  /** Absent: the model reads text only. */
  readonly imageSpec: ImageSpec | undefined;
  /** Which images are like those of training; absent: the checkpoint does not say. */
  readonly familiar: FamiliarImages | undefined;
  /** By the kind of a field. */
  readonly fieldTemperatures: FieldTemperatures;
  readonly defaults: ChatOptions;
  readonly eosTokenIds: readonly number[];
  /** What generation_config.json asks for and is not applied, and when the model thinks, in sentences. */
  readonly notes: readonly string[];
}

export async function openText(
  packed: PackedModel,
  { prepare, limits }: OpenedImages,
  openWork: OpenTextWork,
  keep: Keep,
): Promise<TextSide> {
  const { files, family, config } = packed;
  await requiredJson(files, "tokenizer_config.json");
  const tokenizer = await readTokenizer(files);
  const chatTemplate = await readChatTemplate(files, tokenizer);
  const imageSpec = family.image && (await imageSpecOf(family.image, config, files, tokenizer));
  const seeImage = seeWithTable(prepare, limits);
  const textWorkers = await keep(openWork(tokenizer, chatTemplate, files.path));
  const processor = createProcessor({
    ...{ tokenizer, textWork: textWorkers, imageSpec, seeImage },
    maxBytes: limits.maxBytes,
  });
  const known = await readFamiliarity(files);
  const generation = await files.readJson("generation_config.json");
  const sampling = readSampling(generation);
  const eosTokenIds = readEosTokenIds(generation) ?? family.dimensions(config).eosTokenIds;
  return {
    tokenizer,
    chatTemplate,
    textWorkers,
    processor,
    seeImage,
    imageSpec,
    familiar: known?.images && new FamiliarImages(known.images),
    imagesPerQuestion: known?.images_per_question,
    trainedFor: known?.trained_for,
    fieldTemperatures: await readConfidence(files),
    defaults: sampling ? { sampling } : {},
    notes: [...generationNotes(generation), ...thinkingNotes(chatTemplate)],
    eosTokenIds,
  };
}

function thinkingNotes(chatTemplate = ""): string[] {
  if (thinkingOf(chatTemplate) !== "hybrid") return [];
  return ["the model does not think before it answers about an image or a video, unless a request sets enableThinking"];
}

/** Texts among the rows of images are few and short, and come again and again. */
const maxMarks = 1024;

function encoderOf(tokenizer: Tokenizer): EncodeText {
  const known = new Map<string, readonly number[]>();
  return (text) => {
    const ids = known.get(text) ?? tokenizer.encode(text);
    if (known.size < maxMarks) known.set(text, ids);
    return ids;
  };
}

function tokenIdOf(tokenizer: Tokenizer): TokenIdOf {
  return (token) => {
    const id = tokenizer.tokenId(token);
    if (id !== undefined) return id;
    const expected = `tokenizer.json: expected the token ${token}, by which this model family places images; found none`;
    throw new OcellusError("invalid_config", `${expected}; compare it with the checkpoint's original file`, {
      details: { file: "tokenizer.json", missing: token },
    });
  };
}

async function imageSpecOf(
  image: ImageSide<unknown>,
  config: unknown,
  files: PackedFiles,
  tokenizer: Tokenizer,
): Promise<ImageSpec> {
  const { video } = image;
  const encode = encoderOf(tokenizer);
  return {
    imageProcessor: image.imageProcessor(config, await readImageProcessorConfig(files)),
    imageTokenId: image.tokenId(config, tokenIdOf(tokenizer)),
    written: image.written,
    spaced: image.spaced,
    layout: (grid, placeholder, index) => image.layout(config, grid, placeholder, encode, index),
    video: video && {
      ...video,
      videoProcessor: video.videoProcessor(config, await readVideoProcessorConfig(files)),
      tokenId: video.tokenId(config),
    },
  };
}

/** A file of its own (transformers 5, 4.4x), or a field of tokenizer_config.json. */
async function readChatTemplate(files: PackedFiles, tokenizer: Tokenizer): Promise<string | undefined> {
  const json = (await files.readJson("chat_template.json")) as { chat_template?: unknown } | undefined;
  const fromJson = typeof json?.chat_template === "string" ? json.chat_template : undefined;
  return (await files.readText("chat_template.jinja")) ?? fromJson ?? tokenizer.chatTemplate;
}
