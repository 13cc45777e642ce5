/**
 * A picture from wherever its user has it → file bytes, bounded. Not here: what the bytes are (sniff.ts, decode.ts).
 * Addresses are fetched because the library's own caller gave them; a server that takes them from strangers needs
 * rules of its own before it calls us.
 */
import { type Bound, checkBytes, OcellusError, readBounded, shorten, throwIfAborted } from "../../base/index.js";
import type { RgbImage } from "../spec/index.js";
import { type ImageFile, imagePlatform, type ReadOptions } from "./platform.js";

/** An image that is not loaded yet. */
export type GivenImage = string | URL | Uint8Array | ArrayBuffer | Blob | RgbImage;

/** As much as a file may have by default: a 100-megapixel JPEG at high quality stays below. */
export const defaultMaxBytes = 64 * 2 ** 20;

/** @throws `not_found`, `io`, `too_large`, `invalid_request` (not an input we know), `aborted`. */
export async function readInput(
  input: Exclude<GivenImage, RgbImage> | ImageFile,
  options: ReadOptions,
): Promise<ImageFile> {
  throwIfAborted(options.signal);
  if (isImageFile(input)) {
    checkBytes(input.bytes.length, boundOf(input.source, options.maxBytes));
    return input;
  }
  if (typeof input === "string") return readText(input, options);
  if (input instanceof URL) return readText(input.href, options);
  if (input instanceof Blob) {
    checkBytes(input.size, boundOf("Blob", options.maxBytes));
    return { bytes: new Uint8Array(await input.arrayBuffer()), source: `Blob (${input.size} bytes)` };
  }
  if (input instanceof ArrayBuffer || input instanceof Uint8Array) {
    const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
    checkBytes(bytes.length, boundOf("image", options.maxBytes));
    return { bytes, source: `image (${bytes.length} bytes)` };
  }
  throw new OcellusError(
    "invalid_request",
    "an image is given as a path, a URL, a Uint8Array, an ArrayBuffer, a Blob or { width, height, data }; " +
      `found ${Object.prototype.toString.call(input)}`,
    { details: { found: Object.prototype.toString.call(input) } },
  );
}

/** What was read before. */
function isImageFile(input: unknown): input is ImageFile {
  return typeof input === "object" && input !== null && "bytes" in input && "source" in input;
}

async function readText(text: string, options: ReadOptions): Promise<ImageFile> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "data") return readDataUrl(text, options.maxBytes);
  if (scheme === "http" || scheme === "https") return readHttp(text, options);
  if (scheme !== "file" && /^[a-z][a-z0-9+.-]+:\/\//i.test(text))
    throw new OcellusError(
      "invalid_request",
      `${shownInput(text)}: expected a path or a file:, data:, http: or https: URL, found the scheme "${scheme}:"`,
      { details: { scheme, supported: ["file", "data", "http", "https"] } },
    );
  return imagePlatform().readPath(text, options);
}

function readDataUrl(url: string, maxBytes: number): ImageFile {
  const comma = url.indexOf(",");
  const [head, payload] = comma < 0 ? [shownInput(url), ""] : [url.slice(0, comma), url.slice(comma + 1)];
  if (comma < 0 || !/;base64$/i.test(head))
    throw new OcellusError(
      "invalid_request",
      `${shownInput(head)}: expected data:image/…;base64,… with the image in base64`,
      { details: { expected: "data:image/…;base64,…" } },
    );
  checkBytes(Math.floor((payload.length * 3) / 4), boundOf("data: URL", maxBytes));
  if (!/^[A-Za-z0-9+/\s]*(?:={1,2}\s*)?$/.test(payload))
    // a decoder may skip what it does not know
    throw new OcellusError("invalid_request", `${shownInput(head)}: the part after the comma is not base64`, {
      details: { expected: "base64" },
    });
  const bytes = imagePlatform().bytesOfBase64(payload);
  return { bytes, source: `data: URL (${bytes.length} bytes)` };
}

/** Whether a name is an address: a scheme has two letters or more (`C:` is a drive). */
export function isUrl(name: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(name);
}

/** Enough for a host that moves to https and to its storage; more is a loop. */
const maxRedirects = 5;
/** Longer than a 64 MiB picture takes on a slow line (20 Mbit/s), shorter than a user waits. */
const timeoutMs = 30_000;

async function readHttp(url: string, options: ReadOptions): Promise<ImageFile> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const source = shownInput(url);
  try {
    const response = await follow(url, options.fetch, signal);
    if (!response.ok)
      throw new OcellusError(
        response.status === 404 || response.status === 410 ? "not_found" : "io",
        `cannot fetch ${source}: the server answered ${response.status} ${response.statusText}`.trimEnd(),
        { details: { url: source, status: response.status } },
      );
    const statedBytes = response.headers.get("content-length");
    return { bytes: await readBounded(response.body, { ...boundOf(source, options.maxBytes), statedBytes }), source };
  } catch (error) {
    throwIfAborted(options.signal);
    if (error instanceof OcellusError) throw error;
    const reason = timeout.aborted ? `no complete answer within ${timeoutMs / 1000} s` : rootMessage(error);
    throw new OcellusError("io", `cannot fetch ${source}: ${reason}`, { details: { url: source }, cause: error });
  }
}

async function follow(url: string, fetchUrl: typeof fetch, signal: AbortSignal): Promise<Response> {
  let address = url;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await fetchUrl(address, { redirect: imagePlatform().redirect, signal });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || !location) return response;
    await response.body?.cancel();
    const next = new URL(location, address);
    if (next.protocol !== "http:" && next.protocol !== "https:")
      throw new OcellusError("io", `cannot fetch ${shownInput(url)}: it redirects to a ${next.protocol} address`, {
        details: { url: shownInput(url), scheme: next.protocol.slice(0, -1) },
      });
    address = next.href;
  }
  throw new OcellusError("io", `cannot fetch ${shownInput(url)}: more than ${maxRedirects} redirects`, {
    details: { url: shownInput(url), maxRedirects },
  });
}

export function boundOf(what: string, maxBytes: number): Bound {
  return { what, maxBytes, hint: "send a smaller file, or raise maxBytes" };
}

/** fetch says only "fetch failed"; the reason is its cause. */
function rootMessage(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause;
  return cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error);
}

/** In a message: a line of a terminal; data: URLs run to megabytes. */
export function shownInput(text: string): string {
  return shorten(text, 120);
}
