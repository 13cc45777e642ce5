/** Where a request's images and videos come from. Only bytes and data URLs ever reach the runtime, which would also read paths. */
import { OcellusError } from "../core/base/index.js";
import { LoadedImage, VideoFile } from "../core/image/node/index.js";
import { fetchImage, type MediaKind } from "./fetch-image.js";
import type { RequestContext } from "./request-context.js";

/** A picture's address on the wire (data URL, file id, http) → something the runtime may read. */
export type ResolveImage = (url: string) => Promise<LoadedImage>;
/** The same of a video. */
export type ResolveVideo = (url: string) => Promise<VideoFile>;

/** For one request: a picture that is named twice is read once, and the number of pictures is bounded before any is. */
export function imageResolver(context: RequestContext): ResolveImage {
  const { maxImages, maxImageBytes: maxBytes } = context.services.config;
  return once(maxImages, "images", async (url) =>
    LoadedImage.of(await sourceOf(url, { kind: "image", maxBytes }, context)),
  );
}

/** Frames are read later, by the rule of the model that is asked. */
export function videoResolver(context: RequestContext): ResolveVideo {
  const { maxVideos, maxVideoBytes: maxBytes, maxVideoSeconds: maxSeconds, videoMs } = context.services.config;
  const limits = { maxBytes, maxSeconds, maxMs: videoMs };
  return once(
    maxVideos,
    "videos",
    async (url) => new VideoFile(await sourceOf(url, { kind: "video", maxBytes }, context), limits),
  );
}

function once<T>(most: number, what: string, read: (url: string) => Promise<T>): (url: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return async (url) => {
    const found = known.get(url);
    if (found) return found;
    if (known.size >= most) throw new OcellusError("too_large", `at most ${most} ${what} are read in one request`);
    const reading = read(url);
    known.set(url, reading);
    return reading;
  };
}

async function sourceOf(
  url: string,
  { kind, maxBytes }: { readonly kind: MediaKind; readonly maxBytes: number },
  context: RequestContext,
): Promise<string | Uint8Array> {
  const { config, files, budget } = context.services;
  if (/^data:/i.test(url)) return checkedDataUrl(url, kind, maxBytes);
  if (url.startsWith("file-")) return files.get(context.caller.owner, url).bytes;
  const { imageTimeoutMs: timeoutMs, imageHosts, allowImageUrls } = config;
  if (!allowImageUrls && imageHosts.length === 0) throw notAllowed(url, kind);
  let held = 0;
  const onBytes = (numBytes: number) => {
    budget.take(context.caller, numBytes);
    held += numBytes;
  };
  return fetchImage(
    url,
    { kind, maxBytes, timeoutMs, onBytes, imageHosts, allowsPublic: allowImageUrls },
    context.signal,
  ).catch((error: OcellusError) => {
    budget.giveBack(context.caller, held);
    context.log.debug({ err: error.cause }, `the ${kind} was not fetched`); // what its client is not told
    throw error;
  });
}

/** A picture's address on the wire, written either way. */
export function urlOf(imageUrl: string | { readonly url: string }): string {
  return typeof imageUrl === "string" ? imageUrl : imageUrl.url;
}

function checkedDataUrl(url: string, kind: MediaKind, maxBytes: number): string {
  const numBytes = Math.floor(((url.length - url.indexOf(",") - 1) * 3) / 4);
  if (numBytes <= maxBytes) return url;
  throw new OcellusError(
    "too_large",
    `the ${kind} has ${numBytes} bytes, at most ${maxBytes} are read; send a smaller one`,
  );
}

function notAllowed(url: string, kind: MediaKind): OcellusError {
  const isAddress = /^https?:/i.test(url);
  const found = isAddress
    ? "an address; this server fetches none (--allow-image-urls)"
    : JSON.stringify(url.slice(0, 60));
  return new OcellusError(
    "invalid_request",
    `the ${kind}: expected data:${kind}/…;base64,… or the id of an uploaded file, found ${found}`,
    { details: { param: `${kind}_url` } },
  );
}
