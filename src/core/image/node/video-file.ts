/**
 * A video file on its way to a model: which of its frames the model is shown, at which times and in which size, and these frames.
 * The choice is the checkpoint's (frame-sampling.ts, smart-size.ts); ffmpeg decodes and scales (ffmpeg.ts). Bytes are written to
 * a temporary file while they are read, since an MP4 must be read from its end, and to no other place.
 */
import { mkdtemp, open, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ioError, OcellusError, Semaphore, throwIfAborted } from "../../base/index.js";
import { type ImageFile, isUrl, LoadedImage, ownCopy, readInput } from "../loaded/index.js";
import {
  checkSize,
  sampledFps,
  sampledFrames,
  sniffVideo,
  type VideoFormat,
  type VideoProcessor,
  videoSize,
} from "../spec/index.js";
import { damaged, decodeFrames, probe, type RunLimits, type StreamFacts, type VideoPath } from "./ffmpeg.js";
import { filePath } from "./read-path.js";

/** A path, a file:, data: or http(s): URL, or the bytes of a file. */
export type VideoSource = string | URL | Uint8Array | ArrayBuffer | Blob;

export interface VideoLimits {
  /** Of a file that is given as bytes or by an address. Default 256 MiB: it is held in memory. */
  readonly maxBytes?: number;
  /** Of one frame as it is stored. Default 50 million: more than 8K. */
  readonly maxPixels?: number;
  /** Default an hour: 768 frames of more are minutes apart. */
  readonly maxSeconds?: number;
  /** Of each run of a program on it. Default a minute. */
  readonly maxMs?: number;
  /** Of all frames as the model is shown them. Default 384 MiB, five times what Qwen3-VL is shown at most. */
  readonly maxFrameBytes?: number;
}

type Asking = { readonly signal?: AbortSignal | undefined };

const MiB = 2 ** 20;
const defaults = {
  maxBytes: 256 * MiB,
  maxPixels: 50e6,
  maxSeconds: 3600,
  maxMs: 60_000,
  maxFrameBytes: 384 * MiB,
} as const satisfies Required<VideoLimits>;

/** Each has threads of its own; more at once would only wait for each other. */
const decoding = new Semaphore(2);

/** A video, by its header. */
interface VideoFacts {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly numFrames: number;
}

/** The frames of a file that a model is shown: known by their count and size before any is decoded. */
export class SampledVideo {
  readonly numFrames: number;
  /** Seconds of each frame. */
  readonly timestamps: readonly number[];
  /** Frames a second, of the chosen ones. */
  readonly fps: number;
  readonly size: { readonly width: number; readonly height: number };
  readonly #decode: (options: Asking) => Promise<readonly LoadedImage[]>;
  #frames: Promise<readonly LoadedImage[]> | undefined;

  /** @internal Made by a `VideoFile`. */
  constructor(
    facts: VideoFacts,
    indices: readonly number[],
    size: SampledVideo["size"],
    decode: (options: Asking) => Promise<readonly LoadedImage[]>,
  ) {
    this.numFrames = indices.length;
    this.timestamps = indices.map((index) => index / facts.fps);
    this.fps = sampledFps(indices, facts);
    this.size = size;
    this.#decode = decode;
  }

  /** In the size that the model is shown; decoded once. @throws as `VideoFile.sampled`. */
  async frames(options: Asking = {}): Promise<readonly LoadedImage[]> {
    this.#frames ??= this.#decode(options);
    try {
      return await this.#frames;
    } catch (error) {
      this.#frames = undefined;
      throw error;
    }
  }
}

export class VideoFile {
  /** As it was given: seen by those who count the bytes of what waits. */
  readonly source: VideoSource;
  readonly #limits: Required<VideoLimits>;
  #facts: Promise<VideoFacts> | undefined;

  /** Memory that its owner could write to is copied. */
  constructor(source: VideoSource, limits: VideoLimits = {}) {
    this.source = ownCopy(source) as VideoSource;
    this.#limits = { ...defaults, ...limits };
  }

  /**
   * What a model with this processor is shown of it; its header is read, and its packets are counted.
   * @throws `invalid_image` (no video, damaged, fewer than two frames), `too_large`, `unavailable` without ffmpeg, `not_found`,
   * `io`, `invalid_request`, `aborted`.
   */
  async sampled(videoProcessor: VideoProcessor, options: Asking = {}): Promise<SampledVideo> {
    const facts = await this.#measured(options);
    const indices = sampledFrames(facts, videoProcessor.sampling);
    if (indices.length < 2)
      throw damaged({ source: "the video" }, "expected at least 2 frames; send a single one as an image", {
        least: 2,
        found: indices.length,
      });
    const size = videoSize(indices.length, facts, videoProcessor);
    this.#checkFrames(indices.length, size);
    return new SampledVideo(facts, indices, size, (asking) => this.#decoded(indices, size, asking));
  }

  async #measured(options: Asking): Promise<VideoFacts> {
    this.#facts ??= this.#withPath(options, async (video, limits) => factsOf(video, await probe(video, limits)));
    try {
      const facts = await this.#facts;
      this.#checkFacts(facts);
      return facts;
    } catch (error) {
      this.#facts = undefined; // another reader may have more time
      throw error;
    }
  }

