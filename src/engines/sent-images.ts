/**
 * Which images an engine has been sent, for those that take an image by its name alone once they have it (vLLM). What the engine
 * has really kept is its own affair: it refuses a name that it no longer knows, and the whole image is sent again.
 */
import { LRUCache } from "lru-cache";
import type { ImageTraffic } from "../core/runtime/index.js";
import type { EnginePart, EngineRequest } from "./request.js";

/** vLLM's cache holds 4 GiB, some 2,000 images of a megapixel; names of 64 characters take 1 MB here. */
const maxNames = 4096;
/** So many misses without a hit between them: the engine's caches are off, or far too small. */
const maxMisses = 3;
/** Then nothing is left out for so long. */
const pauseMs = 60_000;

export class SentImages {
  readonly #names = new LRUCache<string, true>({ max: maxNames });
  #numMisses = 0;
  #pausedUntil = 0;
  readonly traffic: ImageTraffic = {
    ...{ imagesSent: 0, imageBytesSent: 0, imagesNamed: 0, imageBytesSaved: 0, imagesForgotten: 0 },
  };

  /** The request with the images that the engine has left out; the same one where there are none. */
  withoutKnown(request: EngineRequest): EngineRequest {
    if (performance.now() < this.#pausedUntil) return request;
    const isKnown = (part: EnginePart) => part.type === "image_url" && part.uuid && this.#names.has(part.uuid);
    if (!imagesOf(request).some(isKnown)) return request;
    const named = (part: EnginePart) => (isKnown(part) ? ({ ...part, image_url: null } as EnginePart) : part);
    const messages = request.messages.map((message) => {
      const { content } = message;
      return typeof content === "string" ? message : { ...message, content: content.map(named) };
    });
    return { ...request, messages };
  }

  /** It is on its way. */
  note(whole: EngineRequest, sent: EngineRequest): void {
    const { traffic } = this;
    const all = imagesOf(whole);
    for (const [i, { image_url }] of imagesOf(sent).entries()) {
      const numBytes = all[i]!.image_url?.url.length ?? 0;
      if (image_url) {
        traffic.imagesSent++;
        traffic.imageBytesSent += numBytes;
      } else {
        traffic.imagesNamed++;
        traffic.imageBytesSaved += numBytes;
      }
    }
  }

  /** The engine has begun to answer it: it has its images. */
  accept(whole: EngineRequest, sent: EngineRequest): void {
    if (whole !== sent) this.#numMisses = 0;
    for (const { uuid } of imagesOf(whole)) if (uuid) this.#names.set(uuid, true);
  }

  /** The engine failed at it: whether it still has its images is not known. */
  drop(request: EngineRequest): void {
    for (const { uuid } of imagesOf(request)) if (uuid) this.#names.delete(uuid);
  }

  /** The engine refused it with images left out, and took it whole. */
  forget(request: EngineRequest): void {
    this.traffic.imagesForgotten++;
    this.drop(request);
    if (++this.#numMisses < maxMisses) return;
    this.#numMisses = 0;
    this.#pausedUntil = performance.now() + pauseMs;
  }
}

export function imagesOf({ messages }: EngineRequest): Extract<EnginePart, { type: "image_url" }>[] {
  return messages.flatMap(({ content }) =>
    typeof content === "string" ? [] : content.filter((part) => part.type === "image_url"),
  );
}
