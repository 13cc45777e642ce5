/** Where a request's pictures come from. Only bytes and data URLs ever reach the runtime, which would also read paths. */
import { OcellusError } from "../base/index.js";
import type { ImageInput } from "../runtime/index.js";
import type { ServerConfig } from "./config.js";

/** @throws `invalid_request`, `too_large`. */
export async function resolvePicture(url: string, config: ServerConfig): Promise<ImageInput> {
  if (/^data:/i.test(url)) return checkedDataUrl(url, config.maxPictureBytes);
  throw new OcellusError(
    "invalid_request",
    `a picture: expected data:image/…;base64,… or the id of an uploaded file, found ${JSON.stringify(url.slice(0, 60))}`,
  );
}

function checkedDataUrl(url: string, maxBytes: number): string {
  const numBytes = Math.floor(((url.length - url.indexOf(",") - 1) * 3) / 4);
  if (numBytes <= maxBytes) return url;
  throw new OcellusError(
    "too_large",
    `a picture of ${numBytes} bytes, at most ${maxBytes} are read; send a smaller one`,
  );
}
