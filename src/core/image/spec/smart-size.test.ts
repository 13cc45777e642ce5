/** Against transformers: video.json of test/golden/qwen3_vl and images.json of qwen2_vl, made by scripts beside them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { type VideoProcessor, videoProcessor } from "./image-processor.js";
import { videoSize } from "./smart-size.js";

interface Golden {
  readonly grids: {
    frames: number;
    size: [number, number];
    minPixels: number;
    maxPixels: number;
    fitted: [number, number];
  }[];
}
const golden = join(import.meta.dirname, "../../../../test/golden/qwen3_vl/video.json");
const { grids }: Golden = JSON.parse(readFileSync(golden, "utf8"));

interface GoldenOfQwen2 {
  readonly frames: (Golden["grids"][number] & { maxTokens: number | null })[];
}
const goldenOfQwen2 = join(import.meta.dirname, "../../../../test/golden/qwen2_vl/images.json");
const { frames: framesOfQwen2 }: GoldenOfQwen2 = JSON.parse(readFileSync(goldenOfQwen2, "utf8"));

const processor: VideoProcessor = {
  kind: "video",
  budgetOf: "video",
  patchSize: 16,
  mergeSize: 2,
  temporalPatchSize: 2,
  minPixels: 128 * 32 * 32,
  maxPixels: 768 * 32 * 32,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  sampling: { kind: "spread", amount: { fps: 2 }, minFrames: 4, maxFrames: 768 },
};

describe("the size of a video's frames", () => {
  it("is exactly the reference's for 100 videos", () => {
    expect(grids).toHaveLength(100);
    for (const { frames, size, minPixels, maxPixels, fitted } of grids) {
      const { width, height } = videoSize(
        frames,
        { width: size[0], height: size[1] },
        { ...processor, minPixels, maxPixels },
      );
      expect([width, height], `${frames} frames of ${size[0]} by ${size[1]}`).toEqual(fitted);
    }
  });

  it("is exactly the reference's for 100 videos whose budget is that of each frame", () => {
    expect(framesOfQwen2).toHaveLength(100);
    for (const { frames, size, minPixels, maxPixels, maxTokens, fitted } of framesOfQwen2) {
      const rules = { ...processor, patchSize: 14, budgetOf: "frame", minPixels, maxPixels } as const;
      const { width, height } = videoSize(
        frames,
        { width: size[0], height: size[1] },
        { ...rules, ...(maxTokens && { maxTokens }) },
      );
      expect([width, height], `${frames} frames of ${size[0]} by ${size[1]}`).toEqual(fitted);
    }
  });

  it("shrinks as there are more frames, for the budget is that of all together", () => {
    const areas = [2, 8, 32].map((frames) => videoSize(frames, { width: 640, height: 480 }, processor));
    for (const [i, frames] of [2, 8, 32].entries())
      expect(frames * areas[i]!.width * areas[i]!.height).toBeLessThanOrEqual(processor.maxPixels);
    expect(areas[2]!.width).toBeLessThan(areas[0]!.width);
  });

  it("refuses strips", () => {
    expect(() => videoSize(2, { width: 10_000, height: 40 }, processor)).toThrow(
      ocellusError("invalid_image", { width: 10_000, height: 40, maxAspect: 200 }),
    );
  });
});

describe("videoProcessor", () => {
  const { patchSize, mergeSize, temporalPatchSize } = processor;
  const videoProcessorOf = (file: object) =>
    videoProcessor(file, { patchSize, mergeSize, temporalPatchSize, budgetOf: "video", absent: {} });
  const silent = videoProcessorOf({});

  it("takes the file's budget", () => {
    const file = {
      size: { shortest_edge: 4096, longest_edge: 25165824 },
      fps: 2,
      max_frames: 768,
      patch_size: patchSize,
    };
    expect(videoProcessorOf(file)).toEqual({ ...silent, minPixels: 4096, maxPixels: 25165824 });
  });

  it("takes the cap on a frame only where the file asks for it", () => {
    expect(videoProcessorOf({ cap_pixels_per_frame: false, max_video_tokens: 9 })).toEqual(silent);
    expect(videoProcessorOf({ cap_pixels_per_frame: true }).maxTokens).toBe(768);
    expect(videoProcessorOf({ cap_pixels_per_frame: true, max_video_tokens: 9 }).maxTokens).toBe(9);
  });

  it.each([
    [{ temporal_patch_size: 4 }, /^temporal_patch_size: .*2.*4/],
    [{ size: { shortest_edge: 4096 } }, /^size\.longest_edge: /],
    [{ size: { shortest_edge: 8192, longest_edge: 4096 } }, /^size: .*8192.*4096/],
    [{ max_video_tokens: 0 }, /^max_video_tokens: /],
    [{ video_processor_type: "Qwen2VLVideoProcessor" }, /^video_processor_type: /],
  ])("refuses %j", (file, problem) => {
    expect(() => videoProcessorOf(file)).toThrow(
      ocellusError("invalid_config", { problems: [expect.stringMatching(problem)] }),
    );
  });
});
