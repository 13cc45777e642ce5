/**
 * What images need of where they are read: files of a machine, and decoders. Node's room and the browser's each say theirs once, when they are
 * imported; all that is built on images is the same on both.
 */
import { invariant } from "../../base/index.js";
import type { ImageFormat, RgbImage } from "../spec/index.js";

export interface ImageFile {
  readonly bytes: Uint8Array;
  /** What to call it in a message. */
  readonly source: string;
}

export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly fetch: typeof fetch;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** How the rows are to be turned, as EXIF says it: 1 to 8. Absent: they are not. */
  readonly orientation?: number | undefined;
}

export interface DecodeLimits {
  readonly maxPixels: number;
  /** 0: none. */
  readonly maxMs: number;
}

export interface ImagePlatform {
  /** What a path or a file: URL names. @throws `not_found`, `io`, `invalid_request`, `too_large`, `aborted`. */
  readPath(path: string, options: ReadOptions): Promise<ImageFile>;
  /** Whether redirects are followed here, by our rules, or by the platform, which does not show them. */
  readonly redirect: "manual" | "follow";
  bytesOfBase64(text: string): Uint8Array;
  /** sRGB, turned upright, over white. @throws `too_large`, `invalid_image`, and what the decoder throws. */
  decode(file: ImageFile, format: ImageFormat, limits: DecodeLimits): Promise<RgbImage>;
  /** By the header. */
  size(file: ImageFile): Promise<ImageSize>;
}

let current: ImagePlatform | undefined;

export function useImagePlatform(platform: ImagePlatform): void {
  current = platform;
}

export function imagePlatform(): ImagePlatform {
  invariant(current, "images are read where a room has said how");
  return current;
}
