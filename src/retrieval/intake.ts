/** A picture on its way into a collection: decoded once, its digest, its vector (known or made), a small copy to look at. */

import { LRUCache } from "lru-cache";
import { OcellusError } from "../core/base/index.js";
import {
  type DecodeImage,
  type DecodeOptions,
  decodeAndDigest,
  type ImageInput,
  LoadedImage,
  thumbnail,
} from "../core/image/node/index.js";
import type { TextReader } from "../core/ocr/index.js";
import type { PdfDocument } from "../core/pdf/index.js";
import type { Collection } from "./collection.js";
import type { CollectionInfo, CollectionModel } from "./collection-info.js";
import type { Admission, ImageEmbedder } from "./embedder.js";
import { type Metadata, maxTextLength, type NewEntry } from "./entry.js";

export interface Intake extends Pick<NewEntry, "source" | "page" | "text" | "metadata" | "stamp"> {
  readonly image: ImageInput;
  /** Pixels of the longer side of the kept copy. Default 320 to look at; pages, which a model must read, 1536. */
  readonly keepSide?: number | undefined;
  /** Whether `text` holds what the page itself says: it is not read from its image then. */
  readonly hasTextLayer?: boolean;
}

export interface PrepareOptions extends DecodeOptions {
  /** Where pictures are decoded; it has limits of its own. Default: on the caller's thread, within these. */
  readonly decode?: DecodeImage | undefined;
  /** Reads the text that stands in the image, to be found by it; it comes after what is said of it. Default: it is not read. */
  readonly textReader?: TextReader | undefined;
}

/** Side of the copies that people look at, and of pages: print of ten points is read at it. */
const [keptSide, keptPageSide] = [320, 1536];
/** An address or a path on any system. */
const maxSourceLength = 4096;

/**
 * A picture with the pixels of one that is there takes its vector over.
 * @throws as `decodeImage`, `invalid_request` (another model's collection, a source or a text too long), `aborted`,
 * `blocked` and `unavailable` where guards stand before the model.
 */
export async function prepareEntry(
  collection: Collection,
  embedder: ImageEmbedder,
  { image: picture, keepSide, hasTextLayer = false, ...labels }: Intake,
  { decode, textReader, ...options }: PrepareOptions = {},
): Promise<NewEntry> {
  checkModel(collection.info, embedder);
  checkLengths(labels);
  const asked = options.signal ? { signal: options.signal } : {};
  const image = LoadedImage.of(picture);
  const here: DecodeImage = (file) => decodeAndDigest(file, options);
  const { image: decoded, digest: pixels } = await image.decoded(decode ?? here, options);
  const written = hasTextLayer ? undefined : await textReader?.read(decoded, asked);
  const rest = await admitted(withText(labels, written?.text), embedder);
  const twin = collection.withPixels(pixels)[0];
  const known = twin && collection.vector(twin.id)?.slice();
  if (known) await embedder.admitImage?.(image, asked); // no model sees it, and it is kept all the same
  const vector = known ?? (await vectorOnce(collection, embedder, pixels, image, asked));
  const side = keepSide ?? (rest.page === undefined ? keptSide : keptPageSide);
  const { width, height } = decoded;
  return { ...rest, pixels, width, height, vector, image: await thumbnail(decoded, side) };
}

/** Of pictures that may be on their way into a collection: as many as are worked on at once, some times over. */
const mostOnTheirWay = 64;
const onTheirWay = new WeakMap<Collection, LRUCache<string, Promise<Float32Array>>>();

/** The same pixels twice at once go through the model once. What one caller was refused, the next one asks for itself. */
async function vectorOnce(
  collection: Collection,
  embedder: ImageEmbedder,
  pixels: string,
  image: LoadedImage,
  asked: { readonly signal?: AbortSignal },
): Promise<Float32Array> {
  const vectors = onTheirWay.get(collection) ?? new LRUCache<string, Promise<Float32Array>>({ max: mostOnTheirWay });
  onTheirWay.set(collection, vectors);
  const begun = await vectors.get(pixels)?.catch(() => undefined);
  if (begun) {
    await embedder.admitImage?.(image, asked);
    return begun;
  }
  const making = embedder.embedImage(image, asked);
  vectors.set(pixels, making);
  making.catch(() => vectors.delete(pixels));
  return making;
}

