/** What a model is shown of a video file before it stands in a prompt: for callers that must see exactly that, as guardrails do. */

import type { SampledVideo, VideoFile } from "../image/node/index.js";
import { checkCounts, checkFrames } from "./bounds.js";
import { checkContextLength } from "./layout-images.js";
import type { ImageSpec } from "./processor.js";
import { videoGrids } from "./video.js";

/** @throws as `VideoFile.sampled`, `unsupported`, `too_large` where it alone is more than the context holds. */
export async function sampleVideo(
  file: VideoFile,
  imageSpec: ImageSpec | undefined,
  options: { readonly maxTokens: number; readonly signal?: AbortSignal | undefined },
): Promise<SampledVideo> {
  checkCounts(0, [file], imageSpec, {});
  const { videoProcessor, tokenId } = imageSpec!.video!;
  const sampled = await file.sampled(videoProcessor, options);
  checkFrames([sampled]);
  const grids = await videoGrids([sampled], videoProcessor, {});
  checkContextLength(Array(grids.length).fill(tokenId), [[], grids], imageSpec!, options);
  return sampled;
}
