/**
 * Pictures on their way from a file to a request. What the server reads goes as it is; what only the browser reads (AVIF,
 * SVG), moves, or is very large, is drawn again first: a moving one as its first frame, which is all that a model is shown.
 */
import { isAnimated } from "./animated.js";
import { ApiError } from "./api.js";
import type { Picture, Turn } from "./conversation.js";
import { keepPicture, pictureBlob } from "./history.js";

/** A request with several of these stays below the server's 32 MiB in base64. */
const maxBytes = 6 * 2 ** 20;
/** The server decodes no more: a larger picture is drawn again, smaller. */
const maxPixels = 32_000_000;
/** Of the longer side of a picture that is drawn again: more than any model in reach looks at. */
const maxSide = 4096;
/** A drawing stays sharp as PNG; of more pixels it would be too many bytes. */
const maxSharpPixels = 2_000_000;
const mayMove = /^image\/(gif|webp|png|apng)$/;
const served = /^image\/(jpeg|png|webp|gif|bmp)$/;

interface Sendable {
  readonly blob: Blob;
  readonly width: number;
  readonly height: number;
  readonly isFirstFrame: boolean;
}

/** A picture as it is sent. @throws when the browser cannot read it. */
export async function sendable(file: Blob): Promise<Sendable> {
  const bitmap = await decode(file);
  const { width, height } = bitmap;
  const isFirstFrame = mayMove.test(file.type) && isAnimated(new Uint8Array(await file.arrayBuffer()));
  const goesAsItIs = served.test(file.type) && !isFirstFrame && file.size <= maxBytes && width * height <= maxPixels;
  return { blob: goesAsItIs ? file : await redraw(bitmap, file.type), width, height, isFirstFrame };
}

/** Reads and keeps it. @throws when the browser cannot read it. */
export async function readPicture(file: File): Promise<Picture> {
  const { blob, width, height, isFirstFrame } = await sendable(file);
  const id = await digest(blob);
  await keepPicture(id, blob);
  const name = file.name || `picture.${blob.type.slice(6)}`;
  return { id, name, width, height, ...(isFirstFrame && { isFirstFrame }) };
}

/** A picture of the page's own, by its address. */
export async function fetchImage(url: string, name: string): Promise<Picture> {
  const blob = await (await fetch(url)).blob();
  return readPicture(new File([blob], name, { type: blob.type }));
}

export async function decode(file: Blob): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

async function redraw(image: HTMLImageElement, type: string): Promise<Blob> {
  const scale = Math.min(1, maxSide / Math.max(image.naturalWidth, image.naturalHeight, 1));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((image.naturalWidth || 1024) * scale)); // an SVG may have no size
  canvas.height = Math.max(1, Math.round((image.naturalHeight || 1024) * scale));
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  const target =
    /svg|gif|png|webp/.test(type) && canvas.width * canvas.height <= maxSharpPixels ? "image/png" : "image/jpeg";
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("the picture is too large"))), target, 0.92),
  );
}

export async function digest(blob: Blob): Promise<string> {
  const bytes = await blob.arrayBuffer();
  // Without https or localhost there is no crypto.subtle: then size and a simple sum must do, as a name in this browser only.
  if (!crypto.subtle) return `${bytes.byteLength}-${fnv(new Uint8Array(bytes)).toString(16)}`;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fnv(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}

/** Every picture and video of the turns, as the wire wants it. @throws when one is no longer kept. */
export async function dataUrls(turns: readonly Turn[]): Promise<Map<string, string>> {
  const pictures = turns.flatMap((turn) => (turn.role === "user" ? turn.pictures : []));
  return new Map(
    await Promise.all(pictures.map(async ({ id, name, video }) => [id, await dataUrl(video?.id ?? id, name)] as const)),
  );
}

export async function dataUrl(id: string, name: string): Promise<string> {
  const blob = await pictureBlob(id);
  if (!blob) throw new ApiError(`${name} is no longer kept in this browser; add it again`, 0, "picture_lost");
  return readAsDataUrl(blob);
}

export function readAsDataUrl(blob: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result as string);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });
}
