/**
 * What the vision graph made of the last pictures, by the digest of their pixels: a second question about a picture does
 * not encode it again, and two askers at once share one run. One model and one recipe, so the digest alone is the key.
 */
import type { EncodedImage } from "./vision.js";

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

  has(digest: string): boolean {
    return this.#entries.has(digest);
  }

  /** The features of the picture, by `encode` if they are not known; a failure is not remembered. */
  async get(digest: string, encode: () => Promise<EncodedImage>): Promise<EncodedImage> {
    const known = this.#entries.get(digest);
    if (known) {
      this.#entries.delete(digest);
      this.#entries.set(digest, known);
      return known.features;
    }
    const entry = { features: encode(), bytes: 0 };
    this.#entries.set(digest, entry);
    try {
      const features = await entry.features;
      entry.bytes = bytesOf(features);
      this.#totalBytes += entry.bytes;
      this.#evict();
      return features;
    } catch (error) {
      this.#entries.delete(digest);
      throw error;
    }
  }

  #evict(): void {
    for (const [digest, { bytes }] of this.#entries) {
      if (this.#totalBytes <= this.#maxBytes) return;
      if (bytes === 0) continue;
      this.#entries.delete(digest);
      this.#totalBytes -= bytes;
    }
  }
}

function bytesOf({ outputs }: EncodedImage): number {
  return Object.values(outputs).reduce((sum, values) => sum + values.byteLength, 0);
}
