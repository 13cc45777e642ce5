/**
 * Video files through ffmpeg: which frames are read, how they are scaled, and what is refused. The clips are made here, without
 * loss, so that each frame says its own index.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { isMissing } from "../../base/prerequisite.testkit.js";
import { temporaryFolder } from "../../base/temporary-folder.testkit.js";
import { resizeColumnsFirst, sampledFrames, type VideoProcessor } from "../spec/index.js";
import { missingVideoPrograms } from "./ffmpeg.js";
import { decodeImage, type LoadedImage, VideoFile, type VideoLimits, type VideoSource } from "./index.js";

const processor: VideoProcessor = {
  ...{ kind: "video", budgetOf: "video", patchSize: 16, mergeSize: 2, temporalPatchSize: 2 },
  ...{ minPixels: 4096, maxPixels: 65_536, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  sampling: { kind: "spread", amount: { fps: 2 }, minFrames: 4, maxFrames: 768 },
};

const hasFfmpeg = () => {
  try {
    execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const [width, height, numFrames] = [64, 96, 50];
const grey = (frame: number) => 5 * frame;

/** Frames of one colour that tells their index. */
function writeClip(path: string, ...options: string[]): Buffer {
  const raw = Buffer.concat(Array.from({ length: numFrames }, (_, i) => Buffer.alloc(width * height * 3, grey(i))));
  const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", "10", "-i", "pipe:0"];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...input, ...options, path], { input: raw });
  return readFileSync(path);
}

