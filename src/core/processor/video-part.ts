/** A video as a part of a message, where files of this machine can be read. */
import type { ImageInput } from "../image/loaded/index.js";
import { VideoFile, type VideoSource } from "../image/node/index.js";
import { type ContentPart, type FrameTimes, frames } from "./messages.js";

/** A video file as a part of a message: a path, a URL or bytes. The checkpoint's rule chooses its frames; this takes ffmpeg. */
export function video(file: VideoSource): ContentPart;
/**
 * Frames in the order of time, all of one size, with their rate (`fps`) or the seconds of each (`timestamps`). They are taken as
 * they are given; two a second is what the Qwen models were made for.
 */
export function video(frames: readonly ImageInput[], times: FrameTimes): ContentPart;
export function video(given: VideoSource | readonly ImageInput[], times?: FrameTimes): ContentPart {
  const isList = Array.isArray(given) || times !== undefined; // what is no list of frames is refused with the message
  if (isList) return frames(given as readonly ImageInput[], times!);
  return { type: "video", video: new VideoFile(given as VideoSource) };
}
