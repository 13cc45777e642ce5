/**
 * An answer does not depend on what was cached, on how the prompt was cut into chunks, nor, in blocks of 32, on what else
 * runs: the log-probabilities are equal to the last bit (docs/decisions/0011-same-answer.md).
 */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrefixCache } from "../src/core/cache/index.js";
import type { EngineRequest } from "../src/core/engine/index.js";
import { indexPositions } from "../src/core/models/index.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { openTestDecoder, type TestDecoder } from "./support/decoder.js";
import { goldenFolder, temporaryFolder } from "./support/folders.js";

type Request = EngineRequest<SequenceInputs>;

/** A prompt that follows a conversation for a while, then its own way. */
const prompts = fc
  .record({ conversation: fc.nat(1), shared: fc.nat(70), own: fc.integer({ min: 1, max: 20 }), seed: fc.nat(2) })
  .map(({ conversation, shared, own, seed }) => [
    ...Array.from({ length: shared }, (_, i) => (i * 37 + 11 * conversation) % 250),
    ...Array.from({ length: own }, (_, i) => (i * 91 + 7 * seed) % 250),
  ]);

function requestOf(promptIds: readonly number[], decoder?: TestDecoder): Request {
  const prefix = decoder && { keys: promptIds, known: decoder.runner.cachedBlocks({ keys: promptIds }) };
  return {
    promptIds,
    payload: { images: [], positions: indexPositions, ...(prefix && { prefix }) },
    sampling: { logprobs: true },
    maxTokens: 6,
    stopTokenIds: [],
  };
}

async function answer(decoder: TestDecoder, request: Request, prefillChunk = 512) {
  const answered: [number, number][] = [];
  for await (const { tokenId, logprob } of decoder.engine({ prefillChunk }).submit(request))
    answered.push([tokenId, logprob!]);
  return answered;
}

describe.each([
  ["fp32", 32, "same"],
  ["int8", 32, "same"],
  ["int4", 32, "same"],
  ["int8", 128, "same"],
  ["int4", 64, "same"],
  ["int4", 128, "same"],
  ["nf4", 64, "same"],
  ["int4", 32, "int8"],
  ["int4", 128, "int8"],
  ["fp32", 32, "int8"],
  ["fp32", 32, "same", "int8"],
  ["int4", 32, "int8", "int8"],
] as const)("in %s, blocks of %i, prompts by %s weights", (...[format, blockSize, prefillWeights, kvCacheDtype]) => {
  let fresh: TestDecoder;
  let cached: TestDecoder;
  beforeAll(async () => {
    const [weights, folder] = [join(goldenFolder, "gqa-tied"), temporaryFolder()];
    const prefixes = new PrefixCache({ maxBytes: 2 ** 20 });
    const options = { blockSize, prefillWeights, ...(kvCacheDtype && { kvCacheDtype }) };
    fresh = await openTestDecoder(weights, join(folder, "a"), format, 4, options);
    cached = await openTestDecoder(weights, join(folder, "a"), format, 4, { ...options, prefixes });
  });
  afterAll(() => Promise.all([fresh.close(), cached.close()]));

  it("a prompt is answered alike, whatever of it is cached and however it is read", async () => {
    let numReused = 0;
    await fc.assert(
      fc.asyncProperty(prompts, fc.integer({ min: 1, max: 40 }), async (prompt, chunk) => {
        const expected = await answer(fresh, requestOf(prompt));
        expect(await answer(fresh, requestOf(prompt), chunk)).toEqual(expected);
        const request = requestOf(prompt, cached);
        numReused += request.payload.prefix!.known.length;
        expect(await answer(cached, request, chunk)).toEqual(expected);
        const turn = [...prompt, ...expected.map(([id]) => id), 3, 5]; // the answer is part of the next prompt
        expect(await answer(cached, requestOf(turn, cached), chunk)).toEqual(await answer(fresh, requestOf(turn)));
      }),
      { seed: 16, numRuns: 40 },
    );
    expect(numReused).toBeGreaterThan(500);
  });

  it.runIf(blockSize === 32)("a prompt is answered alike, whatever runs beside it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(prompts, { minLength: 2, maxLength: 6 }), async (list) => {
        const expected: [number, number][][] = [];
        for (const prompt of list) expected.push(await answer(fresh, requestOf(prompt)));
        const engine = cached.engine({ prefillChunk: 100 });
        const found = list.map(async (prompt) => {
          const answered: [number, number][] = [];
          for await (const { tokenId, logprob } of engine.submit(requestOf(prompt, cached)))
            answered.push([tokenId, logprob!]);
          return answered;
        });
        expect(await Promise.all(found)).toEqual(expected);
      }),
      { seed: 17, numRuns: 12 },
    );
  });
});
