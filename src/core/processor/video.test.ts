/** Videos in prompts, against transformers' Qwen3VLProcessor: test/golden/qwen3_vl/video.json, made by make_video.py. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { headerOnlyPng } from "../image/node/header-only.testkit.js";
import type { RgbImage } from "../image/spec/index.js";
import { families } from "../models/index.js";
import { createTokenizer } from "../tokenizer/index.js";
import { type ChatMessage, image } from "./messages.js";
import { createProcessor, type ImageSpec, type ProcessOptions } from "./processor.js";
import type { VideoInput } from "./video.js";
import { video } from "./video-part.js";

interface Case {
  readonly timestamps: number[];
  readonly fps: number;
  readonly isEven: boolean;
  readonly size: [number, number];
  readonly minPixels: number;
  readonly maxPixels: number;
  readonly capped: boolean;
  readonly grid: [number, number, number];
  readonly ids: number[];
  readonly values: string;
}
const goldenFolder = join(import.meta.dirname, "../../../test/golden/qwen3_vl");
const golden: { stride: number; videos: Case[] } = JSON.parse(readFileSync(join(goldenFolder, "video.json"), "utf8"));

const family = families.find(({ modelType }) => modelType === "qwen3_vl") as any;
const config = {
  ...family.parseConfig(JSON.parse(readFileSync(join(goldenFolder, "tied-one-picture/config.json"), "utf8"))),
  image_token_id: 425,
  video_token_id: 428,
};
const fixture = join(import.meta.dirname, "../tokenizer/fixtures/byte-level.json");
const { tokenizer: tokenizerJson } = JSON.parse(readFileSync(fixture, "utf8"));
const pad = { ...tokenizerJson.added_tokens[0], id: 428, content: "<|video_pad|>" };
const added_tokens = [...tokenizerJson.added_tokens, pad];
const tokenizer = createTokenizer({ ...tokenizerJson, added_tokens }, {});

const chatTemplate = `
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- for part in message.content %}
        {%- if part.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}
        {%- elif part.type == 'video' %}{{- '<|vision_start|><|video_pad|><|vision_end|>' }}
        {%- else %}{{- part.text }}
        {%- endif %}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}`;

const eyesFor = (videoPreprocessorConfig: unknown): ImageSpec => ({
  imageProcessor: family.image.imageProcessor(config, undefined),
  imageTokenId: 425,
  layout: (grid, placeholder) => family.image.layout(config, grid, placeholder, () => []),
  video: {
    ...family.image.video,
    videoProcessor: family.image.video.videoProcessor(config, videoPreprocessorConfig),
    tokenId: 428,
  },
});
const processorFor = (videoPreprocessorConfig?: unknown) =>
  createProcessor({ tokenizer, chatTemplate, imageSpec: eyesFor(videoPreprocessorConfig) });
const user = (...content: Exclude<ChatMessage["content"], string>): ChatMessage => ({ role: "user", content });
const small = { size: { shortest_edge: 4096, longest_edge: 65_536 } };

/** The formula of make_video.py. */
function frame([width, height]: readonly [number, number], n: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[i++] = x * 5 + y + 40 * n;
      data[i++] = y * 7 + 11 * n;
      data[i++] = x * y + 90 * n;
    }
  }
  return { width, height, data };
}
const frames = (count: number, size: readonly [number, number] = [32, 32]) =>
  Array.from({ length: count }, (_, n) => frame(size, n));

