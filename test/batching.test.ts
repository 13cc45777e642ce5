/** The law of batching on the real decoder: company changes no answer. Prompts of different lengths, padded prefill, idle slots. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineRequest } from "../src/core/engine/index.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { fixtureRequest, openTestDecoder, type TestDecoder, tokensOf } from "./support/decoder.js";
import { goldenFolder, temporaryFolder } from "./support/folders.js";

describe.each(["fp32", "int4"])("batching in %s", (weights) => {
  const folder = temporaryFolder();
  let decoder: TestDecoder;
  let requests: EngineRequest<SequenceInputs>[];
  let alone: number[][];

  beforeAll(async () => {
    decoder = await openTestDecoder(join(goldenFolder, "gqa-tied"), join(folder, weights), weights);
    const base = await fixtureRequest(decoder.packed, "gqa-tied", 24);
    const text = (length: number, maxTokens: number): EngineRequest<SequenceInputs> => ({
      ...base,
      promptIds: Array.from({ length }, (_, i) => (i * 37 + length) % 250),
      payload: { ...base.payload, images: [] },
      maxTokens,
    });
    requests = [
      base,
      text(3, 5),
      text(60, 24),
      { ...base, promptIds: [7, ...base.promptIds], payload: shifted(base) },
      text(1, 12),
      text(17, 2),
    ];
    alone = [];
    for (const request of requests) alone.push(await tokensOf(decoder.engine(), request));
  });
  afterAll(() => decoder.close());

  it.each([512, 64, 9])(
    "answers six requests in four slots as it answers each alone (chunks of %i)",
    async (prefillChunk) => {
      const engine = decoder.engine({ prefillChunk });
      expect(await Promise.all(requests.map((request) => tokensOf(engine, request)))).toEqual(alone);
    },
  );

  it("answers those who stay alike when others in the batch are aborted", async () => {
    const engine = decoder.engine({ prefillChunk: 512 });
    const controller = new AbortController();
    const [kept, dropped] = [requests[2]!, { ...requests[0]!, maxTokens: 300 }];
    const aborted = (async () => {
      let count = 0;
      for await (const _ of engine.submit(dropped, controller.signal)) if (++count === 4) controller.abort();
    })();
    const answer = tokensOf(engine, kept);
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect(await answer).toEqual(alone[2]);
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0 });
  });
});

/** The same picture, one token later. */
function shifted({ payload }: EngineRequest<SequenceInputs>): SequenceInputs {
  return { ...payload, images: payload.images.map((image) => ({ ...image, start: image.start + 1 })) };
}
