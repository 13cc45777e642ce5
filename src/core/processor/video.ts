/**
 * A video: a list of frames and when each was seen, or a file of which the checkpoint's rule chooses some. The model sees
 * frames in pairs, and when each was seen by words or by positions; the last frame of an odd number stands twice.
 */
import { OcellusError, throwIfAborted } from "../base/index.js";
import {
  decodeAndDigest,
  type ImageInput,
  type LoadedImage,
  type LoadOptions,
  type SeenImage,
  seen,
} from "../image/loaded/index.js";
import type { SampledVideo, VideoFile } from "../image/node/index.js";
import {
  type ImageGrid,
  mergedPatches,
  type RgbImage,
  resizeColumnsFirst,
  type VideoProcessor,
  videoSize,
} from "../image/spec/index.js";
import type { FramePair, VideoSide } from "../models/index.js";
import { fewAtOnce, loadedImages, numbered } from "./images.js";

export interface VideoInput {
  /** In the order of time, all of one size. */
  readonly frames: readonly ImageInput[];
  /** Frames a second; the first stands at 0. Either this or `timestamps`. */
  readonly fps?: number | undefined;
  /** Seconds of each frame, increasing. */
  readonly timestamps?: readonly number[] | undefined;
}

/** Frames, a file, or what a model is shown of one. */
export type GivenVideo = VideoInput | VideoFile | SampledVideo;

/** How the model is shown videos. */
export interface VideoSpec extends Pick<VideoSide<unknown>, "placeholder" | "spread"> {
  readonly videoProcessor: VideoProcessor;
  readonly tokenId: number;
}

/** From one frame in a quarter of an hour to high-speed cameras. */
const fpsBounds = [1e-3, 1e3] as const;
/** Eleven days: longer than any film, short enough for times to be written out. */
const latestSecond = 1e6;

