/** A picture that a path of this machine names. */
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { checkBytes, ioError, OcellusError, throwIfAborted } from "../../base/index.js";
import { boundOf, type ImageFile, type ReadOptions, shownInput } from "../loaded/index.js";

/** @throws `invalid_request`. */
export function filePath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new OcellusError("invalid_request", `${shownInput(url)} is no file URL of this machine`, { cause });
  }
}

/** @throws `not_found`, `io`, `too_large`, `invalid_request`, `aborted`. */
export async function readPath(path: string, { maxBytes, signal }: ReadOptions): Promise<ImageFile> {
  try {
    const status = await stat(path);
    // A device or a pipe has no size to check and may never end.
    if (!status.isFile())
      throw new OcellusError("invalid_request", `${path} is no file: an image file was expected`, {
        details: { path, expected: "file" },
      });
    checkBytes(status.size, boundOf(path, maxBytes));
    return { bytes: await readFile(path, signal ? { signal } : {}), source: path };
  } catch (error) {
    throwIfAborted(signal);
    throw error instanceof OcellusError ? error : pathError(path, error);
  }
}

/** What was meant for another kind of input arrives here as a path that does not exist. */
function pathError(path: string, error: unknown): OcellusError {
  const looksLikeBase64 = /^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)/.test(path) && path.length > 64;
  if (looksLikeBase64)
    return new OcellusError(
      "invalid_request",
      `${shownInput(path)} was read as a path but looks like base64; write it as data:image/png;base64,… or pass the bytes`,
      { details: { expected: "path", found: "base64" } },
    );
  if (path.includes("\0") || path.length > 4096)
    // Linux's PATH_MAX; nothing longer can name a file
    return new OcellusError(
      "invalid_request",
      `${shownInput(path)} (${path.length} characters) is no path, nor a URL`,
      {
        details: { expected: "path", numCharacters: path.length },
      },
    );
  const found = ioError("read the image", path, error);
  if (!/^(\/\/|www\.)/.test(path)) return found;
  return new OcellusError(found.code, `${found.message}; for an address write the scheme too: https://…`, {
    details: { ...found.details, missing: "scheme" },
    cause: error,
  });
}
