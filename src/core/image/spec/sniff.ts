/**
 * What a file is, by its first bytes; the name and any media type are not asked. Only the formats in `ImageFormat` are
 * ever handed to the decoder, so its other loaders (SVG, which can pull in files, among them) stay out of reach.
 */
import { OcellusError } from "../../base/index.js";

export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "avif" | "tiff" | "bmp";

/** Of the first bytes, as Latin-1. */
type Test = (start: string) => boolean;

const at =
  (offset: number, ...signatures: string[]): Test =>
  (start) =>
    signatures.some((signature) => start.startsWith(signature, offset));

/** ISO media files list their brands after "ftyp"; AVIF's may stand behind a general one such as "mif1". */
const brands =
  (pattern: RegExp): Test =>
  (start) =>
    start.startsWith("ftyp", 4) && pattern.test(start.slice(8, 64));

/** Markup whose first element begins with one of the tags, in lower case. */
const markup =
  (...tags: string[]): Test =>
  (start) => {
    const element = firstElement(start).toLowerCase();
    return tags.some((tag) => element.startsWith(tag));
  };

/** From the first "<" behind an optional byte order mark, declarations and comments. Each byte is passed once. */
function firstElement(start: string): string {
  let rest = (start.startsWith("\u00ef\u00bb\u00bf") ? start.slice(3) : start).trimStart();
  for (;;) {
    const end = rest.startsWith("<!--") ? "-->" : rest.startsWith("<?") ? ">" : undefined;
    if (end === undefined) return rest;
    const at = rest.indexOf(end, 2);
    if (at < 0) return "";
    rest = rest.slice(at + end.length).trimStart();
  }
}

const images: readonly (readonly [ImageFormat, Test])[] = [
  ["jpeg", at(0, "\xff\xd8\xff")],
  ["png", at(0, "\x89PNG\r\n\x1a\n")],
  ["webp", (start) => start.startsWith("RIFF") && start.startsWith("WEBP", 8)],
  ["gif", at(0, "GIF87a", "GIF89a")],
  ["avif", brands(/avi[fs]/)],
  ["tiff", at(0, "II*\0", "MM\0*", "II+\0", "MM\0+")],
  ["bmp", (start) => start.startsWith("BM") && start.startsWith("\0\0\0\0", 6)],
];

/** A container of films, by the name that FFmpeg's reader of it has. */
export type VideoFormat = "mov" | "matroska" | "avi" | "mpegts" | "mpeg" | "flv" | "ogg";

const stills = brands(/avi[fs]|hei[cxms]|hev[cx]|mif1|msf1/);

const videos: readonly (readonly [VideoFormat, Test])[] = [
  ["mov", (start) => at(4, "ftyp", "moov", "mdat", "wide")(start) && !stills(start)],
  ["matroska", at(0, "\x1a\x45\xdf\xa3")], // WebM too
  ["avi", (start) => start.startsWith("RIFF") && start.startsWith("AVI ", 8)],
  ["mpegts", (start) => start[0] === "G" && start[188] === "G" && start[376] === "G"], // packets of 188 bytes
  ["mpeg", at(0, "\0\0\x01\xba")],
  ["flv", at(0, "FLV\x01")],
  ["ogg", at(0, "OggS")],
];

/** By its first bytes; undefined for what is no video that is known here. */
export function sniffVideo(bytes: Uint8Array): VideoFormat | undefined {
  const start = firstBytes(bytes);
  return videos.find(([, test]) => test(start))?.[0];
}

function firstBytes(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 512)); // room for comments before a root element
}

interface Stranger {
  readonly name: string;
  readonly advice: string;
}

const videoAdvice = "send it as a video, or a frame of it as JPEG or PNG";

const unsupportedFormats: readonly (readonly [Test, name: string, advice: string])[] = [
  [brands(/hei[cxms]|hev[cx]|mif1|msf1/), "a HEIC image", "convert it to JPEG; its codec (HEVC) is not built in"],
  [at(4, "ftyp"), "a video (ISO media file)", videoAdvice],
  [at(0, "\x1a\x45\xdf\xa3"), "a video (Matroska or WebM)", videoAdvice],
  [at(0, "\xff\x0a", "\0\0\0\x0cJXL "), "a JPEG XL image", "convert it to PNG or JPEG"],
  [at(0, "\0\0\0\x0cjP  ", "\xff\x4f\xff\x51"), "a JPEG 2000 image", "convert it to PNG or JPEG"],
  [at(0, "8BPS"), "a Photoshop document", "export it as PNG"],
  [at(0, "\0\0\x01\0"), "a Windows icon", "convert it to PNG"],
  [at(0, "%PDF-"), "a PDF document", "render the page to PNG first"],
  [at(0, "PK\x03\x04"), "a zip archive (or an Office document)", "unpack it"],
  [at(0, "\x1f\x8b"), "a gzip archive", "unpack it"],
  [at(0, "version https://git-lfs"), "a Git LFS pointer", "run `git lfs pull`"],
  [markup("<!doctype svg", "<svg"), "an SVG drawing", "render it to PNG first"],
  [
    markup("<!doctype html", "<html", "<head", "<body", "<script"),
    "an HTML page",
    "a download may have failed: open it in a browser",
  ],
];

/**
 * @param source what to call the input in a message.
 * @throws `invalid_image` naming what the bytes are instead.
 */
export function sniffFormat(bytes: Uint8Array, source: string): ImageFormat {
  if (bytes.length === 0)
    throw new OcellusError("invalid_image", `${source}: the file is empty`, { details: { source, found: "nothing" } });
  const start = firstBytes(bytes);
  const image = images.find(([, test]) => test(start));
  if (image) return image[0];
  const { name, advice } = describeStranger(start);
  throw new OcellusError(
    "invalid_image",
    `${source}: expected a JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP image, found ${name}; ${advice}`,
    { details: { source, found: name } },
  );
}

/** Says nothing of what the bytes hold: the caller may not be allowed to read them. */
function describeStranger(start: string): Stranger {
  const known = unsupportedFormats.find(([test]) => test(start));
  if (known) return { name: known[1], advice: known[2] };
  const isText = /^[\t\n\r\x20-\x7e]+$/.test(start.slice(0, 64));
  if (isText) return { name: "text", advice: "an image file was expected" };
  return { name: "bytes of no known kind", advice: "the file may be damaged" };
}
