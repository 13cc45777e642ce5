/** Image and video arguments: paths, http(s) and data: URLs, and `-` for standard input. Decoding is left to the image room. */
import { access, open } from "node:fs/promises";
import { ioError, OcellusError, readBounded } from "../../../core/base/index.js";
import { isUrl } from "../../../core/image/node/index.js";
import { type ImageInput, sniffVideo, VideoFile, type VideoSource } from "../../../core/runtime/index.js";
import type { Terminal } from "../../ui/terminal.js";

/** As much as the image room reads from a file. */
const maxStdinBytes = 64 * 2 ** 20;

/** Checks that every file is there before a model is opened for it. */
export async function readImages(names: readonly string[], terminal: Terminal): Promise<ImageInput[]> {
  if (names.filter((name) => name === "-").length > 1) {
    throw new OcellusError("invalid_request", "standard input (-) can be one image only; it was given twice");
  }
  return Promise.all(names.map((name) => readImage(name, terminal)));
}

/** The same with videos, which local files are by what is in them and URLs by how they are written. */
export async function readMedia(names: readonly string[], terminal: Terminal): Promise<(ImageInput | VideoFile)[]> {
  const inputs = await readImages(names, terminal);
  return Promise.all(
    inputs.map(async (input) => ((await isVideo(input)) ? new VideoFile(input as VideoSource) : input)),
  );
}

const videoUrl = /^data:video\/|^[^?#]+\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|flv|ogv)([?#]|$)/i;

async function isVideo(input: ImageInput): Promise<boolean> {
  if (input instanceof Uint8Array) return sniffVideo(input) !== undefined;
  if (typeof input !== "string") return false;
  if (isUrl(input)) return videoUrl.test(input.slice(0, 4096)); // a data URL may be long
  const file = await open(input);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return sniffVideo(buffer.subarray(0, bytesRead)) !== undefined;
  } finally {
    await file.close();
  }
}

async function readImage(name: string, terminal: Terminal): Promise<ImageInput> {
  if (name === "-")
    return readBounded(terminal.stdin, { what: "the image on standard input", maxBytes: maxStdinBytes });
  if (!isUrl(name))
    await access(name).catch((cause: unknown) => Promise.reject(ioError("open the image", name, cause)));
  return name;
}

export async function fileExists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