describe.skipIf(isMissing("ffmpeg", hasFfmpeg(), "apt-get install ffmpeg"))("a video file", () => {
  const folder = temporaryFolder();
  const temporary = join(folder, "tmp");
  const path = join(folder, "clip.mkv");
  let bytes: Buffer;
  beforeAll(() => {
    bytes = writeClip(path, "-c:v", "ffv1", "-pix_fmt", "gbrp");
    mkdirSync(temporary);
    vi.stubEnv("TMPDIR", temporary);
  });
  afterEach(() => {
    expect(readdirSync(temporary)).toEqual([]);
    vi.unstubAllEnvs();
    vi.stubEnv("TMPDIR", temporary);
  });
  afterAll(() => vi.unstubAllEnvs());

  const sampled = (source: VideoSource, limits?: VideoLimits) => new VideoFile(source, limits).sampled(processor);
  const decoded = async (source: VideoSource, limits?: VideoLimits) => (await sampled(source, limits)).frames();
  const pixelsOf = async (frame: LoadedImage) => (await decodeImage(frame.source as never)).data;

  it("is known by its header before a frame is decoded", async () => {
    const { numFrames: chosen, timestamps, fps, size } = await sampled(path);
    expect({ chosen, size }).toEqual({ chosen: 10, size: { width: 64, height: 96 } });
    expect(timestamps).toEqual(sampledFrames({ numFrames, fps: 10 }, processor.sampling).map((index) => index / 10));
    expect(fps).toBe(2);
  });

  it("gives the frames that the rule chooses, of a path as of its bytes", async () => {
    for (const source of [path, new Uint8Array(bytes)]) {
      const frames = await decoded(source);
      const greys = await Promise.all(frames.map(async (frame) => [...new Set(await pixelsOf(frame))]));
      expect(greys).toEqual(sampledFrames({ numFrames, fps: 10 }, processor.sampling).map((index) => [grey(index)]));
    }
  });

  it("is scaled as the reference scales it, but for what colours lose at sharp edges", async () => {
    const picture = join(folder, "picture.mkv");
    const made = [
      "-f",
      "lavfi",
      "-i",
      "mandelbrot=size=640x480:rate=5",
      "-frames:v",
      "10",
      "-c:v",
      "ffv1",
      "-pix_fmt",
      "gbrp",
    ];
    execFileSync("ffmpeg", ["-v", "error", ...made, picture]);
    const small = await sampled(picture);
    const large = await new VideoFile(picture).sampled({ ...processor, minPixels: 640 * 480, maxPixels: 2 ** 26 });
    expect(large.size).toEqual({ width: 640, height: 480 });
    const whole = await pixelsOf((await large.frames())[0]!);
    const expected = resizeColumnsFirst({ ...large.size, data: whole }, small.size.width, small.size.height, "bicubic");
    const found = await pixelsOf((await small.frames())[0]!);
    const differences = found.map((value, i) => Math.abs(value - expected.data[i]!));
    expect(Math.max(...differences)).toBeLessThan(30); // found: 18
    expect(differences.reduce((sum, difference) => sum + difference, 0) / found.length).toBeLessThan(1); // found: 0.57
  });

  it("is shown upright where its header says that it lies", async () => {
    const lying = join(folder, "lying.mp4");
    const plain = join(folder, "plain.mp4");
    writeClip(plain, "-c:v", "mpeg4", "-q:v", "2");
    execFileSync("ffmpeg", ["-v", "error", "-i", plain, "-c", "copy", "-metadata:s:v:0", "rotate=90", lying]);
    expect((await sampled(plain)).size).toEqual({ width: 64, height: 96 });
    expect((await sampled(lying)).size).toEqual({ width: 96, height: 64 });
    expect(await decoded(lying)).toHaveLength(10);
  });

  it.each<[string, VideoLimits, Record<string, unknown>]>([
    ["length", { maxSeconds: 4 }, { maxSeconds: 4 }],
    ["frames", { maxFrameBytes: 1000 }, { maxFrameBytes: 1000 }],
    ["size of a frame", { maxPixels: 6143 }, { maxPixels: 6143 }],
    ["time", { maxMs: 1 }, { maxMs: 1 }],
  ])("is refused beyond the limit of its %s", async (_, limits, details) => {
    await expect(decoded(path, limits)).rejects.toThrow(ocellusError("too_large", details));
  });

  it("is refused beyond the limit of its bytes, where they are held", async () => {
    await expect(decoded(new Uint8Array(bytes), { maxBytes: 100 })).rejects.toThrow(
      ocellusError("too_large", { maxBytes: 100 }),
    );
  });

  it.each<[string, () => Uint8Array]>([
    ["an image", () => Buffer.from("\x89PNG\r\n\x1a\n", "latin1")],
    ["a playlist", () => Buffer.from("#EXTM3U\n/etc/passwd\n")],
    ["a list of files", () => Buffer.from("ffconcat version 1.0\nfile /etc/passwd\n")],
    ["a header alone", () => Buffer.from("\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "latin1")],
    ["garbage behind a header", () => Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(4000, 7)])],
    ["nothing", () => new Uint8Array()],
  ])("is not %s", async (_, source) => {
    await expect(decoded(source())).rejects.toThrow(ocellusError("invalid_image"));
  });

  it("ends with its request", async () => {
    const asked = new AbortController();
    const frames = new VideoFile(new Uint8Array(bytes)).sampled(processor, { signal: asked.signal });
    asked.abort();
    await expect(frames).rejects.toThrow(ocellusError("aborted"));
  });

  it("names the program that is missing", async () => {
    expect(await missingVideoPrograms()).toEqual([]);
    vi.stubEnv("PATH", folder);
    expect(await missingVideoPrograms()).toEqual(["ffmpeg", "ffprobe"]);
    await expect(sampled(path)).rejects.toThrow(ocellusError("unavailable", { missing: "ffprobe" }));
  });

  it("says what is no file", async () => {
    await expect(sampled(folder)).rejects.toThrow(ocellusError("invalid_request"));
    await expect(sampled(join(folder, "none.mp4"))).rejects.toThrow(ocellusError("not_found"));
    writeFileSync(join(folder, "cut.mkv"), bytes.subarray(0, bytes.length / 3));
    await expect(decoded(join(folder, "cut.mkv"))).resolves.toBeDefined(); // what is there of it
  });
});
