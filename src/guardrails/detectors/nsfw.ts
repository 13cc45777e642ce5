/**
 * The MobileNetV2 of the npm package nsfwjs (MIT), run by our own session: its weights are read once from the package as it
 * is installed beside us, norms folded in, into a checkpoint of the family keras_mobilenet_v2. No TensorFlow is run.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { OcellusError } from "../../core/base/index.js";
import { writeSafetensors } from "../../core/checkpoint/index.js";
import { cacheRoot, createFolderAtomically, joinPath, pathExists, writeFileAtomically } from "../../core/fs/index.js";
import type { GuardConfig } from "../policy.js";
import type { Detector } from "../verdict.js";
import { openClassifier } from "./classifier.js";
import type { OpenContext } from "./context.js";

type Config = Extract<GuardConfig, { type: "nsfw" }>;

/** In the order of the model's outputs, with the categories that they are; the others are harmless. */
const labels = ["Drawing", "Hentai", "Neutral", "Porn", "Sexy"];
const categories = { Hentai: "sexual", Porn: "sexual", Sexy: "sexual/suggestive" };

/** @throws `not_found` when nsfwjs is not installed, `invalid_file`, `io`. */
export async function openNsfw({ weights }: Config, { folder }: OpenContext): Promise<Detector> {
  const checkpoint = await nsfwCheckpoint(weights === undefined ? installedPackage() : resolve(folder, weights));
  return openClassifier(checkpoint, categories);
}

function installedPackage(): string {
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve("nsfwjs")), "../..");
  } catch (cause) {
    throw new OcellusError(
      "not_found",
      "the guard nsfw reads the weights of the npm package nsfwjs: run `npm install nsfwjs --legacy-peer-deps`, or name its folder as `weights`",
      { cause },
    );
  }
}

/** @internal The checkpoint that is made of the package, in the cache. */
export async function nsfwCheckpoint(folder: string): Promise<string> {
  const model = joinPath(folder, "dist/models/mobilenet_v2");
  const [topology, shard] = await Promise.all(
    ["model.min.js", "group1-shard1of1.min.js"].map((name) => readText(joinPath(model, name))),
  );
  const digest = createHash("sha256").update(`1 ${topology}${shard}`).digest("hex").slice(0, 16);
  const target = joinPath(cacheRoot(), "converted", `nsfwjs-mobilenet_v2-${digest}`);
  if (await pathExists(target)) return target;
  const tensors = folded(readWeights(topology!, shard!));
  await createFolderAtomically(target, false, async (into) => {
    await writeSafetensors(joinPath(into, "model.safetensors"), tensors);
    await writeFileAtomically(
      joinPath(into, "config.json"),
      JSON.stringify({ model_type: "keras_mobilenet_v2", labels }),
    );
  });
  return target;
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new OcellusError("not_found", `${path} is missing: expected the folder of the npm package nsfwjs`, { cause });
  });
}

const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.number().int().min(1).max(4096)).min(1).max(4),
  quantization: z.object({ min: z.number(), scale: z.number() }),
});
type StoredWeight = z.infer<typeof weightSchema>;

interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One byte a number, in the order of the manifest: byte · scale + min. */
function readWeights(topology: string, shard: string): Map<string, Weight> {
  const bytes = Buffer.from(/"([A-Za-z0-9+/=]{1000,})"/.exec(shard)?.[1] ?? "", "base64");
  const weights = new Map<string, Weight>();
  let at = 0;
  for (const { name, shape, quantization } of manifestOf(topology)) {
    const count = shape.reduce((a, b) => a * b, 1);
    const { min, scale } = quantization;
    weights.set(name, { shape, data: Float32Array.from(bytes.subarray(at, at + count), (byte) => byte * scale + min) });
    at += count;
  }
  if (at === bytes.length && at > 0) return weights;
  throw new OcellusError(
    "invalid_file",
    `nsfwjs: expected ${at} bytes of weights, found ${bytes.length}; is it version 4?`,
  );
}

