/** Videos whose time is in positions, not in words, against Qwen2_5_VLProcessor: test/golden/qwen2_vl/images.json, by make_images.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RgbImage } from "../image/spec/index.js";
import { families } from "../models/index.js";
import { createTokenizer } from "../tokenizer/index.js";
import type { ChatMessage } from "./messages.js";
import { createProcessor } from "./processor.js";
import type { VideoInput } from "./video.js";
import { video } from "./video-part.js";

interface Case {
  readonly frames: number;
  readonly fps: number;
  readonly size: [number, number];
  readonly minPixels: number;
  readonly maxPixels: number;
  readonly grid: [number, number, number];
  readonly seconds: number;
  readonly ids: number[];
  readonly values: string;
}
const readJson = (path: string) => JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
const golden: { stride: number; videos: Case[] } = readJson("../../../test/golden/qwen2_vl/images.json");
const { tokenizer: json } = readJson("../tokenizer/fixtures/byte-level.json");
const pad = { ...json.added_tokens[0], id: 428, content: "<|video_pad|>" };
const tokenizer = createTokenizer({ ...json, added_tokens: [...json.added_tokens, pad] }, {});

const family = families.find(({ modelType }) => modelType === "qwen2_5_vl") as any;
const config = family.parseConfig({
  ...readJson("../../../test/golden/qwen2_5_vl/edge-windows/config.json"),
  ...{
    image_token_id: 425,
    video_token_id: 428,
    vision_config: { hidden_size: 32, num_heads: 2, out_hidden_size: 64 },
  },
});
const chatTemplate =
  "{% for m in messages %}<|im_start|>user\n{% for p in m.content %}{% if p.type == 'video' %}" +
  "<|vision_start|><|video_pad|><|vision_end|>{% else %}{{ p.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}";

function processorFor(file: object) {
  const { imageProcessor, layout, video } = family.image;
  const imageSpec = {
    ...{ imageProcessor: imageProcessor(config, undefined), imageTokenId: 425 },
    layout: (grid: unknown, placeholder: number) => layout(config, grid, placeholder),
    video: { ...video, videoProcessor: video.videoProcessor(config, file), tokenId: 428 },
  };
  return createProcessor({ tokenizer, chatTemplate, imageSpec });
}

/** The formula of make_images.py. */
function frame([width, height]: readonly [number, number], n: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      data[i++] = x * 5 + y + 40 * n;
      data[i++] = y * 7 + 11 * n;
      data[i++] = x * y + 90 * n;
    }
  return { width, height, data };
}
const clip = (count: number, size: readonly [number, number], time: Partial<VideoInput>): ChatMessage => {
  const frames = Array.from({ length: count }, (_, n) => frame(size, n));
  return { role: "user", content: ["See: ", video(frames, time as { fps: number }), "What?"] };
};

describe("a video whose pairs stand one behind the other", () => {
  it.each(golden.videos)("of $frames frames of $size is as the reference's", async (expected) => {
    const { frames, fps, size, minPixels, maxPixels, grid } = expected;
    const processor = processorFor({ size: { shortest_edge: minPixels, longest_edge: maxPixels } });
    const { ids, images } = await processor.process([clip(frames, size, { fps })]);
    expect([...ids]).toEqual(expected.ids);
    expect(images.map(({ grid }) => [grid.rows, grid.columns])).toEqual(Array(grid[0]).fill(grid.slice(1)));
    expect(images.map(({ pair }) => pair)).toEqual(
      images.map((_, index) => ({ index, seconds: expect.closeTo(expected.seconds, 12) })),
    );
    const pixels = await Promise.all(images.map((image) => image.pixels()));
    const { mean, std } = family.image.video.videoProcessor(config, {});
    const bytes = pixels.flatMap(({ data, shape }) =>
      Array.from(data, (value, i) => {
        const c = Math.floor((3 * (i % shape[1])) / shape[1]);
        return Math.round(255 * (value * std[c] + mean[c]));
      }),
    );
    const reference = Buffer.from(expected.values, "base64");
    const sampled = bytes.filter((_, i) => i % golden.stride === 0);
    expect(sampled).toHaveLength(reference.length);
    const differences = sampled.map((value, i) => Math.abs(value - reference[i]!));
    expect(differences.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(2);
  });

  it("has the mean time between pairs where frames were not seen evenly", async () => {
    const { images } = await processorFor({}).process([clip(3, [32, 32], { timestamps: [10, 11, 14] })]);
    expect(images.map(({ pair }) => pair)).toEqual([0, 1].map((index) => ({ index, seconds: 4 })));
  });
});
