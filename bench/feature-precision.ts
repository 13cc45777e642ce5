/**
 * What rounding a picture's features costs an answer: the model in the box about its example pictures, with features in
 * float32, f16 and bf16. `npm run bench -- feature-precision [checkpoint folder]`
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { GraphSession } from "../src/core/backend/index.js";
import { Engine } from "../src/core/engine/index.js";
import { prepareImage } from "../src/core/image/node/index.js";
import { readImageProcessorConfig } from "../src/core/image/spec/index.js";
import { openPacked } from "../src/core/pack/index.js";
import { image, loadModel } from "../src/core/runtime/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { bytesOf, toBFloat16Bits, toFloat16Bits, toFloat32 } from "../src/core/tensor/index.js";

const repository = join(import.meta.dirname, "..");
const images = join(repository, "examples/pictures");
const questions = ["What is it?", "What colour is it?", "Describe the picture.", "这是哪种商品？"];
const roundings = {
  f16: (values: Float32Array) => toFloat32(bytesOf(toFloat16Bits(values)), "f16"),
  bf16: (values: Float32Array) => toFloat32(bytesOf(toBFloat16Bits(values)), "bf16"),
} as const;

export async function main([folder = join(repository, "checkpoints/ocellus-tiny")]: string[]): Promise<void> {
  const model = await loadModel(folder, { weights: "fp32", memory: { encoderCacheBytes: 0, prefixCacheBytes: 0 } });
  const packed = await openPacked(model.info.path);
  const session = await GraphSession.open(packed.graphPath("decoder"), { device: "cpu" });
  const imageSpec = packed.family.image!;
  const imageProcessor = imageSpec.imageProcessor(packed.config, await readImageProcessorConfig(packed.files));
  const engine = new Engine(new DecoderRunner(packed, session, { numSlots: 1, maxLength: model.info.maxLength }));
  const worst = { f16: { error: 0, changed: 0 }, bf16: { error: 0, changed: 0 } };
  let numAnswers = 0;
  for (const name of readdirSync(images).filter((file) => /\.(jpg|png|webp)$/.test(file))) {
    const path = join(images, name);
    // As the graph gave them: what `prepare` returns is rounded already.
    const { visualTokens } = await model.encodeImage((await prepareImage(path, imageProcessor)).pixels);
    for (const question of questions) {
      const prepared = await model.prepare([{ role: "user", content: [image(path), question] }]);
      const answer = (inputs: SequenceInputs) => read(engine, Array.from(prepared.promptIds), inputs);
      const withTokens = (tokens: Float32Array) => ({
        ...prepared.inputs,
        images: prepared.inputs.images.map((each) => ({ ...each, tokens })),
      });
      const exact = await answer(withTokens(visualTokens));
      numAnswers++;
      for (const [format, round] of Object.entries(roundings) as [
        keyof typeof roundings,
        (typeof roundings)["f16"],
      ][]) {
        const rounded = await answer(withTokens(round(visualTokens)));
        if (rounded.ids.join() !== exact.ids.join()) worst[format].changed++;
        else
          for (const [i, logprob] of rounded.logprobs.entries())
            worst[format].error = Math.max(worst[format].error, Math.abs(logprob - exact.logprobs[i]!));
      }
    }
  }
  for (const [format, { error, changed }] of Object.entries(worst))
    console.log(
      `${format}: ${changed} of ${numAnswers} answers changed; logprobs of the others by ${error.toExponential(1)} at most`,
    );
  await engine.close();
  await session.close();
  await packed.close();
  await model.close();
}

async function read(engine: Engine<SequenceInputs>, promptIds: number[], payload: SequenceInputs) {
  const ids: number[] = [];
  const logprobs: number[] = [];
  const sampling = { temperature: 0, logprobs: true };
  for await (const event of engine.submit({ promptIds, payload, sampling, maxTokens: 32, stopTokenIds: [] })) {
    ids.push(event.tokenId);
    logprobs.push(event.logprob!);
  }
  return { ids, logprobs };
}