type Labels = Omit<Intake, "image" | "keepSide" | "hasTextLayer">;

/** What an image says after what is said of it. */
function withText<T extends Pick<Labels, "text">>(labels: T, written = ""): T {
  const text = [labels.text, written].filter(Boolean).join("\n").slice(0, maxTextLength);
  return { ...labels, ...(text !== "" && { text }) };
}

/** All that comes back to those who search: a text, a source, names and values of metadata. */
async function admitted(labels: Labels, { admitText }: ImageEmbedder): Promise<Labels> {
  if (!admitText) return labels;
  const { text, source, metadata } = labels;
  return {
    ...labels,
    source: await admitText(source),
    ...(text !== undefined && { text: await admitText(text) }),
    ...(metadata && { metadata: await admittedMetadata(metadata, admitText) }),
  };
}

/** A number that may not be kept becomes the text that stands for it. */
async function admittedMetadata(metadata: Metadata, admitText: Admission["admitText"]): Promise<Metadata> {
  const entries: [string, Metadata[string]][] = [];
  for (const [name, value] of Object.entries(metadata)) {
    const written = String(value);
    const kept = await admitText(written);
    entries.push([await admitText(name), kept === written ? value : kept]);
  }
  return Object.fromEntries(entries);
}

/** What the entries of a source are called, where a guardrail may have cut something out of the name. @throws as `admitText`. */
export async function keptName(
  collection: Collection,
  source: string,
  { admitText }: Pick<ImageEmbedder, "admitText">,
): Promise<string> {
  return !admitText || collection.ofSource(source).length > 0 ? source : admitText(source);
}

/** @throws `blocked` for a name of which a guardrail would cut something out, as `admitText`. */
export async function checkName(name: string, { admitText }: ImageEmbedder): Promise<void> {
  if (!admitText || (await admitText(name)) === name) return;
  throw new OcellusError("blocked", "the collection's name holds what a guardrail redacts; choose another", {
    details: { param: "name" },
  });
}

/** A page of a document, its own text after what is said of it. @throws as `PdfDocument.page`. */
export async function pageIntake(
  pdf: PdfDocument,
  page: number,
  labels: Omit<Intake, "image" | "page">,
  signal: AbortSignal,
): Promise<Intake> {
  const { image, text: written } = await pdf.page(page, keptPageSide, signal);
  return { ...withText(labels, written), page, image, hasTextLayer: written.trim() !== "" };
}

/** What a new collection would record. Costs one small picture through the model: only its vector says how long it is. */
export async function modelOf(embedder: ImageEmbedder): Promise<CollectionModel> {
  const grey = { width: 2, height: 2, data: new Uint8Array(12).fill(127) };
  const { length: dimensions } = await embedder.embedImage(grey);
  return { version: embedder.version, name: embedder.name, dimensions };
}

/** Vectors of two models are in two spaces: a distance between them means nothing. @throws `invalid_request`. */
export function checkModel({ name, model }: CollectionInfo, { version, name: found }: ImageEmbedder): void {
  if (model.version === version) return;
  throw new OcellusError(
    "invalid_request",
    `the collection ${name} was made with ${model.name} (${model.version.slice(0, 12)}), not with ` +
      `${found} (${version.slice(0, 12)}): use that model, or make another collection`,
    { details: { param: "model" } },
  );
}

function checkLengths({ source, text = "" }: Pick<NewEntry, "source" | "text">): void {
  const isSource = source.length > 0 && source.length <= maxSourceLength;
  if (isSource && text.length <= maxTextLength) return;
  throw new OcellusError(
    "invalid_request",
    isSource
      ? `${source.slice(0, 80)}: a text of ${text.length} characters, at most ${maxTextLength} are kept`
      : `source: expected 1 to ${maxSourceLength} characters, found ${source.length}`,
  );
}
