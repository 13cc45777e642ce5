/**
 * What each image-processor class of the reference does where its file is silent; read by processor-config.ts.
 * [transformers 5.24, the class attributes of image_processing_*.py and video_processing_*.py]
 */
import type { FrameSampling } from "./frame-sampling.js";

export type Triple = readonly [red: number, green: number, blue: number];
export type Resample = "bilinear" | "bicubic" | "lanczos";

export const filters = { 1: "lanczos", 2: "bilinear", 3: "bicubic" } as const satisfies Record<number, Resample>;

/** What a class of the reference does where its file is silent. */
export interface ProcessorClass {
  readonly size: unknown;
  readonly resample: keyof typeof filters;
  readonly mean: Triple;
  readonly std: Triple;
  /** An integer size means both sides, not the shorter one. */
  readonly default_to_square: boolean;
  readonly do_center_crop: boolean;
  readonly crop_size?: unknown;
  /** The edges of `size` are areas, and min_pixels and max_pixels stand above it, where they are known. */
  readonly areas?: "overridden" | "alone";
  /** Of `areas`: a side shorter than a block is first scaled up to one, and the other with it. */
  readonly scalesUp?: true;
  /** Cuts tiles of this size, and pads a batch of images of different numbers of them, which changes none. */
  readonly tileSide?: number;
  /** Cuts tiles of `size`, at most so many. */
  readonly mostTiles?: number;
  /** Brings an image to at most so many patches, of this size where the file is silent. */
  readonly patches?: { readonly most: number; readonly size: number };
  /** Cuts slices: whether images are numbered and how fine tokens are where the file is silent, and whether the cutting can be off. */
  readonly slices?: { readonly imageIds: boolean; readonly isOptional: boolean; readonly downsampling: "16x" | "4x" };
  /** Brings images between both edges of `size`, cuts quarters if told so, and pads a batch, which changes none. */
  readonly quarters?: true;
  /** Where a file asks for a cap without saying which. */
  readonly maxVideoTokens?: number;
  /**
   * How frames of a video are chosen. Where a file is silent two a second: the rate of Qwen3-VL's class, and of the tool that
   * Qwen2-VL was published with (qwen-vl-utils), whose class has none.
   */
  readonly frames?: Pick<FrameSampling, "kind">;
}

const half: Triple = [0.5, 0.5, 0.5];
const clipMean: Triple = [0.48145466, 0.4578275, 0.40821073];
const clipStd: Triple = [0.26862954, 0.26130258, 0.27577711];
const whole = { default_to_square: true, do_center_crop: false };

const sliced = { ...whole, size: undefined, resample: 3, mean: half, std: half } as const;
const tiled = { size: { longest_edge: 4 * 364 }, tileSide: 364, resample: 1, mean: half, std: half } as const;

export const classes = {
  CLIPImageProcessor: {
    ...{ size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 }, do_center_crop: true },
    ...{ resample: 3, mean: clipMean, std: clipStd, default_to_square: false },
  },
  BitImageProcessor: {
    ...{ size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 }, do_center_crop: true },
    ...{ resample: 3, mean: clipMean, std: clipStd, default_to_square: false },
  },
  SiglipImageProcessor: {
    ...{ ...whole, size: { height: 224, width: 224 }, resample: 3, mean: half, std: half, default_to_square: false },
  },
  Siglip2ImageProcessor: {
    ...{ ...whole, size: undefined, resample: 2, mean: half, std: half, patches: { most: 256, size: 16 } },
  },
  ViTImageProcessor: { ...whole, size: { height: 224, width: 224 }, resample: 2, mean: half, std: half },
  Qwen2VLImageProcessor: {
    ...{ ...whole, size: { shortest_edge: 56 * 56, longest_edge: 28 * 28 * 1280 }, default_to_square: false },
    ...{ resample: 3, mean: clipMean, std: clipStd, areas: "overridden" },
  },
  PaddleOCRVLImageProcessor: {
    ...{ ...whole, size: { shortest_edge: 384 * 384, longest_edge: 1536 * 1536 }, default_to_square: false },
    ...{ resample: 3, mean: clipMean, std: clipStd, areas: "overridden", scalesUp: true },
  },
  Qwen2VLVideoProcessor: {
    ...{ ...whole, size: { shortest_edge: 128 * 28 * 28, longest_edge: 768 * 28 * 28 } },
    ...{
      resample: 3,
      mean: clipMean,
      std: clipStd,
      areas: "overridden",
      maxVideoTokens: 128_000,
      frames: { kind: "stepped" },
    },
  },
  Qwen3VLVideoProcessor: {
    ...{ ...whole, size: { shortest_edge: 128 * 32 * 32, longest_edge: 768 * 32 * 32 } },
    ...{ resample: 3, mean: half, std: half, areas: "alone", maxVideoTokens: 768, frames: { kind: "spread" } },
  },
  Idefics3ImageProcessor: { ...whole, ...tiled },
  SmolVLMImageProcessor: { ...whole, ...tiled },
  GotOcr2ImageProcessor: {
    ...{ ...whole, size: { height: 384, width: 384 }, mostTiles: 12, resample: 3, mean: clipMean, std: clipStd },
  },
  Idefics2ImageProcessor: {
    ...{
      ...whole,
      size: { shortest_edge: 378, longest_edge: 980 },
      resample: 2,
      mean: half,
      std: half,
      quarters: true,
    },
  },
  /** Of MiniCPM-V's own code (image_processing_minicpmv.py beside the weights), not of transformers. */
  MiniCPMVImageProcessor: { ...sliced, slices: { imageIds: false, isOptional: false, downsampling: "16x" } },
  MiniCPMV4_6ImageProcessor: { ...sliced, slices: { imageIds: true, isOptional: true, downsampling: "16x" } },
  MiniCPMOcrImageProcessor: { ...sliced, slices: { imageIds: true, isOptional: true, downsampling: "4x" } },
  /** Ours: fitted into the frame, the rest is 0. */
  OcellusFitImageProcessor: { ...whole, size: undefined, resample: 3, mean: half, std: half },
} as const satisfies Record<string, ProcessorClass>;
export type ProcessorClassName = keyof typeof classes;
