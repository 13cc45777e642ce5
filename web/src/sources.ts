/** Stills from the camera and the screen, and pictures from the clipboard, as files. */
import type { SourceWords } from "./words-sources.js";

/** What a page may not ask for where it is. */
class NotHere extends Error {}

/** @throws NotHere, and the browser's own errors. */
export async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw new NotHere();
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
}

/** One frame of what the reader chooses to share; the sharing ends with it. @throws NotHere, and the browser's own errors. */
export async function screenStill(): Promise<File> {
  if (!navigator.mediaDevices?.getDisplayMedia) throw new NotHere();
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  try {
    const video = document.createElement("video");
    video.srcObject = stream;
    video.muted = true;
    await video.play();
    return await stillOf(video, "screen.png");
  } finally {
    stopAll(stream);
  }
}

export function stopAll(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** What a video shows now, without loss. */
export async function stillOf(video: HTMLVideoElement, name: string): Promise<File> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")!.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("no frame came");
  return new File([blob], name, { type: "image/png" });
}

/** None where it holds no pictures. @throws NotHere, and the browser's own errors. */
export async function clipboardPictures(): Promise<File[]> {
  if (!navigator.clipboard?.read) throw new NotHere();
  const items = await navigator.clipboard.read();
  const found = items.flatMap((item) => {
    const type = item.types.find((each) => each.startsWith("image/"));
    return type === undefined ? [] : [item.getType(type)];
  });
  const blobs = await Promise.all(found);
  return blobs.map((blob, i) => new File([blob], `clipboard-${i + 1}.${blob.type.slice(6)}`, { type: blob.type }));
}

/** What the browser refused, in the reader's words. */
export function sourceProblem(error: unknown, words: SourceWords): string {
  if (error instanceof NotHere) return words.needsHttps;
  if (error instanceof DOMException) {
    if (error.name === "NotAllowedError") return words.refused;
    if (error.name === "NotFoundError" || error.name === "NotReadableError") return words.missing;
  }
  return words.failed(error instanceof Error ? error.message : String(error));
}
