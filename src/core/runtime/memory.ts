/**
 * What a model remembers between questions, joined from the features room: features of pictures, pictures by their files,
 * cached prefixes. Here is decided what each is kept under; the rooms below only compare keys.
 */

import type { Device } from "../backend/portable.js";
import { invariant, OcellusError, optionNames, refuseUnknownOptions, sha256 } from "../base/index.js";
import {
  type EncoderCache,
  encoderCacheKey,
  ImageTable,
  PrefixCache,
  type PromptCache,
  SnapshotCache,
  type TokenKey,
} from "../cache/portable.js";
import { isRecurrent } from "../graph/index.js";
import {
  type DecodedImage,
  type ImageFile,
  type ImageLimits,
  type PrepareImage,
  type SeenImage,
  seen,
} from "../image/loaded/index.js";
import type { ImageProcessor } from "../image/spec/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { Prompt, SeeImage } from "../processor/portable.js";

/** Byte budgets of a model's memory; 0 turns a part off. Answers do not depend on them. */
export interface MemoryOptions {
  /** Of encoded pictures in memory. Default 256 MiB. */
  readonly encoderCacheBytes?: number;
  /** Of encoded pictures that are pinned (`model.pin`), beside these. Default 64 MiB. */
  readonly pinnedBytes?: number;
  /** Folder where encoded pictures outlive the process; one process at a time. Default: none. */
  readonly encoderCacheFolder?: string | undefined;
  /** Of that folder. Default 4 GiB. */
  readonly encoderCacheFolderBytes?: number;
  /** Of keys and values of prompts that were read, so that the next one that begins alike continues there. Default 256 MiB. */
  readonly prefixCacheBytes?: number;
  /** What finds near-duplicates, for requests that ask for `reuse: "near"`. Default: nothing, such requests are refused. */
  readonly nearDuplicates?: OpenNearDuplicates;
  /** What is reused for questions that do not say (`ChatOptions.reuse`). Default "exact". */
  readonly reuse?: Reuse;
}

/** "near": a picture may be answered for by a kept one that shows the same in another encoding, size, slight crop or light. */
export type Reuse = "exact" | "near";

/** Opens what finds near-duplicates of one model's images: `nearDuplicates` of the room near-duplicates. Closed with the model. */
export type OpenNearDuplicates = (options: { readonly onThread: boolean }) => NearDuplicateCache;

/** Finds, of a new image, one that is cached and shows the same. */
export interface NearDuplicateCache {
  readonly bytes: number;
  /** As `see`, but a new image may get digest, grid and features of a cached one (`SeenImage.standsFor`). */
  seeing(see: SeeImage, cached: CachedImages): SeeImage;
  close(): Promise<void>;
}

/** The images whose features are cached. */
export interface CachedImages {
  readonly features: Pick<EncoderCache, "find">;
  /** The key of an image's features. */
  keyOf(image: Pick<SeenImage, "digest" | "grid">): string;
}

const memoryOptionNames = optionNames<MemoryOptions>({
  ...{ encoderCacheBytes: true, pinnedBytes: true, encoderCacheFolder: true, encoderCacheFolderBytes: true },
  ...{ prefixCacheBytes: true, nearDuplicates: true, reuse: true },
});

export interface SharedMemory {
  readonly memory?: MemoryOptions;
  /** Features that several models share; the caller closes it. Default: a store of the model's own, by `memory`. */
  readonly encoderCache?: EncoderCache;
}

export interface Memory extends CachedImages {
  readonly features: EncoderCache;
  readonly prefixes: PromptCache | undefined;
  readonly near: NearDuplicateCache | undefined;
  readonly reuse: Reuse;
  /** Checkpoint, number formats and graph: what decides, but for rounding, which vector a picture has. */
  readonly vectorVersion: string;
  close(): Promise<void>;
}

const defaultPrefixBytes = 256 * 2 ** 20;

/** What memory needs of where a model runs. */
export interface MemoryHost {
  /** Names the vision graph's file. */
  readonly visionDigest: () => Promise<string>;
  readonly openCache: (options: MemoryOptions) => Promise<EncoderCache>;
}

interface Remembered {
  readonly packed: PackedModel;
  /** That encodes images. */
  readonly device: Device;
  /** All that prepare images for this model. */
  readonly imageProcessors: unknown;
  /** Whether images are compared beside the caller's thread. */
  readonly onThread: boolean;
}

