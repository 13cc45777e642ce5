/** How much a conversation may hold: of words before they are tokenised, of images and frames before any of them is read. */
import { OcellusError } from "../base/index.js";
import { type GivenVideo, knownFrames, type VideoSpec } from "./video.js";

/** A context of 262,144 tokens, the longest of our families, at four characters each. */
const defaultMaxCharacters = 2 ** 20;

/** @throws `too_large`. */
export function checkLength(texts: readonly string[], maxCharacters = defaultMaxCharacters): void {
  const numCharacters = texts.reduce((total, text) => total + text.length, 0);
  if (numCharacters <= maxCharacters) return;
  throw new OcellusError(
    "too_large",
    `the messages hold ${numCharacters} characters, at most ${maxCharacters} are accepted; shorten them`,
    { details: { numCharacters, maxCharacters } },
  );
}

/** What the model sees, as far as it matters here. */
interface Sight {
  readonly video?: VideoSpec | undefined;
}

interface Counts {
  readonly maxImages?: number;
  readonly maxFrames?: number | undefined;
}

/** @throws `unsupported` for what the model does not see, `too_large`; frames of files are counted when these are read. */
export function checkCounts(
  numImages: number,
  videos: readonly GivenVideo[],
  sight: Sight | undefined,
  { maxImages = 64, maxFrames }: Counts,
): void {
  if (!sight && numImages + videos.length > 0)
    throw new OcellusError("unsupported", "this model reads text only; send the image to a vision-language model", {
      details: { found: "images", supported: ["text"] },
    });
  if (!sight?.video && videos.length > 0)
    throw new OcellusError("unsupported", "this model sees still images only; send a few frames as images", {
      details: { found: "videos", supported: ["text", "images"] },
    });
  checkCount(numImages, maxImages, "images", "maxImages");
  checkFrames(
    videos.map((video) => ({ numFrames: knownFrames(video) })),
    maxFrames,
  );
}

/** @param most default: the most that the reference samples from one video */
export function checkFrames(videos: readonly { readonly numFrames: number }[], most = 768): void {
  const numFrames = videos.reduce((sum, video) => sum + video.numFrames, 0);
  checkCount(numFrames, most, "frames of video", "maxFrames");
}

function checkCount(count: number, most: number, what: string, option: string): void {
  if (count <= most) return;
  throw new OcellusError(
    "too_large",
    `the messages hold ${count} ${what}, at most ${most} are accepted; send fewer, or raise ${option}`,
    { details: { field: option, found: count, limit: most } },
  );
}