interface VideoProblem {
  readonly text: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function problem(text: string, field: string, details: VideoProblem["details"]): VideoProblem {
  return { text, details: { field, ...details } };
}

/** The first thing about a video that is wrong, or undefined; what is wrong with a file its reader says. */
export function problemOf(video: GivenVideo): VideoProblem | undefined {
  if (isFile(video)) return undefined;
  const { frames, fps, timestamps } = video;
  if (!Array.isArray(frames))
    return problem(`expected frames as a list of images, found ${typeof frames}`, "frames", { found: typeof frames });
  const count = frames.length;
  if (count < 2)
    return problem(`found ${count} frames, a video has at least 2; send a single one as an image`, "frames", {
      least: 2,
      found: count,
    });
  const missing = frames.findIndex((frame) => frame === undefined || frame === null);
  if (missing >= 0) return problem(`frame ${missing + 1} is missing`, "frames", { missing: missing + 1 });
  if ((fps === undefined) === (timestamps === undefined))
    return problem("expected either fps or timestamps: the model reads when each frame was seen", "fps", {
      instead: "timestamps",
    });
  if (timestamps !== undefined) return problemOfTimes(timestamps, frames.length);
  const [least, most] = fpsBounds;
  if (typeof fps !== "number" || !(fps >= least && fps <= most))
    return problem(`fps: expected a number from ${least} to ${most}, found ${JSON.stringify(fps)}`, "fps", {
      least,
      most,
      found: fps,
    });
  return undefined;
}

function problemOfTimes(times: readonly number[], numFrames: number): VideoProblem | undefined {
  const wrong = (text: string, details: VideoProblem["details"]) => problem(text, "timestamps", details);
  if (!Array.isArray(times))
    return wrong(`timestamps: expected a list of seconds, found ${typeof times}`, { found: typeof times });
  if (times.length !== numFrames)
    return wrong(`found ${times.length} timestamps for ${numFrames} frames`, {
      expected: numFrames,
      found: times.length,
    });
  for (const [i, time] of times.entries()) {
    if (typeof time !== "number" || !(time >= 0 && time <= latestSecond))
      return wrong(`timestamp ${i + 1}: expected seconds from 0 to ${latestSecond}, found ${JSON.stringify(time)}`, {
        timestamp: i + 1,
        most: latestSecond,
        found: time,
      });
    if (i > 0 && time <= times[i - 1]!)
      return wrong(`timestamp ${i + 1}: ${time} does not come after ${times[i - 1]}`, {
        timestamp: i + 1,
        after: times[i - 1],
        found: time,
      });
  }
  return undefined;
}

/** Told by what they do: their classes need ffmpeg, and this file runs in browsers too. */
export function isFile(video: GivenVideo): video is VideoFile | SampledVideo {
  return isWhole(video) || typeof video.frames === "function";
}

function isWhole(video: GivenVideo | Clip): video is VideoFile {
  return "sampled" in video && typeof video.sampled === "function";
}

/** How many frames a prompt is given, and when each was seen. */
interface Timed extends Pick<VideoInput, "timestamps" | "fps"> {
  readonly numFrames: number;
}

/** A video whose frames no caller can write to. */
export interface Clip extends Timed {
  /** The size that the model is shown, where frames come in it. Absent: by the size of the first frame. */
  readonly size?: SampledVideo["size"];
  frames(options: LoadOptions): Promise<readonly LoadedImage[]>;
}

/** Before anything is waited for; files are not read yet. */
export function ownVideos(videos: readonly GivenVideo[]): (Clip | VideoFile)[] {
  return videos.map((video) => {
    if (isFile(video)) return video;
    const frames = loadedImages(video.frames);
    return { fps: video.fps, timestamps: video.timestamps, numFrames: frames.length, frames: async () => frames };
  });
}

/** Files by their headers: nothing is decoded. @throws as `VideoFile.sampled`, naming the video. */
export async function measuredVideos(
  videos: readonly (Clip | VideoFile)[],
  spec: VideoSpec | undefined,
  { signal }: LoadOptions,
): Promise<Clip[]> {
  if (!spec) return [];
  const clip = async (video: Clip | VideoFile) =>
    isWhole(video) ? video.sampled(spec.videoProcessor, { signal }) : video;
  const named = (error: unknown, i: number) =>
    videos.length > 1 ? numbered(error, `video ${i + 1}`, { video: i + 1 }) : error;
  return fewAtOnce(videos, clip, named);
}

/** Of a file not before it is measured. */
export function knownFrames(video: GivenVideo): number {
  if (isWhole(video)) return 0;
  return isFile(video) ? video.numFrames : video.frames.length;
}

/** Of the pixel values of measured files; frames whose size is not known count for nothing. */
export function fileBytes(videos: readonly Clip[]): number {
  const bytes = videos.map(({ numFrames, size }) => (size ? numFrames * size.width * size.height * 3 * 4 : 0)); // floats
  return bytes.reduce((sum, numBytes) => sum + numBytes, 0);
}

/** Indices of the frames of each pair. */
function pairsOf({ numFrames }: Timed): [number, number][] {
  const last = numFrames - 1;
  return Array.from({ length: Math.ceil(numFrames / 2) }, (_, i) => [2 * i, Math.min(2 * i + 1, last)]);
}

/** Seconds of each pair: halfway between its frames. */
function timesOf(video: Timed): number[] {
  const { timestamps, fps } = video;
  const secondsAt = (frame: number) => (timestamps ? timestamps[frame]! : frame / fps!);
  return pairsOf(video).map(([first, second]) => (secondsAt(first) + secondsAt(second)) / 2);
}

/** From one pair to the next; between times that are not even, on average. */
function secondsBetweenPairs({ timestamps, fps, numFrames }: Timed): number {
  if (fps !== undefined) return 2 / fps; // of a file both are known, and the reference counts by its rate
  return (2 * (timestamps!.at(-1)! - timestamps![0]!)) / (numFrames - 1);
}

/**
 * The prompt with each video's placeholder spread into one for each pair. Done on text and not on ids: words that tell a
 * time are tokenised together with the words before them.
 * @throws `unsupported` when the template left videos out, `invalid_request` when a message spells further ones.
 */
export function spreadVideos(text: string, videos: readonly Timed[], imageSpec: VideoSpec): string {
  const [head, ...tails] = text.split(imageSpec.placeholder);
  if (tails.length !== videos.length)
    throw new OcellusError(
      tails.length < videos.length ? "unsupported" : "invalid_request",
      `the chat template wrote ${tails.length} video placeholders for ${videos.length} videos: ` +
        (tails.length < videos.length ? "it knows no videos" : "a message spells further ones"),
      { details: { placeholder: "video", found: tails.length, expected: videos.length } },
    );
  return head + tails.map((tail, i) => imageSpec.spread(timesOf(videos[i]!)) + tail).join("");
}

/** How many placeholders `spreadVideos` writes. */
export function numPairs(videos: readonly Timed[]): number {
  return videos.reduce((sum, video) => sum + pairsOf(video).length, 0);
}

/** Reads the first frame of each, whose size is that of all; nothing is decoded. @throws as `LoadedImage.read`, naming video and frame. */
export async function readVideos(videos: readonly Clip[], options: LoadOptions): Promise<void> {
  const named = (error: unknown, i: number) => numbered(error, `video ${i + 1}, frame 1`, { video: i + 1, frame: 1 });
  const read = async ({ size, frames }: Clip) => size ?? (await frames(options))[0]!.read(options);
  await fewAtOnce(videos, read, named);
}

/** The grid of every pair, by the header of the file or of the first frame; undefined where that cannot be read. */
export async function videoGrids(
  videos: readonly Clip[],
  videoProcessor: VideoProcessor,
  options: LoadOptions,
): Promise<(ImageGrid | undefined)[]> {
  const grids = videos.map(async (video) => {
    const size = await shownSizeOf(video, videoProcessor, options);
    return pairsOf(video).map(() => size && gridOf(size, videoProcessor));
  });
  return (await Promise.all(grids)).flat();
}

async function shownSizeOf(video: Clip, videoProcessor: VideoProcessor, options: LoadOptions) {
  if (video.size) return video.size;
  const [first] = await video.frames(options);
  const size = await first!.size().catch(() => undefined);
  return size && videoSize(video.numFrames, size, videoProcessor);
}

function gridOf({ width, height }: SampledVideo["size"], { patchSize }: VideoProcessor): ImageGrid {
  return { rows: height / patchSize, columns: width / patchSize };
}

/** A pair of frames as the vision graph takes it, and its time. */
export interface SeenPair extends SeenImage {
  readonly pair: FramePair;
}

/**
 * The pairs of all videos, in order. Of each frame only its fitted size is kept, so that a long video of large frames
 * takes little memory. @throws as `decodeImage`, naming video and frame; `invalid_image` for frames of different sizes.
 */
export async function prepareVideos(
  videos: readonly Clip[],
  videoProcessor: VideoProcessor,
  options: LoadOptions,
): Promise<SeenPair[]> {
  const prepared: SeenPair[] = [];
  for (const [i, video] of videos.entries()) {
    const frames = await fitFrames(video, i + 1, videoProcessor, options);
    const seconds = secondsBetweenPairs(video);
    for (const [index, [a, b]] of pairsOf(video).entries()) {
      const [first, second] = [frames[a]!, frames[b]!];
      const pixels = mergedPatches([first.fitted, second.fitted], videoProcessor);
      prepared.push({ ...seen({ pixels, digest: `${first.digest}+${second.digest}` }), pair: { index, seconds } });
    }
  }
  return prepared;
}

interface Frame {
  readonly fitted: RgbImage;
  /** SHA-256 of the frame as it was decoded. */
  readonly digest: string;
}

async function fitFrames(
  video: Clip,
  number: number,
  videoProcessor: VideoProcessor,
  options: LoadOptions,
): Promise<Frame[]> {
  const frames = await video.frames(options);
  let first: Pick<RgbImage, "width" | "height"> | undefined;
  const fit = async (frame: LoadedImage): Promise<Frame> => {
    const { image: decoded, digest } = await decodeAndDigest(await frame.take(options), options);
    throwIfAborted(options.signal);
    first ??= { width: decoded.width, height: decoded.height };
    if (decoded.width !== first.width || decoded.height !== first.height)
      throw new OcellusError(
        "invalid_image",
        `${decoded.width} by ${decoded.height} pixels, but frame 1 has ${first.width} by ${first.height}; ` +
          "all frames of a video have one size",
        { details: { expected: first, found: { width: decoded.width, height: decoded.height } } },
      );
    if (video.size) return { fitted: decoded, digest };
    const { width, height } = videoSize(frames.length, first, videoProcessor);
    return { fitted: resizeColumnsFirst(decoded, width, height, videoProcessor.resample), digest };
  };
  const named = (error: unknown, i: number) =>
    numbered(error, `video ${number}, frame ${i + 1}`, { video: number, frame: i + 1 });
  const [head] = await fewAtOnce(frames.slice(0, 1), fit, named); // it settles the size of the others
  return [head!, ...(await fewAtOnce(frames.slice(1), fit, (error, i) => named(error, i + 1)))];
}
