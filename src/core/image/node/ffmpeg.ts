/**
 * The programs `ffprobe` and `ffmpeg` [https://ffmpeg.org/ffmpeg.html, 5.1 or newer], run on one file of a container that was
 * told by its first bytes: they are given its reader by name, no protocol but files, no shell and no standard input, and
 * are killed at the limit, at an abort and at the first byte too many. What they print of a failure is its cause, no message.
 */
import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { fileLimits, OcellusError, parseJson, readBoundedText, throwIfAborted } from "../../base/index.js";
import type { VideoFormat } from "../spec/index.js";

export interface VideoPath {
  readonly path: string;
  readonly format: VideoFormat;
  /** What to call it in a message. */
  readonly source: string;
}

export interface RunLimits {
  /** Of one run of a program. */
  readonly maxMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What ffprobe says of the stream that is shown; its fields are read by video-file.ts. */
export type StreamFacts = Readonly<Record<string, unknown>>;

/** Facts of a stream are short. */
const maxFactBytes = 2 ** 20;
const maxErrorBytes = 2 ** 16;

/** What it takes to find programs and libraries; FFREPORT would have ffmpeg write files, and secrets are none of its business. */
const inherited = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"];

const stream = "V:0"; // the first that is no cover picture

/** Which of the two programs this machine lacks; none is started. */
export async function missingVideoPrograms(): Promise<string[]> {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const isThere = async (program: string) => {
    const paths = folders.flatMap((folder) => [join(folder, program), join(folder, `${program}.exe`)]);
    return Promise.any(paths.map((path) => access(path, constants.X_OK))).then(
      () => true,
      () => false,
    );
  };
  const programs = ["ffmpeg", "ffprobe"];
  const found = await Promise.all(programs.map(isThere));
  return programs.filter((_, i) => !found[i]);
}

/** @throws `invalid_image` without a stream of video, `unavailable`, `too_large` past the time, `aborted`. */
export async function probe(video: VideoPath, limits: RunLimits): Promise<StreamFacts> {
  const entries = "stream=width,height,avg_frame_rate,r_frame_rate,nb_read_packets:stream_side_data=rotation";
  const given = ["-select_streams", stream, "-count_packets", "-show_entries", entries, "-of", "json"];
  const text = await run("ffprobe", [...inputOf(video), ...given], video, limits, (stdout) =>
    readBoundedText(stdout, { what: "what ffprobe says", maxBytes: maxFactBytes }),
  );
  const { streams } = parseJson(text, fileLimits) as { streams?: readonly StreamFacts[] };
  if (streams?.[0]) return streams[0];
  throw damaged(video, "expected a stream of video, found none", { found: "no video" });
}

interface ChosenFrames {
  /** Indices, rising; one may come twice. */
  readonly indices: readonly number[];
  readonly width: number;
  readonly height: number;
}

/**
 * Frames as RGB [height, width, 3], scaled by ffmpeg's bicubic filter with the reference's coefficient. Fewer than were chosen
 * where the file ends early. @throws as `probe`.
 */
export async function decodeFrames(
  video: VideoPath,
  { indices, width, height }: ChosenFrames,
  limits: RunLimits,
): Promise<Uint8Array[]> {
  const distinct = [...new Set(indices)];
  const chosen = distinct.map((index) => `eq(n,${index})`).join("+");
  const scale = `scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp:param0=0:param1=0.5`;
  const output = ["-map", `0:${stream}`, "-vf", `select='${chosen}',${scale}`, "-fps_mode", "passthrough"];
  const raw = ["-frames:v", String(distinct.length), "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"];
  const args = ["-nostdin", "-hide_banner", "-threads", "2", ...inputOf(video), ...output, ...raw];
  const frames = await run("ffmpeg", args, video, limits, (stdout) =>
    readPieces(stdout, width * height * 3, distinct.length),
  );
  const known = new Map(frames.map((frame, i) => [distinct[i], frame]));
  return indices.flatMap((index) => known.get(index) ?? []);
}

function inputOf({ path, format }: VideoPath): string[] {
  return ["-v", "error", "-protocol_whitelist", "file", "-f", format, "-i", `file:${path}`];
}

async function run<T>(
  program: "ffmpeg" | "ffprobe",
  args: readonly string[],
  video: VideoPath,
  { maxMs, signal }: RunLimits,
  read: (stdout: Readable) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const timeout = AbortSignal.timeout(maxMs);
  const child = spawn(program, args, {
    env: Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    stdio: ["ignore", "pipe", "pipe"],
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const said = firstBytesOf(child.stderr);
  try {
    const [result, status] = await Promise.all([read(child.stdout), ended]);
    if (status === 0) return result;
    throw damaged(video, "it is damaged, or its codec is not known to this ffmpeg", { status }, new Error(await said));
  } catch (error) {
    throwIfAborted(signal);
    if (timeout.aborted) throw tooSlow(video, maxMs);
    if ((error as { code?: unknown }).code === "ENOENT") throw missing(program);
    throw error;
  } finally {
    child.kill("SIGKILL");
    await ended.catch(() => {});
  }
}

/** In whole pieces; one that is cut short is left out. */
async function readPieces(stdout: Readable, numBytes: number, most: number): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let at = numBytes;
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; ) {
      if (at === numBytes) {
        if (pieces.length === most) return pieces;
        pieces.push(new Uint8Array(numBytes));
        at = 0;
      }
      const part = chunk.subarray(from, from + numBytes - at);
      pieces.at(-1)!.set(part, at);
      at += part.length;
      from += part.length;
    }
  }
  return at === numBytes ? pieces : pieces.slice(0, -1);
}

/** The rest is read too, since a full pipe would stop the program. */
async function firstBytesOf(stderr: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stderr) if (text.length < maxErrorBytes) text += String(chunk);
  return text.slice(0, maxErrorBytes);
}

export function damaged(
  { source }: Pick<VideoPath, "source">,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): OcellusError {
  return new OcellusError("invalid_image", `${source}: the video cannot be read: ${problem}`, {
    details: { source, ...details },
    cause,
  });
}

function tooSlow({ source }: VideoPath, maxMs: number): OcellusError {
  return new OcellusError(
    "too_large",
    `${source}: the video takes longer than ${maxMs / 1000} s to read; send a shorter or a smaller one`,
    { details: { source, maxMs } },
  );
}

function missing(program: string): OcellusError {
  return new OcellusError(
    "unavailable",
    `a video needs the program ${program}, which is not on the PATH: install ffmpeg 5.1 or newer, or send frames with times`,
    { details: { missing: program, install: "ffmpeg" } },
  );
}
