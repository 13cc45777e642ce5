/**
 * Image-processor configs and what is done to images, against transformers 5.24 (AutoImageProcessor with the torchvision
 * backend) by test/golden/image_processors/make_table.py: published forms of three families, old and new, nested and flat.
 *
 * Tolerance of pixels: 2 of 255, which is what is measured: torchvision rounds weights to 15 bits, Pillow and we to 22, and
 * both round each axis to 8 bits. The other order of axes is up to 17 away.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  gridOf,
  type ImageProcessor,
  preprocess,
  readImageProcessorConfig,
  readVideoProcessorConfig,
  videoProcessor,
} from "../src/core/image/spec/index.js";
import { familyOf } from "../src/core/models/index.js";
import { loadClassifier, loadDualEncoder } from "../src/core/runtime/index.js";
import { estimateMemory } from "../src/inspect/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { noise } from "./support/small-qwen3-vl.js";

const golden = join(repository, "test/golden");
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(golden, ...path), "utf8"));

interface Effective {
  readonly size: Readonly<Record<string, number>>;
  readonly resample: number;
  readonly do_rescale: boolean | null;
  readonly rescale_factor: number;
  readonly do_normalize: boolean | null;
  readonly image_mean: number | number[];
  readonly image_std: number | number[];
}

interface Case {
  readonly family: "clip" | "vit" | "qwen3_vl";
  readonly files: Readonly<Record<string, Record<string, any>>>;
  readonly effective?: Effective;
  /** Of each input, or of all of them. */
  readonly sizes?: readonly [number, number] | readonly ([number, number] | null)[];
  readonly unusable?: string;
}

const configs = {
  clip: { model_type: "clip", vision_config: { image_size: 32, patch_size: 8 } },
  vit: { model_type: "vit", image_size: 32, patch_size: 8 },
  qwen3_vl: readJson("qwen3_vl/untied-two-pictures/config.json"),
};
const side = 32;

async function imageProcessorOf({ family: name, files }: Pick<Case, "family" | "files">): Promise<ImageProcessor> {
  const family = familyOf(configs[name]);
  const config = family.parseConfig(configs[name]);
  const json = await readImageProcessorConfig({ readJson: async (file) => files[file] });
  return family.kind === "language" ? family.image!.imageProcessor(config, json) : family.imageProcessor(config, json);
}

/** What the reference can do and we cannot: refused, not ignored. */
const refusedHere: readonly ((file: Record<string, any>) => boolean)[] = [
  ({ do_resize }) => do_resize === false,
  ({ resample }) => resample === 1,
  ({ do_pad }) => do_pad === true,
  ({ use_square_size }) => use_square_size === true,
  ({ size, crop_size }) => size?.shortest_edge < crop_size?.height,
];

const { cases, input_sizes: inputSizes }: { cases: Case[]; input_sizes: [number, number][] } =
  readJson("image_processors/table.json");
const fileOf = ({ files }: Case) =>
  files["processor_config.json"]?.image_processor ?? files["preprocessor_config.json"]!;
const fits = ({ family, sizes }: Case) => family === "qwen3_vl" || (sizes?.[0] === side && sizes[1] === side);
const isTaken = (it: Case) => !it.unusable && fits(it) && !refusedHere.some((isRefused) => isRefused(fileOf(it)));
const named = (list: readonly Case[]) => list.map((it) => [`${it.family} ${JSON.stringify(it.files)}`, it] as const);