  #checkFacts({ width, height, fps, numFrames }: VideoFacts): void {
    const { maxPixels, maxSeconds } = this.#limits;
    checkSize("a frame of the video", width, height, maxPixels);
    const seconds = numFrames / fps;
    if (seconds <= maxSeconds) return;
    throw new OcellusError(
      "too_large",
      `the video has ${Math.round(seconds)} s, at most ${maxSeconds} are read; cut a part out`,
      {
        details: { seconds, maxSeconds },
      },
    );
  }

  #checkFrames(numFrames: number, { width, height }: SampledVideo["size"]): void {
    const [numBytes, { maxFrameBytes }] = [numFrames * width * height * 3, this.#limits];
    if (numBytes <= maxFrameBytes) return;
    throw new OcellusError(
      "too_large",
      `the video's ${numFrames} frames of ${width} by ${height} pixels are ${numBytes} bytes, at most ${maxFrameBytes} are held; ` +
        "send a shorter one",
      { details: { numFrames, width, height, numBytes, maxFrameBytes } },
    );
  }

  #decoded(indices: readonly number[], size: SampledVideo["size"], options: Asking): Promise<readonly LoadedImage[]> {
    return this.#withPath(options, async (video, limits) => {
      const frames = await decodeFrames(video, { indices, ...size }, limits);
      const last = frames.at(-1);
      if (!last || frames.length < leastShare * indices.length)
        throw damaged(video, `expected ${indices.length} frames, found ${frames.length}`, {
          expected: indices.length,
          found: frames.length,
        });
      return indices.map((_, i) => LoadedImage.of({ ...size, data: frames[i] ?? last }));
    });
  }

  /** A decoder at a time of few, with the file where programs find it. */
  #withPath<T>({ signal }: Asking, work: (video: VideoPath, limits: RunLimits) => Promise<T>): Promise<T> {
    const { maxBytes, maxMs } = this.#limits;
    return decoding.run(async () => {
      const path = pathOf(this.source);
      if (path !== undefined) return work(await onDisk(path), { maxMs, signal });
      const file = await readInput(this.source, { maxBytes, signal, fetch });
      const named = { ...file, source: file.source.replace(/^image/, "video") };
      return inTemporaryFile(named, (video) => work(video, { maxMs, signal }), signal);
    }, signal);
  }
}

/** Containers count packets of which a decoder gives no picture; what is missing at the end is the last frame again. */
const leastShare = 0.9;

function factsOf(video: VideoPath, facts: StreamFacts): VideoFacts {
  const [width, height, numFrames] = [facts.width, facts.height, facts.nb_read_packets].map(Number) as [
    number,
    number,
    number,
  ];
  const fps = rateOf(facts.avg_frame_rate) ?? rateOf(facts.r_frame_rate);
  if (fps === undefined || !(numFrames >= 1) || !Number.isInteger(width) || !Number.isInteger(height))
    throw damaged(video, "its header gives no size, rate or frames", { width, height, numFrames });
  return isTurned(facts) ? { width: height, height: width, fps, numFrames } : { width, height, fps, numFrames };
}

/** ffmpeg turns frames upright. */
function isTurned({ side_data_list: sides }: StreamFacts): boolean {
  if (!Array.isArray(sides)) return false;
  return sides.some(({ rotation }: { rotation?: unknown }) => Math.abs(Number(rotation)) % 180 === 90);
}

/** "30000/1001"; undefined where there is none. */
function rateOf(written: unknown): number | undefined {
  const [over, under] = String(written).split("/").map(Number);
  const rate = over! / under!;
  return rate > 0 && Number.isFinite(rate) ? rate : undefined;
}

function pathOf(source: VideoSource): string | undefined {
  const text = source instanceof URL ? source.href : source;
  if (typeof text !== "string") return undefined;
  if (/^file:/i.test(text)) return filePath(text);
  return isUrl(text) ? undefined : text;
}

async function onDisk(path: string): Promise<VideoPath> {
  try {
    // A device or a pipe may never end.
    if (!(await stat(path)).isFile())
      throw new OcellusError("invalid_request", `${path} is no file: a video file was expected`, {
        details: { path, expected: "file" },
      });
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
      return { path, source: path, format: formatOf(buffer.subarray(0, bytesRead), path) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof OcellusError ? error : ioError("read the video", path, error);
  }
}

async function inTemporaryFile<T>(
  { bytes, source }: ImageFile,
  work: (video: VideoPath) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const format = formatOf(bytes, source);
  const folder = await mkdtemp(join(tmpdir(), "ocellus-video-")).catch((cause) => {
    throw ioError("make a temporary folder in", tmpdir(), cause, "TMPDIR can name another folder");
  });
  try {
    const path = join(folder, "video");
    await writeFile(path, bytes, { mode: 0o600, signal }).catch((cause) => {
      throwIfAborted(signal);
      throw ioError("write the video to", path, cause, "TMPDIR can name another folder");
    });
    return await work({ path, format, source });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws `invalid_image`. */
function formatOf(bytes: Uint8Array, source: string): VideoFormat {
  const format = sniffVideo(bytes);
  if (format) return format;
  throw damaged({ source }, "expected MP4, QuickTime, Matroska, WebM, AVI, MPEG, FLV or Ogg", { found: "other bytes" });
}
