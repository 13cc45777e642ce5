/**
 * To which size a picture or a video is brought, where a family takes any: whole blocks (patch · merge) near its own size
 * and within the pixel budget. The arithmetic, its order and its ties are the reference's. [transformers smart_resize]
 */
import { OcellusError } from "../../base/index.js";
import type { SmartResizeProcessor, VideoProcessor } from "./image-processor.js";
import { roundHalfToEven } from "./round.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

type ImageRules = Pick<SmartResizeProcessor, "patchSize" | "mergeSize" | "minPixels" | "maxPixels" | "scalesUp">;
type VideoRules = ImageRules & Pick<VideoProcessor, "temporalPatchSize" | "budgetOf" | "maxTokens">;

/** Longer by more than this is refused by the reference, too. */
const maxAspect = 200;

/** @throws `invalid_image` for a strip longer than 200 times its width, by the size of the image as it was given. */
export function refuseStrip(scaled: Size, { width, height }: Size = scaled): void {
  if (Math.max(scaled.width, scaled.height) / Math.min(scaled.width, scaled.height) <= maxAspect) return;
  throw new OcellusError(
    "invalid_image",
    `an image of ${width} by ${height} is a strip: at most ${maxAspect} to 1 is accepted; crop it`,
    { details: { width, height, maxAspect } },
  );
}

/** Ties round to even, as Python's round does. @throws as `refuseStrip`. */
export function smartSize(image: Size, rules: ImageRules): Size {
  const grown = rules.scalesUp ? atLeast(rules.patchSize * rules.mergeSize, image) : image;
  refuseStrip(grown, image);
  return sizeWithin(grown, { count: 1, counted: 1 }, rules);
}

/** The height first. */
function atLeast(block: number, image: Size): Size {
  let { width, height } = image;
  if (height < block) [width, height] = [roundHalfToEven((width * block) / height), block];
  if (width < block) [width, height] = [block, roundHalfToEven((height * block) / width)];
  return { width, height };
}

/** The size of every frame of a video. @throws as `refuseStrip`. */
export function videoSize(numFrames: number, frame: Size, rules: VideoRules): Size {
  return rules.budgetOf === "frame"
    ? smartSize(frame, { ...rules, maxPixels: mostOfFrame(numFrames, rules) })
    : sizeOfAll(numFrames, frame, rules);
}

/** With a cap on the video: an even share of nine tenths of so many tokens, but always a little over the least. */
function mostOfFrame(numFrames: number, { maxTokens, ...rules }: VideoRules): number {
  if (maxTokens === undefined) return rules.maxPixels;
  const ofVideo = Math.trunc(maxTokens * (rules.patchSize * rules.mergeSize) ** 2 * 0.9);
  const share = Math.floor((ofVideo * rules.temporalPatchSize) / numFrames);
  return Math.max(Math.min(rules.maxPixels, share), Math.trunc(rules.minPixels * 1.05));
}

/** Under a budget of all frames together. A frame smaller than a block is scaled up to one first. */
function sizeOfAll(numFrames: number, frame: Size, rules: VideoRules): Size {
  const block = rules.patchSize * rules.mergeSize;
  const grow = Math.max(1, block / frame.height, block / frame.width);
  const grown = { width: Math.trunc(frame.width * grow), height: Math.trunc(frame.height * grow) };
  refuseStrip(grown);
  const counted = roundHalfToEven(numFrames / rules.temporalPatchSize) * rules.temporalPatchSize;
  return sizeWithin(grown, { count: numFrames, counted }, { ...rules, maxPixels: mostPixels(numFrames, rules) });
}

/** With a cap on a frame: so many tokens, or its share of the whole, but always a little over the least. */
function mostPixels(numFrames: number, { maxTokens, ...rules }: VideoRules): number {
  if (maxTokens === undefined) return rules.maxPixels;
  const cap = maxTokens * (rules.patchSize * rules.mergeSize) ** 2;
  const ofFrame = Math.min(cap, Math.floor(rules.maxPixels / numFrames));
  return numFrames * Math.max(ofFrame, Math.trunc(rules.minPixels * 1.05));
}

/** The budget is compared with `counted` frames, and the scale found for `count`: in the reference they differ if odd. */
function sizeWithin(
  { width, height }: Size,
  frames: { readonly count: number; readonly counted: number },
  { patchSize, mergeSize, minPixels, maxPixels }: ImageRules,
): Size {
  const block = patchSize * mergeSize;
  const whole = (side: number, round: (x: number) => number) => round(side / block) * block;
  const rounded = { width: whole(width, roundHalfToEven), height: whole(height, roundHalfToEven) };
  const numPixels = frames.counted * rounded.width * rounded.height;
  if (numPixels > maxPixels) {
    const shrink = Math.sqrt((frames.count * width * height) / maxPixels);
    const floor = (side: number) => Math.max(block, whole(side / shrink, Math.floor));
    return { width: floor(width), height: floor(height) };
  }
  if (numPixels < minPixels) {
    const grow = Math.sqrt(minPixels / (frames.count * width * height));
    return { width: whole(width * grow, Math.ceil), height: whole(height * grow, Math.ceil) };
  }
  return rounded;
}