describe("an image-processor config", () => {
  it("is taken in most published forms", () => expect(cases.filter(isTaken).length).toBeGreaterThan(55));

  it.each(named(cases.filter(isTaken)))("takes effect as in the reference: %s", async (_, { effective, ...asked }) => {
    const imageProcessor = await imageProcessorOf(asked);
    for (const channel of [0, 1, 2])
      for (const x of [0, 1, 127, 255])
        expect((x / 255 - imageProcessor.mean[channel]!) / imageProcessor.std[channel]!).toBeCloseTo(
          referenceValue(x, channel, effective!),
          4,
        );
    if ("resample" in imageProcessor)
      expect(imageProcessor.resample).toBe(effective!.resample === 2 ? "bilinear" : "bicubic");
    const { shortest_edge: shortestEdge, ...sides } = effective!.size;
    if (imageProcessor.kind === "center_crop")
      expect(imageProcessor).toMatchObject({ resize: shortestEdge === undefined ? sides : { shortestEdge }, side });
    else if (imageProcessor.kind === "stretch") expect(imageProcessor).toMatchObject({ width: side, height: side });
    else expect(imageProcessor).toMatchObject({ minPixels: shortestEdge, maxPixels: sides.longest_edge });
  });

  it.each(named(cases.filter((it) => !isTaken(it))))("is refused by the name of a field: %s", async (_, asked) => {
    await expect(imageProcessorOf(asked)).rejects.toMatchObject({
      code: "invalid_config",
      details: { problems: [expect.stringMatching(/^(size|crop_size|resample|do_\w+|pad_size|use_square_size)/)] },
    });
  });

  it("brings 200 sizes of images to the reference's sizes", async () => {
    const sized = cases.filter((it) => it.family === "qwen3_vl" && isTaken(it));
    for (const it of sized) {
      const imageProcessor = await imageProcessorOf(it);
      const found = inputSizes.map(([width, height], i) => {
        if (it.sizes![i] === null) return null; // a strip
        const { rows, columns } = gridOf({ width, height }, imageProcessor);
        return [columns * imageProcessor.patchSize, rows * imageProcessor.patchSize];
      });
      expect(found).toEqual(it.sizes);
    }
  });

  const clip = fileOf(cases[1]!);
  it.each([
    [{ ...clip, crop_pct: 0.9 }, "crop_pct"],
    [{ ...clip, do_reduce_labels: true }, "do_reduce_labels"],
    [{ ...clip, image_processor_type: "ConvNextImageProcessor" }, "image_processor_type"],
    [{ ...clip, image_mean: [0.5, 0.5] }, "image_mean"],
    [{ ...clip, image_std: [0, 1, 1] }, "image_std"],
    [{ ...clip, rescale_factor: 0 }, "rescale_factor"],
    [{ ...clip, size: { shortest_edge: 2 ** 26 } }, "size"],
    [{ ...clip, patch_size: 16 }, "patch_size"],
    [{ ...clip, merge_size: 2 }, "merge_size"],
    [{ ...clip, temporal_patch_size: 2 }, "temporal_patch_size"],
    [{ ...clip, min_pixels: 4 }, "min_pixels"],
    [{ ...clip, max_pixels: 4 }, "max_pixels"],
    [{ ...clip, max_image_size: { longest_edge: 32 } }, "max_image_size"],
    [{ ...clip, downsample_mode: "4x" }, "downsample_mode"],
    [{ ...clip, image_feature_size: 64 }, "image_feature_size"],
    [[], "(top level)"],
    ["text", "(top level)"],
  ])("refuses what is unknown or malformed: %j", async (file, field) => {
    const asked = { family: "clip", files: { "preprocessor_config.json": file } } as unknown as Case;
    await expect(imageProcessorOf(asked)).rejects.toMatchObject({
      code: "invalid_config",
      details: { problems: [expect.stringContaining(field)] },
    });
  });
});

describe("the part of processor_config.json stands above the flat file", () => {
  const checkpoint = (name: string) => {
    const folder = join(temporaryFolder(), "checkpoint");
    cpSync(join(golden, name), folder, { recursive: true });
    const flat = join(folder, "preprocessor_config.json");
    const joined = { image_processor: JSON.parse(readFileSync(flat, "utf8")) };
    writeFileSync(join(folder, "processor_config.json"), JSON.stringify(joined));
    writeFileSync(flat, JSON.stringify({ do_resize: false }));
    return folder;
  };
  it.each([
    ["clip/gelu", loadDualEncoder],
    ["vit/gelu", loadClassifier],
  ])("for %s, and for inspect", async (name, load) => {
    const folder = checkpoint(name);
    vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
    await (await load(folder, { weights: "fp32", threads: 1 })).close();
    expect((await estimateMemory(folder)).vision).toBeDefined();
    writeFileSync(join(folder, "processor_config.json"), "{}");
    await expect(estimateMemory(folder)).rejects.toMatchObject({ code: "invalid_config" });
  });
});

interface VideoCase {
  readonly file: object;
  readonly size: { readonly shortest_edge: number; readonly longest_edge: number };
  readonly image_mean: readonly number[];
  readonly cap: boolean | null;
  readonly max_video_tokens: number;
}
const { videos }: { videos: VideoCase[] } = readJson("image_processors/table.json");