/** The manifest is a literal of JavaScript in a script: its entries are read, and nothing is run. */
function manifestOf(topology: string): StoredWeight[] {
  const entry =
    /\{name:"([^"]+)",shape:\[([\d,]+)\],dtype:"float32",quantization:\{min:([-\d.e]+),scale:([-\d.e]+),dtype:"uint8"\}\}/g;
  const entries = [...topology.matchAll(entry)].map(([, name, shape, min, scale]) =>
    weightSchema.parse({
      name,
      shape: shape!.split(",").map(Number),
      quantization: { min: Number(min), scale: Number(scale) },
    }),
  );
  const declared = topology.match(/quantization:/g)?.length ?? 0;
  if (entries.length > 0 && entries.length === declared) return entries;
  throw new OcellusError("invalid_file", `nsfwjs: ${declared} weights are declared, ${entries.length} could be read`);
}

const batchNormEpsilon = 1e-3;

interface StoredTensor {
  readonly name: string;
  readonly dtype: "f32";
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Each convolution with the norm behind it: w·γ/√(σ²+ε), β − μ·γ/√(σ²+ε); [h, w, in, out] becomes [out, in, h, w]. */
function folded(weights: ReadonlyMap<string, Weight>): StoredTensor[] {
  const tensors: StoredTensor[] = [];
  const add = (name: string, shape: readonly number[], data: Float32Array) =>
    tensors.push({ name, dtype: "f32", shape, bytes: new Uint8Array(data.buffer) });
  const vector = (name: string) => weights.get(name)!.data;
  for (const [name, { shape, data }] of weights) {
    const [layer = "", part] = name.split("/");
    if (part === "bias") add(`${layer}.bias`, shape, data);
    if (part === "kernel" && shape.length === 2)
      add(`${layer}.weight`, [shape[1]!, shape[0]!], transposed(data, shape));
    if (shape.length !== 4) continue;
    const own = pathOf(layer);
    const [gamma, beta, mean, variance] = ["gamma", "beta", "moving_mean", "moving_variance"].map((norm) =>
      vector(`${normOf(layer)}/${norm}`),
    );
    const factor = gamma!.map((g, i) => g / Math.sqrt(variance![i]! + batchNormEpsilon));
    const isDepthwise = part === "depthwise_kernel";
    const [h, w, inputs, outputs] = shape as [number, number, number, number];
    const planes = isDepthwise ? [inputs, 1] : [outputs, inputs];
    const kernel = transposed(data, isDepthwise ? [h * w, inputs] : [h * w * inputs, outputs]);
    add(
      `${own}.weight`,
      [...planes, h, w],
      isDepthwise ? scaled(kernel, factor) : scaled(channelsFirst(kernel, h * w, inputs), factor),
    );
    add(
      `${own}.bias`,
      [factor.length],
      beta!.map((b, i) => b - mean![i]! * factor[i]!),
    );
  }
  return tensors;
}

/** `block_3_expand` → block_3.expand; `Conv1` stays. */
function pathOf(layer: string): string {
  return layer.replace(/_(expand|depthwise|project)$/, ".$1");
}

function normOf(layer: string): string {
  if (layer === "Conv1") return "bn_Conv1";
  return layer === "Conv_1" ? "Conv_1_bn" : `${layer}_BN`;
}

/** [rows, columns] → [columns, rows] */
function transposed(data: Float32Array, [rows, columns]: readonly number[]): Float32Array {
  return data.map((_, i) => data[(i % rows!) * columns! + Math.floor(i / rows!)]!);
}

/** [out, places, in] → [out, in, places] */
function channelsFirst(data: Float32Array, places: number, inputs: number): Float32Array {
  const each = places * inputs;
  return data.map((_, i) => {
    const [out, rest] = [Math.floor(i / each), i % each];
    return data[out * each + (rest % places) * inputs + Math.floor(rest / places)]!;
  });
}

/** Each row by a factor of its own. */
function scaled(data: Float32Array, factors: Float32Array): Float32Array {
  const row = data.length / factors.length;
  return data.map((value, i) => value * factors[Math.floor(i / row)]!);
}
