/** Where a request's pictures come from. Only bytes and data URLs ever reach the runtime, which would also read paths. */
import { OcellusError } from "../core/base/index.js";
import { type GivenImage, LoadedImage } from "../core/image/node/index.js";
import { fetchImage } from "./fetch-image.js";
import type { RequestContext } from "./request-context.js";

/** A picture's address on the wire (data URL, file id, http) → something the runtime may read. */
export type ResolveImage = (url: string) => Promise<LoadedImage>;

/** For one request: a picture that is named twice is read once, and the number of pictures is bounded before any is. */
export function imageResolver(context: RequestContext): ResolveImage {
  const { config, files, budget } = context.services;
  const known = new Map<string, Promise<LoadedImage>>();
  const resolve = async (url: string): Promise<GivenImage> => {
    if (known.size >= config.maxImages)
      throw new OcellusError("too_large", `at most ${config.maxImages} images are read in one request`);
    if (/^data:/i.test(url)) return checkedDataUrl(url, config.maxImageBytes);
    if (url.startsWith("file-")) return files.get(context.caller.owner, url).bytes;
    const { maxImageBytes: maxBytes, imageTimeoutMs: timeoutMs, imageHosts, allowImageUrls } = config;
    if (!allowImageUrls && imageHosts.length === 0) throw notAllowed(url);
    let held = 0;
    const onBytes = (numBytes: number) => {
      budget.take(context.caller, numBytes);
      held += numBytes;
    };
    return fetchImage(
      url,
      { maxBytes, timeoutMs, onBytes, imageHosts, allowsPublic: allowImageUrls },
      context.signal,
    ).catch((error: OcellusError) => {
      budget.giveBack(context.caller, held);
      context.log.debug({ err: error.cause }, "an image was not fetched"); // what its client is not told
      throw error;
    });
  };
  return (url) => {
    const image = known.get(url) ?? resolve(url).then(LoadedImage.of);
    known.set(url, image);
    return image;
  };
}

/** A picture's address on the wire, written either way. */
export function urlOf(imageUrl: string | { readonly url: string }): string {
  return typeof imageUrl === "string" ? imageUrl : imageUrl.url;
}

function checkedDataUrl(url: string, maxBytes: number): string {
  const numBytes = Math.floor(((url.length - url.indexOf(",") - 1) * 3) / 4);
  if (numBytes <= maxBytes) return url;
  throw new OcellusError(
    "too_large",
    `an image of ${numBytes} bytes, at most ${maxBytes} are read; send a smaller one`,
  );
}

function notAllowed(url: string): OcellusError {
  const isAddress = /^https?:/i.test(url);
  const found = isAddress
    ? "an address; this server fetches none (--allow-image-urls)"
    : JSON.stringify(url.slice(0, 60));
  return new OcellusError(
    "invalid_request",
    `an image: expected data:image/…;base64,… or the id of an uploaded file, found ${found}`,
    { details: { param: "image_url" } },
  );
}
