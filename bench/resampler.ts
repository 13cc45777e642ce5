/**
 * The claim "nearly three times the throughput of feeding all patches": the same decoder (8B layer shape, int4) answers
 * with 32 visual tokens against 256, 576 and 1024. One request alone, and eight at once; the vision tower is left out,
 * since it costs the same on both sides.
 */
import { openLayerShapedDecoder, randomRequest, time } from "./support/decoder.js";

const numText = 24;
const maxTokens = 32;

export async function main(): Promise<void> {
  const { engine, packed, close } = await openLayerShapedDecoder({ numLayers: 1 });
  const { hiddenSize } = packed.family.dimensions(packed.config);
  const request = (numVisual: number) => randomRequest(hiddenSize, numVisual, numText, maxTokens);
  const rows: { numVisual: number; firstToken: number; alone: number; eight: number }[] = [];
  await time(engine, request(32));
  for (const numVisual of [32, 256, 576, 1024]) {
    const runs = [await time(engine, request(numVisual)), await time(engine, request(numVisual))];
    const firstToken = Math.min(...runs.map((run) => run.firstTokenMs));
    const alone = 1000 / Math.min(...runs.map((run) => run.totalMs));
    const started = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => time(engine, request(numVisual))));
    rows.push({ numVisual, firstToken, alone, eight: 8000 / (performance.now() - started) });
  }
  console.log(`one layer of the 8B shape, int4 block 32; ${numText} text tokens, ${maxTokens} tokens answered\n`);
  console.log("visual tokens   first token   requests/s alone (32 is ×)   requests/s, 8 at once (32 is ×)");
  const [base] = rows;
  for (const r of rows) {
    const gain = (key: "alone" | "eight") => `${r[key].toFixed(2)} (${(base![key] / r[key]).toFixed(2)}×)`;
    console.log(
      `${String(r.numVisual).padStart(13)}${`${r.firstToken.toFixed(0)} ms`.padStart(14)}${gain("alone").padStart(30)}${gain("eight").padStart(33)}`,
    );
  }
  await close();
}
