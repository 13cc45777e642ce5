/**
 * Speculation over real graphs: an answer has the same tokens, and log-probabilities equal to the last bit, as with one token a
 * step, greedily and by a seed, alone and in company. Where a format's products have other bits for several rows than for one,
 * that is found before the first run, and speculation is off.
 */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineRequest, EngineStats, TokenEvent } from "../src/core/engine/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { DraftDecoder } from "../src/core/runtime/draft-model.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { openTestDecoder, type TestDecoder, tokensOf } from "./support/decoder.js";
import { goldenFolder, temporaryFolder } from "./support/folders.js";

type Request = EngineRequest<SequenceInputs>;

/** What repeats itself is drafted; random weights soon do. */
const requests = fc.array(
  fc
    .record({
      start: fc.nat(240),
      period: fc.integer({ min: 1, max: 7 }),
      length: fc.integer({ min: 1, max: 70 }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      temperature: fc.constantFrom(0, 0, 0.3),
      seed: fc.nat(9),
    })
    .map(
      ({ start, period, length, maxTokens, temperature, seed }): Request => ({
        promptIds: Array.from({ length }, (_, i) => start + (i % period)),
        payload: { images: [], positions: indexPositions },
        sampling: { logprobs: true, top_logprobs: 3, temperature, seed },
        maxTokens,
        stopTokenIds: [7],
      }),
    ),
  { minLength: 1, maxLength: 4 },
);

const formats = [
  ["fp32", 32, "same", true],
  ["fp16", 32, "same", true],
  ["int8", 32, "same", true],
  ["int4", 32, "same", true],
  ["int4", 32, "int8", true],
  ["int8", 64, "same", true],
  ["int4", 64, "same", undefined],
  ["int4", 128, "same", undefined],
  ["int8", 128, "same", undefined],
  ["nf4", 64, "same", undefined],
  ["int4", 32, "same", true, "int8"],
] as const;

describe.each(formats)(
  "in %s, blocks of %i, prompts by %s weights",
  (...[format, blockSize, prefillWeights, isEqual, kvCacheDtype]) => {
    let decoder: TestDecoder;
    beforeAll(async () => {
      const options = { blockSize, prefillWeights, takesRuns: true, ...(kvCacheDtype && { kvCacheDtype }) };
      decoder = await openTestDecoder(join(goldenFolder, "gqa-tied"), join(temporaryFolder(), "a"), format, 3, options);
    });
    afterAll(() => decoder.close());

    const answers = async (speculation: "auto" | "off", list: readonly Request[]) => {
      const engine = decoder.engine({ speculation });
      const found = await Promise.all(
        list.map(async (request) => {
          const events: Omit<TokenEvent, "source" | "numDrafted">[] = [];
          for await (const { source: _, numDrafted: __, ...event } of engine.submit(request)) events.push(event);
          return events;
        }),
      );
      return { found, stats: engine.stats(), speculates: engine.speculates };
    };

    it("answers are those of one token a step", async () => {
      const sums: Pick<EngineStats, "draftedTokens" | "acceptedTokens"> = { draftedTokens: 0, acceptedTokens: 0 };
      await fc.assert(
        fc.asyncProperty(requests, async (given) => {
          const list = isEqual ? given : given.slice(0, 1); // in company, these answers are not those of a sequence alone anyway
          const plain = await answers("off", list);
          const { found, stats, speculates } = await answers("auto", list);
          expect(found).toEqual(plain.found);
          if (isEqual) expect(speculates).toBe(true);
          const { draftedTokens, acceptedTokens } = stats;
          Object.assign(sums, {
            draftedTokens: sums.draftedTokens + draftedTokens,
            acceptedTokens: sums.acceptedTokens + acceptedTokens,
          });
        }),
        { seed: 22, numRuns: isEqual ? 25 : 8 },
      );
      if (isEqual) expect(Math.min(sums.acceptedTokens, sums.draftedTokens - sums.acceptedTokens)).toBeGreaterThan(20);
    });
  },
);

it("runs are tried by a sequence with room for one, and not while there is none", async () => {
  const options = { takesRuns: true };
  const { runner, close } = await openTestDecoder(
    join(goldenFolder, "gqa-tied"),
    join(temporaryFolder(), "a"),
    "fp32",
    3,
    options,
  );
  const row = (slot: number, position: number) => {
    return { slot, position, tokens: [7], numLogits: 1, payload: { images: [], positions: indexPositions } };
  };
  const full = row(0, runner.maxLength - 4);
  expect(await runner.provesRuns({ kind: "decode", rows: [full] })).toBeUndefined();
  expect(await runner.provesRuns({ kind: "decode", rows: [full, row(1, 0)] })).toBe(true);
  await close();
});

describe("a draft model", () => {
  const seen = { drafts: 0, pieces: 0 };
  const random = (seed: number) => (i: number) => (seed * 31 + i * i * 7 + i) % 240;

  it("drafts what it would answer greedily, whatever of its drafts was wrong, for all slots at once", async () => {
    const decoder = await openTestDecoder(join(goldenFolder, "gqa-tied"), join(temporaryFolder(), "a"), "fp32", 3, {
      takesRuns: true,
    });
    const small = new DraftDecoder(
      new DecoderRunner(decoder.packed, decoder.session, { numSlots: 3, maxLength: 512 }),
      (id) => id !== 240,
      async () => {},
    );
    const greedy = async (promptIds: readonly number[], maxTokens: number) =>
      tokensOf(decoder.engine({ speculation: "off" }), {
        ...{ promptIds, maxTokens, sampling: { logit_bias: { 240: -100 } }, stopTokenIds: [] },
        payload: { images: [], positions: indexPositions },
      });
    const lengths = [3, 290, 20];
    const sequences = lengths.map((length, slot) => ({
      slot,
      promptIds: Array.from({ length }, (_, i) => random(slot)(i)),
      generated: [] as number[],
    }));
    for (let turn = 0; turn < 8; turn++) {
      const asked = sequences
        .filter(({ slot }) => (turn + slot) % 4 !== 3)
        .map((each) => ({ ...each, most: 1 + ((turn + each.slot) % 5) }));
      const { tokens } = await small.draft(asked);
      for (const [i, { slot, promptIds, generated, most }] of asked.entries()) {
        const expected = await greedy(
          [...promptIds, ...generated].filter((id) => id !== 240),
          most,
        );
        if (tokens[i]!.length === 0) seen.pieces++;
        else expect(tokens[i]).toEqual(expected);
        seen.drafts += tokens[i]!.length;
        sequences[slot]!.generated.push(...expected.slice(0, turn % 3), random(turn)(slot)); // part of it, then another token
      }
      if (turn === 4) sequences[0] = { slot: 0, promptIds: [9, 8, 7, 240, 6], generated: [] }; // another sequence; 240 is an image
    }
    expect(seen.drafts).toBeGreaterThan(30);
    expect(seen.pieces).toBe(1);
    await small.close();
    await decoder.close();
  });
});
