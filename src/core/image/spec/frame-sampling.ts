/**
 * Which frames of a video a model is shown, by its count of frames and their rate. The arithmetic, its order and its ties are
 * the reference's. [transformers 5.24 `sample_frames` of video_processing_qwen3_vl.py and video_processing_qwen2_vl.py]
 */
import { roundHalfToEven } from "./round.js";

export interface FrameSampling {
  /** "spread": evenly, the first and the last frame among them; "stepped": from the first on, in whole pairs. */
  readonly kind: "spread" | "stepped";
  /** So many a second of the video, or of the whole video. */
  readonly amount: { readonly fps: number } | { readonly numFrames: number };
  readonly minFrames: number;
  readonly maxFrames: number;
}

interface VideoLength {
  readonly numFrames: number;
  readonly fps: number;
}

/** Indices of frames, rising; none where a video is too short for its rule. */
export function sampledFrames(video: VideoLength, sampling: FrameSampling): number[] {
  return sampling.kind === "spread" ? spread(video, sampling) : stepped(video, sampling);
}

/** How many frames a second the chosen ones are, as the reference counts them. */
export function sampledFps(indices: readonly number[], { numFrames, fps }: VideoLength): number {
  return (indices.length / numFrames) * fps;
}

function spread({ numFrames: total, fps }: VideoLength, { amount, minFrames, maxFrames }: FrameSampling): number[] {
  const asked = "fps" in amount ? Math.max(Math.trunc((total / fps) * amount.fps), minFrames) : amount.numFrames;
  const count = "fps" in amount ? Math.min(asked, maxFrames, total) : asked;
  const step = (total - 1) / Math.max(count - 1, 1);
  return Array.from({ length: count }, (_, i) => roundHalfToEven(i * step));
}

/** In pairs: two frames are one temporal patch in all models of the class. */
function stepped({ numFrames: total, fps }: VideoLength, { amount, minFrames, maxFrames }: FrameSampling): number[] {
  const most = inPairs(Math.min(maxFrames, total));
  const asked = "fps" in amount ? Math.max((total / fps) * amount.fps, minFrames) : amount.numFrames;
  const count = "fps" in amount ? inPairs(Math.min(asked, most)) : Math.min(2 * roundHalfToEven(asked / 2), total);
  const step = total / count;
  return Array.from({ length: count }, (_, i) => Math.trunc(Math.fround(i * step))); // a float32 there
}

function inPairs(count: number): number {
  return 2 * Math.floor(count / 2);
}
