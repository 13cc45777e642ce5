/**
 * What the vision graph made of the last pictures: a second question about a picture does not encode it again, and two
 * askers at once share one run. The key is the digest of the pixels and the grid: one model and one recipe, but each
 * request has its own pixel budget, and the size that a picture is brought to follows from its pixels and the grid.
 */
import { OcellusError, throwIfAborted } from "../base/index.js";
import type { PromptImage } from "../processor/index.js";
import type { EncodedImage } from "./vision.js";

export function featureKey({ digest, pixels }: Pick<PromptImage, "digest" | "pixels">): string {
  return `${digest}:${pixels.grid.rows}x${pixels.grid.columns}`;
}

/** Some thousand pictures of a small model, four large ones of an 8B. */
const defaultMaxBytes = 256 * 2 ** 20;

interface Entry {
  readonly features: Promise<EncodedImage>;
  /** Given up when nobody wants the picture any more. */
  readonly controller: AbortController;
  numAskers: number;
  isDone: boolean;
  /** A picture in work weighs nothing until it is done. */
  bytes: number;
}

export class FeatureCache {
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
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

  /**
   * The features of the picture, by `encode` if they are not known; a failure is not remembered. `encode` gets a signal
   * that fires when all who asked have given up.
   * @throws `aborted` as soon as the caller's own signal fires, and what `encode` throws.
   */
  async get(
    key: string,
    encode: (signal: AbortSignal) => Promise<EncodedImage>,
    signal?: AbortSignal,
  ): Promise<EncodedImage> {
    throwIfAborted(signal);
    const entry = this.#entries.get(key) ?? this.#begin(key, encode);
    this.#entries.delete(key);
    this.#entries.set(key, entry); // the most recently used is last
    entry.numAskers++;
    try {
      return await untilAborted(entry.features, signal);
    } finally {
      if (--entry.numAskers === 0 && !entry.isDone) this.#forget(key, entry);
    }
  }

  #begin(key: string, encode: (signal: AbortSignal) => Promise<EncodedImage>): Entry {
    const controller = new AbortController();
    const entry: Entry = { features: encode(controller.signal), controller, numAskers: 0, isDone: false, bytes: 0 };
    entry.features.then(
      (features) => this.#keep(key, entry, features),
      () => this.#forget(key, entry),
    );
    return entry;
  }

  #keep(key: string, entry: Entry, features: EncodedImage): void {
    entry.isDone = true;
    if (this.#entries.get(key) !== entry) return; // given up while it was being made
    entry.bytes = bytesOf(features);
    this.#totalBytes += entry.bytes;
    for (const [oldest, { bytes, isDone }] of this.#entries) {
      if (this.#totalBytes <= this.#maxBytes) return;
      if (!isDone) continue;
      this.#entries.delete(oldest);
      this.#totalBytes -= bytes;
    }
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.controller.abort();
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new OcellusError("aborted", "the caller aborted the request", { cause: signal.reason }));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}

function bytesOf({ outputs }: EncodedImage): number {
  return Object.values(outputs).reduce((sum, values) => sum + values.byteLength, 0);
}