/** @throws `invalid_request` for an unknown option, `unsupported`, `io` when the folder cannot be made. */
export async function openMemory(
  { memory = {}, encoderCache: shared }: SharedMemory,
  { packed, device, imageProcessors, onThread }: Remembered,
  { visionDigest, openCache }: MemoryHost,
): Promise<Memory> {
  refuseUnknownOptions("loadModel: memory", memory, memoryOptionNames);
  if (memory.reuse === "near" && !memory.nearDuplicates) throw noNearDuplicates();
  const graph = packed.family.image ? await visionDigest() : "none";
  const { prefill_weights: _, ...manifest } = packed.manifest; // read by the decoder only
  const version = [manifest, graph];
  const model = sha256(JSON.stringify([...version, device])); // what decides which features a picture has
  const preprocessing = sha256(JSON.stringify(imageProcessors ?? null));
  const features = shared ?? (await openCache(memory));
  const { prefixCacheBytes = defaultPrefixBytes, reuse = "exact", nearDuplicates } = memory;
  const near = nearDuplicates?.({ onThread });
  const Prefixes = isRecurrent(packed.family.states(packed.config)) ? SnapshotCache : PrefixCache;
  return {
    features,
    prefixes: prefixCacheBytes > 0 ? new Prefixes({ maxBytes: prefixCacheBytes }) : undefined,
    near,
    reuse,
    vectorVersion: sha256(JSON.stringify(version)),
    keyOf: ({ digest: pixels, grid }) => encoderCacheKey({ model, preprocessing, pixels, ...grid }),
    close: async () => {
      await near?.close();
      if (!shared) await features.close();
    },
  };
}

/** `see`, as a request wants images reused. @throws `unsupported` where nothing was given that finds near-duplicates. */
export function seeingFor(reuse: Reuse, see: SeeImage, memory: Memory): SeeImage {
  if (reuse === "exact") return see;
  if (!memory.near) throw noNearDuplicates();
  return memory.near.seeing(see, memory);
}

function noNearDuplicates(): OcellusError {
  const message =
    'reuse: "near" needs a model that finds near-duplicates: load it with memory: { nearDuplicates: nearDuplicates() }, ' +
    "from ocellus/near-duplicates";
  return new OcellusError("unsupported", message, { details: { param: "reuse", expected: "memory.nearDuplicates" } });
}

/** A name for every token of a prompt: its id, or what is in its picture and when it was seen, which its id does not say. */
export function tokenKeys({ ids, images }: Pick<Prompt, "ids" | "images">, keyOf: Memory["keyOf"]): TokenKey[] {
  const keys: TokenKey[] = Array.from(ids);
  for (const image of images) {
    const { start, numTokens, pair } = image;
    const time = pair ? ` ${pair.index} ${pair.seconds}` : "";
    keys.fill(`${keyOf(image)}${time}`, start, start + numTokens);
  }
  return keys;
}

/** Text without messages has a point each so many tokens: about as many as a prefill step reads. */
const pointDistance = 512;

/**
 * Where a decoder's states may be kept: behind each message, the system's first, behind each image, each so many tokens, and where
 * all but the last token is read. Those before the end follow from the tokens before them alone, so prompts that begin alike agree.
 * @param endIds tokens that end a message.
 */
export function snapshotPoints(
  { ids, images }: Pick<Prompt, "ids" | "images">,
  endIds: readonly number[],
): readonly number[] {
  const isEnd = new Set(endIds);
  const points = new Set(images.map(({ start, numTokens }) => start + numTokens));
  for (const [i, id] of ids.entries()) if (isEnd.has(id) || (i + 1) % pointDistance === 0) points.add(i + 1);
  points.add(ids.length - 1);
  return [...points].filter((point) => point > 0 && point < ids.length).sort((a, b) => a - b);
}

/** Looks at pictures, decoding and fitting only those that were not seen before under the same rules. */
export function seeWithTable(prepare: PrepareImage, limits: ImageLimits): SeeImage {
  const table = new ImageTable();
  return async (image, imageProcessor, options = {}) => {
    const reading = { ...limits, ...options };
    const [content, rules] = [await image.fileDigest(reading), sha256(JSON.stringify(imageProcessor))];
    const known = table.get(content, rules);
    const source = await image.take(reading);
    if (known) return { ...known, pixels: () => decodeKnown(prepare, source, imageProcessor, known.digest) };
    const prepared = await prepare(source, imageProcessor, options);
    table.set(content, rules, { digest: prepared.digest, grid: prepared.pixels.grid });
    return seen(prepared);
  };
}

async function decodeKnown(
  prepare: PrepareImage,
  source: ImageFile | DecodedImage,
  imageProcessor: ImageProcessor,
  digest: string,
) {
  const prepared = await prepare(source, imageProcessor);
  invariant(prepared.digest === digest, "a file decodes to the same pixels every time");
  return prepared.pixels;
}
