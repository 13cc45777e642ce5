/**
 * What the vision graph made of the last pictures: a second question about a picture does not encode it again, and two
 * askers at once share one run. The key is the digest of the pixels and the grid: one model and one recipe, but each
 * request has its own pixel budget, and the size that a picture is brought to follows from its pixels and the grid.
 */
import type { PromptImage } from "../processor/index.js";
import type { EncodedImage } from "./vision.js";

export function featureKey({ digest, pixels }: Pick<PromptImage, "digest" | "pixels">): string {
  return `${digest}:${pixels.grid.rows}x${pixels.grid.columns}`;
}

/** Some thousand pictures of a small model, four large ones of an 8B. */
const defaultMaxBytes = 256 * 2 ** 20;

export class FeatureCache {
  readonly #maxBytes: number;
  /** Least recently used first; a picture in work weighs nothing until it is done. */
  readonly #entries = new Map<string, { features: Promise<EncodedImage>; bytes: number }>();
  #totalBytes = 0;

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#totalBytes;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The features of the picture, by `encode` if they are not known; a failure is not remembered. */
  async get(key: string, encode: () => Promise<EncodedImage>): Promise<EncodedImage> {
    const known = this.#entries.get(key);
    if (known) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.features;
    }
    const entry = { features: encode(), bytes: 0 };
    this.#entries.set(key, entry);
    try {
      const features = await entry.features;
      entry.bytes = bytesOf(features);
      this.#totalBytes += entry.bytes;
      this.#evict();
      return features;
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  #evict(): void {
    for (const [key, { bytes }] of this.#entries) {
      if (this.#totalBytes <= this.#maxBytes) return;
      if (bytes === 0) continue;
      this.#entries.delete(key);
      this.#totalBytes -= bytes;
    }
  }
}

function bytesOf({ outputs }: EncodedImage): number {
  return Object.values(outputs).reduce((sum, values) => sum + values.byteLength, 0);
}
