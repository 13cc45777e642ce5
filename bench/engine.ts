/**
 * The engine's own speed: load, vision, prefill and decode of the bundled demo model, then decode throughput at 1, 2, 4
 * and 8 sequences on it and on a random decoder of the 8B's layer shape.
 */
import { join } from "node:path";
import { loadModel } from "../src/core/runtime/index.js";
import {
  median,
  openDecoder,
  openLayerShapedDecoder,
  randomRequest,
  type TimedDecoder,
  time,
} from "./support/decoder.js";

const box = join(import.meta.dirname, "../checkpoints/ocellus-tiny");

export async function main(): Promise<void> {
  for (const weights of ["fp32", "int8", "int4"] as const) await bundledModel(weights);
  console.log("\ndecode throughput, tokens/s (× one sequence)");
  const model = await loadModel(box, { weights: "int4" });
  const { path } = model.info;
  await model.close();
  await throughput("ocellus-tiny int4", await openDecoder(path, { maxLength: 256 }), 64);
  for (const [weights, blockSize] of [
    ["int4", 32],
    ["int4", 128],
    ["int8", 128],
    ["fp32", 32],
  ] as const) {
    const decoder = await openLayerShapedDecoder({ numLayers: 2, weights, blockSize, maxLength: 256 });
    await throughput(`2 × 8B layer, ${weights}${weights === "fp32" ? "" : ` block ${blockSize}`}`, decoder, 24);
  }
}

async function bundledModel(weights: "fp32" | "int8" | "int4"): Promise<void> {
  await (await loadModel(box, { weights })).close(); // packed, files in the page cache
  const started = performance.now();
  const model = await loadModel(box, { weights });
  const loadMs = performance.now() - started;
  const pixels = {
    data: new Float32Array(64 * 588),
    shape: [64, 588] as [number, number],
    grid: { rows: 8, columns: 8 },
  };
  await model.encodeImage(pixels);
  const visionMs = await median(9, () => elapsed(() => model.encodeImage(pixels)));
  const { path } = model.info;
  await model.close();
  const { engine, packed, close } = await openDecoder(path);
  const { hiddenSize } = packed.family.dimensions(packed.config);
  const prefillMs = await median(
    5,
    async () => (await time(engine, randomRequest(hiddenSize, 0, 512, 1))).firstTokenMs,
  );
  const decodeMs = await median(5, async () => {
    const { totalMs, firstTokenMs, numTokens } = await time(engine, randomRequest(hiddenSize, 32, 16, 64));
    return (totalMs - firstTokenMs) / (numTokens - 1);
  });
  await close();
  console.log(
    `ocellus-tiny ${weights}: load ${loadMs.toFixed(0)} ms · picture ${visionMs.toFixed(1)} ms · ` +
      `prefill ${(512_000 / prefillMs).toFixed(0)} tokens/s · decode ${(1000 / decodeMs).toFixed(0)} tokens/s`,
  );
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** All sequences are prefilled before the clock starts with the first decode step of the last of them. */
async function throughput(label: string, { engine, packed, close }: TimedDecoder, maxTokens: number): Promise<void> {
  const { hiddenSize } = packed.family.dimensions(packed.config);
  const cells: string[] = [];
  let single = 0;
  for (const parallel of [1, 2, 4, 8]) {
    const perSecond = await median(3, async () => {
      const runs = await Promise.all(
        Array.from({ length: parallel }, () => time(engine, randomRequest(hiddenSize, 0, 16, maxTokens))),
      );
      const decodeMs = Math.max(...runs.map((r) => r.totalMs)) - Math.max(...runs.map((r) => r.firstTokenMs));
      return ((maxTokens - 1) * parallel * 1000) / decodeMs;
    });
    single ||= perSecond;
    cells.push(`${parallel}: ${perSecond.toFixed(0)} (${(perSecond / single).toFixed(2)}×)`);
  }
  console.log(`${label}: ${cells.join("   ")}`);
  await close();
}
