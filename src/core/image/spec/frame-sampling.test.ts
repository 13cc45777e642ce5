/** Against transformers: sampling.json of test/golden/qwen3_vl, made by make_sampling.py beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { type FrameSampling, sampledFps, sampledFrames } from "./frame-sampling.js";
import { videoProcessor } from "./image-processor.js";

interface Case {
  readonly class: "Qwen3VLVideoProcessor" | "Qwen2VLVideoProcessor";
  readonly config: object;
  readonly frames: number;
  readonly fps: number;
  readonly sampledFps: number;
  /** Of the differences between indices: each, and how often it comes in a row. */
  readonly runs: readonly (readonly [step: number, count: number])[];
}
const golden = join(import.meta.dirname, "../../../../test/golden/qwen3_vl/sampling.json");
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(golden, "utf8"));

const target = { patchSize: 16, mergeSize: 2, temporalPatchSize: 2, absent: {} };
const samplingOf = (name: Case["class"], config: object): FrameSampling =>
  videoProcessor(config, { ...target, budgetOf: name === "Qwen3VLVideoProcessor" ? "video" : "frame" }).sampling;

function indicesOf({ runs }: Case): number[] {
  let index = 0;
  return runs.flatMap(([step, count]) => Array.from({ length: count }, () => (index += step)));
}

describe("the frames of a video", () => {
  it("are exactly the reference's for 300 videos under ten configs", () => {
    for (const expected of cases) {
      const video = { numFrames: expected.frames, fps: expected.fps };
      const indices = sampledFrames(video, samplingOf(expected.class, expected.config));
      expect(indices, JSON.stringify({ ...expected, runs: undefined })).toEqual(indicesOf(expected));
      expect(sampledFps(indices, video)).toBeCloseTo(expected.sampledFps, 9);
    }
  });

  it("rise, and are none that the video has not", () => {
    for (const name of ["Qwen3VLVideoProcessor", "Qwen2VLVideoProcessor"] as const)
      for (let numFrames = 2; numFrames < 200; numFrames++) {
        const indices = sampledFrames({ numFrames, fps: 30 }, samplingOf(name, {}));
        expect(indices.every((index, i) => index < numFrames && (i === 0 || index > indices[i - 1]!))).toBe(true);
        expect(indices.length).toBeGreaterThanOrEqual(Math.min(2, numFrames));
      }
  });

  it.each([{ fps: 2, num_frames: 8 }, { min_frames: 9, max_frames: 8 }, { fps: 0 }, { num_frames: 1.5 }])(
    "are not chosen by %j",
    (config) => {
      expect(() => samplingOf("Qwen3VLVideoProcessor", config)).toThrow(ocellusError("invalid_config"));
    },
  );
});
