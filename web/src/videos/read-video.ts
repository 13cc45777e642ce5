/**
 * A video as it goes with a question: its file as it is, and for people some of its frames with their times in one picture. Which
 * frames a model is shown, its checkpoint's rule chooses on the server. What this browser cannot play is shown by its name.
 */
import type { Picture } from "../conversation.js";
import { keepPicture } from "../history.js";
import { digest } from "../pictures.js";
import { timeText } from "./limits.js";

const numFrames = 4;
/** Of one frame, in pixels. */
const frameWidth = 320;
/** A browser that has not said by then what it makes of a file will not. */
const patienceMs = 10_000;

/** @throws when it is longer than the server takes. */
export async function readVideo(file: File, maxSeconds: number): Promise<Picture> {
  const video = new Blob([file], { type: file.type.startsWith("video/") ? file.type : "video/mp4" });
  const { canvas, seconds } = await framesOf(file);
  if (seconds !== undefined && seconds > maxSeconds) throw new Error("the video is too long");
  const id = await digest(video);
  await keepPicture(id, video);
  const shown = `frames-${id}`;
  await keepPicture(shown, await blobOf(canvas));
  const { width, height } = canvas;
  return {
    ...{ id: shown, name: file.name, width, height },
    video: { id, bytes: file.size, ...(seconds !== undefined && { seconds }) },
  };
}

async function framesOf(file: File): Promise<{ canvas: HTMLCanvasElement; seconds?: number }> {
  const video = document.createElement("video");
  video.muted = true;
  video.preload = "auto";
  const url = URL.createObjectURL(file);
  try {
    const begun = happens(video, "loadeddata");
    video.src = url;
    await begun;
    const seconds = Number.isFinite(video.duration) ? video.duration : undefined;
    return { canvas: await drawnFrames(video, seconds), ...(seconds !== undefined && { seconds }) };
  } catch {
    return { canvas: drawnName(file.name) };
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

async function drawnFrames(video: HTMLVideoElement, seconds: number | undefined): Promise<HTMLCanvasElement> {
  const times = seconds === undefined ? [0] : Array.from({ length: numFrames }, (_, i) => (seconds * i) / numFrames);
  const height = Math.max(1, Math.round((frameWidth * video.videoHeight) / Math.max(1, video.videoWidth)));
  const [canvas, context] = newCanvas(frameWidth * Math.min(2, times.length), height * Math.ceil(times.length / 2));
  for (const [i, time] of times.entries()) {
    if (time > 0) {
      const there = happens(video, "seeked");
      video.currentTime = time;
      await there;
    }
    const [x, y] = [frameWidth * (i % 2), height * Math.floor(i / 2)];
    context.drawImage(video, x, y, frameWidth, height);
    context.fillStyle = "#000a";
    context.fillRect(x, y + height - 26, 64, 26);
    context.fillStyle = "#fff";
    context.fillText(timeText(time), x + 8, y + height - 8);
  }
  return canvas;
}

function drawnName(name: string): HTMLCanvasElement {
  const [canvas, context] = newCanvas(frameWidth, 180);
  context.fillStyle = "#26221c";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#fff";
  context.fillText(`▶ ${name}`, 16, 96, frameWidth - 32);
  return canvas;
}

function newCanvas(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d")!;
  context.font = "16px sans-serif";
  return [canvas, context];
}

function happens(video: HTMLVideoElement, event: "loadeddata" | "seeked"): Promise<unknown> {
  const signal = AbortSignal.timeout(patienceMs);
  return new Promise((done, fail) => {
    video.addEventListener(event, done, { once: true, signal });
    video.addEventListener("error", () => fail(video.error), { once: true, signal });
    signal.addEventListener("abort", () => fail(signal.reason as Error));
  });
}

function blobOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture came"))), "image/jpeg", 0.85),
  );
}
