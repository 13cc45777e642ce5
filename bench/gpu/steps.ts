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

/** How much is asked: little where a software driver computes. */
export interface Load {
  readonly side: number;
  readonly textTokens: number;
  readonly answerTokens: number;
  readonly rounds: number;
}

/** What was measured up to a step's end, or up to the part in which it was ended. */
export interface ModelFigures {
  readonly openSeconds: number;
  readonly notes: readonly string[];
  readonly images?: Awaited<ReturnType<typeof measureImages>>;
  readonly text?: Awaited<ReturnType<typeof measureText>>;
  /** Eight answers at once. */
  readonly eightTokensPerSecond?: number;
  readonly gpuBytes?: number;
  readonly peakBytes: number;
}

/** The model is packed already. Tells what it has after each part. */
export async function measureModel(
  checkpoint: string,
  load: Load,
  tell: (figures: ModelFigures) => void,
): Promise<ModelFigures> {
  const started = performance.now();
  const model = await loadModel(checkpoint, options);
  let figures: Omit<ModelFigures, "peakBytes"> = {
    ...{ openSeconds: (performance.now() - started) / 1000, notes: model.info.notes },
  };
  const add = (part: Partial<ModelFigures>) => {
    const gpuBytes = usedBytes();
    figures = { ...figures, ...part, ...(gpuBytes !== undefined && { gpuBytes }) };
    tell({ ...figures, peakBytes: peakBytes() });
  };
  add({});
  add({ images: await measureImages(model, load) });
  add({ text: await measureText(model, load) });
  add({ eightTokensPerSecond: await measureEight(model, load) });
  await model.close();
  return { ...figures, peakBytes: peakBytes() };
}

/** maxRSS counts in KiB. */
const peakBytes = () => process.resourceUsage().maxRSS * 1024;

/** The first question in a process compiles shaders; medians of those behind it. */
async function measureImages(model: VisionLanguageModel, { side, rounds }: Load) {
  const ask = async (image: Buffer, text: string) =>
    model.answer([{ role: "user", content: [{ type: "image", image }, text] }], { maxTokens: 4 });
  const first = await ask(await noise(side), "?");
  const images = await Promise.all(Array.from({ length: rounds }, () => noise(side)));
  const fresh = [];
  for (const image of images) fresh.push(await ask(image, "?"));
  const known = await ask(images.at(-1)!, "What else is there?");
  return {
    firstSeconds: first.timings.firstTokenMs / 1000,
    seconds: median(fresh.map(({ timings }) => timings.firstTokenMs)) / 1000,
    visionSeconds: median(fresh.map(({ timings }) => timings.visionMs)) / 1000,
    promptTokens: first.usage.promptTokens,
    knownSeconds: known.timings.firstTokenMs / 1000,
  };
}

async function measureText(model: VisionLanguageModel, { textTokens, answerTokens, rounds }: Load) {
  const answers = [];
  for (let round = 0; round <= rounds; round++)
    answers.push(await model.answer(textOf(textTokens, round), { maxTokens: answerTokens }));
  const [, ...timed] = answers;
  return {
    seconds: median(timed.map(({ timings }) => timings.firstTokenMs)) / 1000,
    promptTokens: timed[0]!.usage.promptTokens,
    tokensPerSecond: median(timed.map(({ timings }) => timings.tokensPerSecond)),
  };
}

async function measureEight(model: VisionLanguageModel, { answerTokens }: Load): Promise<number> {
  const together = (round: number) =>
    Promise.all(
      Array.from({ length: 8 }, (_, i) => model.answer(textOf(8, 100 * round + i), { maxTokens: answerTokens })),
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