describe("a video-processor config", () => {
  it.each(videos.map((it) => [JSON.stringify(it.file), it] as const))(
    "takes effect as in the reference: %s",
    (_, it) => {
      const target = { patchSize: 16, mergeSize: 2, temporalPatchSize: 2, budgetOf: "video", absent: {} } as const;
      const { minPixels, maxPixels, mean, maxTokens } = videoProcessor(it.file, target);
      expect({ shortest_edge: minPixels, longest_edge: maxPixels }).toEqual(it.size);
      expect(mean).toEqual(it.image_mean);
      expect(maxTokens).toBe(it.cap ? it.max_video_tokens : undefined);
    },
  );

  it("is in one of three files, the first of them that is there", async () => {
    const nested = { video_processor: { fps: 1 }, image_processor: {} };
    const files: Record<string, object> = {};
    const found = () => readVideoProcessorConfig({ readJson: async (name) => files[name] });
    expect(await found()).toBeUndefined();
    files["preprocessor_config.json"] = { fps: 3 };
    expect(await found()).toEqual({ fps: 3 });
    files["video_preprocessor_config.json"] = { fps: 2 };
    files["processor_config.json"] = { image_processor: {} };
    expect(await found()).toEqual({ fps: 2 });
    files["processor_config.json"] = nested;
    expect(await found()).toEqual({ fps: 1 });
  });
});

/** As the reference computes it. */
function referenceValue(x: number, channel: number, effective: Effective): number {
  const { do_rescale, rescale_factor, do_normalize, image_mean, image_std } = effective;
  const of = (value: number | number[]) => (typeof value === "number" ? value : value[channel]!);
  const scaled = do_rescale ? x * rescale_factor : x;
  return do_normalize ? (scaled - of(image_mean)) / of(image_std) : scaled;
}

interface PixelCase extends Pick<Case, "family" | "files"> {
  readonly images: readonly { seed: number; size: [number, number]; shape: number[]; codes: string }[];
}
const pixels: { cases: PixelCase[]; stride: number } = readJson("image_processors/pixels.json");

describe("pixels of noise", () => {
  it.each(pixels.cases.map((it) => [`${it.family} ${JSON.stringify(fileOf(it))}`, it] as const))(
    "are within 2 of 255 of the reference's: %s",
    async (_, it) => {
      const imageProcessor = await imageProcessorOf(it);
      for (const { seed, size, codes } of it.images) {
        const reference = Buffer.from(codes, "base64");
        const found = codesOf(
          seed % 2 === 1 ? blackAndWhite(noise(seed, ...size)) : noise(seed, ...size),
          imageProcessor,
        ).filter((_, i) => i % pixels.stride === 0);
        expect(found).toHaveLength(reference.length);
        const worst = found.reduce((most, code, i) => Math.max(most, Math.abs(code - reference[i]!)), 0);
        expect(worst, `${size}`).toBeLessThanOrEqual(2);
      }
    },
  );
});

/** What overshoots is clipped, so that the order of the axes shows. */
function blackAndWhite(image: ReturnType<typeof noise>): ReturnType<typeof noise> {
  return { ...image, data: image.data.map((value) => (value > 127 ? 255 : 0)) };
}

/** Values as bytes again, in the reference's order: planes where a tower has one size, else rows of patches. */
function codesOf(image: ReturnType<typeof noise>, imageProcessor: ImageProcessor): number[] {
  const { data, shape, grid } = preprocess(image, imageProcessor);
  const p = imageProcessor.patchSize;
  const code = (value: number, c: number) =>
    Math.round(255 * (value * imageProcessor.std[c]! + imageProcessor.mean[c]!));
  if (imageProcessor.kind === "smart_resize")
    return Array.from(data, (value, i) => code(value, Math.floor((i % shape[1]) / (shape[1] / 3))));
  const [width, height] = [grid.columns * p, grid.rows * p];
  return Array.from({ length: data.length }, (_, i) => {
    const [c, y, x] = [Math.floor(i / width / height), Math.floor(i / width) % height, i % width];
    const patch = Math.floor(y / p) * grid.columns + Math.floor(x / p);
    return code(data[patch * shape[1] + c * p * p + (y % p) * p + (x % p)]!, c);
  });
}
