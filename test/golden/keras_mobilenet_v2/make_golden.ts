/**
 * Golden numbers of the guard nsfw: `npx tsx test/golden/keras_mobilenet_v2/make_golden.ts`. Reference: nsfwjs's own `classify` on
 * TensorFlow.js's CPU backend, shown the pixels that our decoder gives of the bundled pictures, and generated ones.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { decodeImage } from "../../../src/core/image/node/index.js";
import type { RgbImage } from "../../../src/core/image/spec/index.js";
import { generatedImage } from "../../support/generated-images.js";

const root = join(import.meta.dirname, "../../..");
const numPictures = 200;

async function main(): Promise<void> {
  const require = createRequire(import.meta.url);
  const tf = require("@tensorflow/tfjs");
  const nsfwjs = require("nsfwjs");
  await tf.setBackend("cpu");
  const model = await nsfwjs.load("MobileNetV2");
  const classify = async ({ data, width, height }: RgbImage): Promise<Record<string, number>> => {
    const tensor = tf.tensor3d(data, [height, width, 3], "int32");
    const found: { className: string; probability: number }[] = await model.classify(tensor, 5);
    tensor.dispose();
    return Object.fromEntries(found.map(({ className, probability }) => [className, Number(probability.toFixed(6))]));
  };
  const bundled: Record<string, object> = {};
  for (const name of readdirSync(join(root, "examples/pictures")).filter((name) => /\.(jpg|png)$/.test(name)))
    bundled[name] = await classify(await decodeImage(join(root, "examples/pictures", name)));
  const generated: object[] = [];
  for (let seed = 0; generated.length + Object.keys(bundled).length < numPictures; seed++)
    generated.push(await classify(generatedImage(seed)));
  const versions = { nsfwjs: "4.3.0", tfjs: tf.version.tfjs as string };
  const text = JSON.stringify({ versions, bundled, generated });
  writeFileSync(join(import.meta.dirname, "scores.json"), `${text.replaceAll("},{", "},\n{")}\n`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
