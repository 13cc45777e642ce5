/** CPU time of reading one prompt in steps of several lengths, which work beside it disturbs less than it does the clock. */
import { defaultThreads } from "../../src/core/backend/index.js";
import { openPacked } from "../../src/core/pack/index.js";
import { openDecoder } from "../../src/core/runtime/open.js";
import { DecoderRunner } from "../../src/core/runtime/runner.js";
import type { SequenceInputs } from "../../src/core/runtime/sequence-inputs.js";

const numTokens = 512;

/** @param path of a packed model; its 8-bit copy reads prompts if it has one. */
export async function timeSteps(path: string, lengths: readonly number[]): Promise<void> {
  const packed = await openPacked(path);
  const usesPrefill = packed.manifest.prefill_weights === "int8";
  const decoder = await openDecoder(packed, { device: "cpu", threads: defaultThreads() }, {}, { usesPrefill });
  const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength: 2 * numTokens });
  const ids = Array.from({ length: numTokens }, (_, i) => 100 + i);
  const payload: SequenceInputs = { images: [], positions: packed.family.positions(packed.config, ids, []) };
  const read = async (length: number) => {
    runner.begin(0, ids, payload);
    for (let position = 0; position < numTokens; position += length) {
      const tokens = ids.slice(position, position + length);
      await runner.step({ kind: "prefill", rows: [{ slot: 0, tokens, position, payload, numLogits: 0 }] });
    }
    runner.release(0);
  };
  await read(numTokens); // brings the weights into memory
  for (const length of lengths) {
    const before = process.cpuUsage();
    await read(length);
    const { user, system } = process.cpuUsage(before);
    console.log(
      `${numTokens} tokens in steps of ${`${length}`.padStart(3)}: ${((user + system) / 1e6).toFixed(2)} s of CPU`,
    );
  }
  await decoder.close();
  await packed.close();
}
