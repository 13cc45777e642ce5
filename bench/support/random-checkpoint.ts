/** A checkpoint of random bf16 weights for any config: the sizes of a real model without its files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSafetensorsWriter } from "../../src/checkpoint/index.js";
import { recordingCatalog } from "../../src/graph/index.js";
import { familyOf } from "../../src/models/index.js";
import { buildGraphs } from "../../src/pack/index.js";
import { bytesOf, elementCount, type TensorInfo, toBFloat16Bits } from "../../src/tensor/index.js";

/** Every tensor the config calls for, with the token embedding table of an untied model. */
export function tensorsOf(configJson: unknown): TensorInfo[] {
  const family = familyOf(configJson);
  const config: unknown = family.parseConfig(configJson);
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  buildGraphs(family, config, catalog);
  const tensors = new Map(catalog.tensors);
  if (family.kind === "language") {
    const { vocabSize, hiddenSize } = family.dimensions(config);
    tensors.set(family.embedTokens, { name: family.embedTokens, dtype: "bf16", shape: [vocabSize, hiddenSize] });
  }
  return [...tensors.values()];
}

/** Writes config.json and model.safetensors: norms are one, biases zero, matrices N(0, 0.02)-like. */
export async function writeRandomCheckpoint(folder: string, configJson: unknown): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(configJson, null, 2));
  const tensors = tensorsOf(configJson);
  const writer = await createSafetensorsWriter(join(folder, "model.safetensors"), tensors);
  const noise = bytesOf(toBFloat16Bits(gaussian(2 ** 20)));
  for (const tensor of tensors) {
    const count = elementCount(tensor.shape);
    if (tensor.shape.length === 1) {
      const value = tensor.name.endsWith(".bias") ? 0 : 1;
      await writer.write(bytesOf(toBFloat16Bits(new Float32Array(count).fill(value))));
      continue;
    }
    for (let left = count * 2; left > 0; left -= noise.length)
      await writer.write(noise.subarray(0, Math.min(left, noise.length)));
  }
  await writer.finish();
}

/** Box–Muller over a small linear congruential generator: the same noise on every machine. */
function gaussian(count: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 4294967297;
  };
  return Float32Array.from(
    { length: count },
    () => 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
