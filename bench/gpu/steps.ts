/** What the processes of the GPU bench do: try the device, open a model there for the first time, measure it. */
import sharp from "sharp";
import { type DeviceStatus, detectDevices } from "../../src/core/backend/index.js";
import { loadModel, type VisionLanguageModel } from "../../src/core/runtime/index.js";
import { median } from "../support/median.js";
import { wordsOf } from "../support/words.js";
import { usedBytes } from "./cards.js";

const options = { device: "webgpu", weights: "int4", blockSize: 128 } as const;

export async function describeDevice(): Promise<DeviceStatus> {
  return (await detectDevices()).find(({ device }) => device === "webgpu")!;
}

export interface PackFigures {
  /** Packing included, which is done once. */
  readonly seconds: number;
}

export async function packAndOpen(checkpoint: string): Promise<PackFigures> {
  const started = performance.now();
  const model = await loadModel(checkpoint, options);
  await model.close();
  return { seconds: (performance.now() - started) / 1000 };
}

export interface ModelFigures {
  readonly openSeconds: number;
  readonly notes: readonly string[];
  /** The first question in a process compiles shaders. */
  readonly firstImageSeconds: number;
  /** To the first token about a new image, and of that the vision encoder. */
  readonly imageSeconds: number;
  readonly visionSeconds: number;
  readonly imagePromptTokens: number;
  readonly knownImageSeconds: number;
  readonly textSeconds: number;
  readonly textPromptTokens: number;
  readonly tokensPerSecond: number;
  /** Eight answers at once. */
  readonly eightTokensPerSecond: number;
  readonly gpuBytes?: number;
  readonly peakBytes: number;
}

const numTokens = 64;
const rounds = 3;

/** The model is packed already. */
export async function measureModel(checkpoint: string, side: number): Promise<ModelFigures> {
  const started = performance.now();
  const model = await loadModel(checkpoint, options);
  const openSeconds = (performance.now() - started) / 1000;
  const asked = await measureImages(model, side);
  const text = await measureText(model);
  const eightTokensPerSecond = await measureEight(model);
  const gpuBytes = usedBytes();
  const { notes } = model.info;
  await model.close();
  const peakBytes = process.resourceUsage().maxRSS * 1024; // maxRSS counts in KiB
  return {
    openSeconds,
    notes,
    ...asked,
    ...text,
    eightTokensPerSecond,
    ...(gpuBytes !== undefined && { gpuBytes }),
    peakBytes,
  };
}

async function measureImages(model: VisionLanguageModel, side: number) {
  const ask = async (image: Buffer, text: string) =>
    model.answer([{ role: "user", content: [{ type: "image", image }, text] }], { maxTokens: 4 });
  const first = await ask(await noise(side), "?");
  const images = await Promise.all(Array.from({ length: rounds }, () => noise(side)));
  const fresh = [];
  for (const image of images) fresh.push(await ask(image, "?"));
  const known = await ask(images.at(-1)!, "What else is there?");
  return {
    firstImageSeconds: first.timings.firstTokenMs / 1000,
    imageSeconds: median(fresh.map(({ timings }) => timings.firstTokenMs)) / 1000,
    visionSeconds: median(fresh.map(({ timings }) => timings.visionMs)) / 1000,
    imagePromptTokens: first.usage.promptTokens,
    knownImageSeconds: known.timings.firstTokenMs / 1000,
  };
}

async function measureText(model: VisionLanguageModel) {
  const answers = [];
  for (let round = 0; round <= rounds; round++)
    answers.push(await model.answer(textOf(512, round), { maxTokens: numTokens }));
  const [, ...timed] = answers;
  return {
    textSeconds: median(timed.map(({ timings }) => timings.firstTokenMs)) / 1000,
    textPromptTokens: timed[0]!.usage.promptTokens,
    tokensPerSecond: median(timed.map(({ timings }) => timings.tokensPerSecond)),
  };
}

async function measureEight(model: VisionLanguageModel): Promise<number> {
  const together = (round: number) =>
    Promise.all(
      Array.from({ length: 8 }, (_, i) => model.answer(textOf(8, 100 * round + i), { maxTokens: numTokens })),
    );
  await together(1);
  const started = performance.now();
  const answers = await together(2);
  const tokens = answers.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  return (tokens * 1000) / (performance.now() - started);
}

function textOf(numWords: number, seed: number) {
  return [{ role: "user" as const, content: wordsOf(numWords, seed) }];
}

function noise(side: number): Promise<Buffer> {
  const grain = { type: "gaussian", mean: 128, sigma: 40 } as const;
  return sharp({ create: { width: side, height: side, channels: 3, background: "gray", noise: grain } })
    .png()
    .toBuffer();
}