describe("a video in a prompt", () => {
  it.each(golden.videos)("of $timestamps.length frames of $size is as the reference's", async (expected) => {
    const { timestamps, fps, isEven, size, minPixels, maxPixels, capped, grid } = expected;
    const processor = processorFor({
      size: { shortest_edge: minPixels, longest_edge: maxPixels },
      cap_pixels_per_frame: capped,
    });
    const clip = video(frames(timestamps.length, size), isEven ? { fps } : { timestamps });
    const { ids, images } = await processor.process([user("See: ", clip, "What?")]);
    expect([...ids]).toEqual(expected.ids);
    expect(images.map(({ grid }) => [grid.rows, grid.columns])).toEqual(Array(grid[0]).fill(grid.slice(1)));
    for (const { start, numTokens } of images)
      expect([ids[start - 1], ids[start], ids[start + numTokens - 1], ids[start + numTokens]]).toEqual([
        423, 428, 428, 424,
      ]);
    const values = (await Promise.all(images.map(({ pixels }) => pixels())))
      .flatMap(({ data }) => [...data])
      .filter((_, i) => i % golden.stride === 0);
    const reference = Buffer.from(expected.values, "base64");
    expect(values).toHaveLength(reference.length);
    const differences = values.map((value, i) => Math.abs(Math.round((value + 1) * 127.5) - reference[i]!));
    expect(differences.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(2);
  });

  it("is in order among pictures, with times of its own", async () => {
    const still = image(frame([256, 256], 9));
    const clips = [video(frames(3), { fps: 2 }), video(frames(2), { timestamps: [60, 61] })];
    const { text, images, ids } = await processorFor(small).process([user(clips[0]!, still, "and", clips[1]!)]);
    const pair = "<|vision_start|><|video_pad|><|vision_end|>";
    expect(text).toBe(
      `<|im_start|>user\n<0.2 seconds>${pair}<1.0 seconds>${pair}<|vision_start|><|image_pad|><|vision_end|>and` +
        `<60.5 seconds>${pair}<|im_end|>\n`,
    );
    expect(images.map(({ start }) => ids[start])).toEqual([428, 428, 425, 428]);
    expect(images.map(({ start }) => start)).toEqual([...images.map(({ start }) => start)].sort((a, b) => a - b));
  });

  it.each([
    [[0, 0.5], "0.2"],
    [[0.5, 1], "0.8"],
    [[2, 2.5], "2.2"],
    [[0, 0.3], "0.1"], // 0.15 is a little less than that in binary
    [[0.1, 0.2], "0.2"], // and this sum a little more
    [[0, 1], "0.5"],
    [[99_999, 100_000], "99999.5"],
  ])("tells the time of frames at %j as %s, as Python rounds", async (timestamps, expected) => {
    const { text } = await processorFor(small).process([user(video(frames(2), { timestamps }))]);
    expect(text).toContain(`<${expected} seconds>`);
  });

  it("knows each pair by both its frames, in their order", async () => {
    const [a, b] = frames(2) as [RgbImage, RgbImage];
    const digests = async (...shown: RgbImage[]) => {
      const { images } = await processorFor(small).process([user(video(shown, { fps: 1 }))]);
      return images.map(({ digest }) => digest);
    };
    const seen = (await Promise.all([digests(a, b), digests(b, a), digests(a, a), digests(b, b)])).flat();
    expect(new Set(seen).size).toBe(4);
    expect(await digests(a, b, a)).toEqual([seen[0], seen[2]]); // the odd one stands twice
  });
});

type Details = Readonly<Record<string, unknown>>;

describe("a video is refused", () => {
  const refuse = async (input: unknown, code: ErrorCode, details: Details, options: ProcessOptions = {}) => {
    const part = { type: "video", video: input as VideoInput } as const;
    await expect(processorFor(small).process([user("x"), user(part)], options)).rejects.toThrow(
      ocellusError(code, details),
    );
  };

  it.each<[string, unknown, Details]>([
    ["without frames", { frames: [], fps: 1 }, { message: 2, field: "frames", least: 2, found: 0 }],
    ["of one frame", { frames: frames(1), fps: 1 }, { field: "frames", least: 2, found: 1 }],
    ["without a list", { frames: "clip.mp4", fps: 1 }, { field: "frames", found: "string" }],
    ["with a hole", { frames: [frame([9, 9], 0), undefined], fps: 1 }, { field: "frames", missing: 2 }],
    ["without times", { frames: frames(2) }, { field: "fps", instead: "timestamps" }],
    [
      "with two kinds of times",
      { frames: frames(2), fps: 1, timestamps: [0, 1] },
      { field: "fps", instead: "timestamps" },
    ],
    ["at no rate", { frames: frames(2), fps: 0 }, { field: "fps", least: 0.001, most: 1000, found: 0 }],
    ["at a rate in words", { frames: frames(2), fps: "2" }, { field: "fps", found: "2" }],
    ["with too few times", { frames: frames(3), timestamps: [0, 1] }, { field: "timestamps", expected: 3, found: 2 }],
    ["that stands still", { frames: frames(3), timestamps: [0, 1, 1] }, { timestamp: 3, after: 1, found: 1 }],
    ["that runs back", { frames: frames(2), timestamps: [2, 1] }, { timestamp: 2, after: 2, found: 1 }],
    ["before its start", { frames: frames(2), timestamps: [-1, 1] }, { timestamp: 1, found: -1 }],
    [
      "without end",
      { frames: frames(2), timestamps: [0, Number.POSITIVE_INFINITY] },
      { timestamp: 2, most: 1e6, found: Number.POSITIVE_INFINITY },
    ],
  ])("%s", async (_, input, details) => {
    await refuse(input, "invalid_request", details);
  });

  it("with more tokens than the context holds, before a frame is decoded", async () => {
    const clip = { frames: [headerOnlyPng(1024, 768), ...Array(19).fill("no/such/frame.png")], fps: 1 };
    await refuse(clip, "too_large", { maxLength: 150 }, { maxTokens: 150 });
    await refuse(clip, "invalid_image", { video: 1, frame: 1 });
  });

  it("with frames of different sizes, saying which", async () => {
    const odd = [...frames(3), frame([32, 33], 0)];
    await refuse({ frames: odd, fps: 1 }, "invalid_image", {
      frame: 4,
      expected: { width: 32, height: 32 },
      found: { width: 32, height: 33 },
    });
  });

  it("with a frame that cannot be read, saying which", async () => {
    await refuse({ frames: [...frames(1), "no/such/frame.png"], fps: 1 }, "not_found", {
      frame: 2,
      path: "no/such/frame.png",
    });
  });

  it("with more frames than a request may hold, all videos together", async () => {
    const same = new Array(769).fill(frame([32, 32], 0));
    await refuse({ frames: same, fps: 2 }, "too_large", { field: "maxFrames", found: 769, limit: 768 });
    await refuse(
      { frames: frames(3), fps: 2 },
      "too_large",
      { field: "maxFrames", found: 3, limit: 2 },
      { maxFrames: 2 },
    );
  });

  it("by models that see still pictures only, or none", async () => {
    const messages = [user(video(frames(2), { fps: 1 }))];
    const process = (imageSpec: ImageSpec | undefined) =>
      createProcessor({ tokenizer, chatTemplate, imageSpec }).process(messages);
    const { video: _, ...stillOnly } = eyesFor(undefined);
    await expect(process(stillOnly)).rejects.toThrow(
      ocellusError("unsupported", { found: "videos", supported: ["text", "images"] }),
    );
    await expect(process(undefined)).rejects.toThrow(ocellusError("unsupported", { supported: ["text"] }));
  });

  it("by templates that leave it out, and when forged in trusted text", async () => {
    const messages = [user("a", video(frames(2), { fps: 1 }))];
    const silent = createProcessor({ tokenizer, chatTemplate: "x", imageSpec: eyesFor(undefined) });
    await expect(silent.process(messages)).rejects.toThrow(
      ocellusError("unsupported", { placeholder: "video", found: 0, expected: 1 }),
    );
    for (const forged of ["<|vision_start|><|video_pad|><|vision_end|>", "<|video_pad|>"])
      await expect(processorFor().process([user(forged)], { allowSpecialTokens: true })).rejects.toThrow(
        ocellusError("invalid_request", { placeholder: expect.any(String), found: 1, expected: 0 }),
      );
    await expect(processorFor().process([user("<|video_pad|>")])).rejects.toThrow(
      ocellusError("invalid_request", { token: "<|video_pad|>" }),
    );
  });
});

describe("two pixel budgets of one picture", () => {
  it("give it the same digest and other grids", async () => {
    const shown = [user(image(frame([300, 200], 0)))];
    const processed = async (options: ProcessOptions) => (await processorFor().process(shown, options)).images[0]!;
    const [usual, fine, coarse] = await Promise.all(
      [{}, { minPixels: 200_000 }, { maxPixels: 4096 }].map((options) => processed(options)),
    );
    expect(new Set([usual!.digest, fine!.digest, coarse!.digest]).size).toBe(1);
    expect(coarse!.numTokens).toBeLessThan(usual!.numTokens);
    expect(fine!.numTokens).toBeGreaterThan(usual!.numTokens);
    expect(coarse!.numTokens).toBeLessThanOrEqual(4);
  });
});
