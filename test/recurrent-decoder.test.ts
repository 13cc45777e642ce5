/** Decoders with recurrent layers: neither company, nor idle slots, nor the way a prompt is cut changes a state. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GraphThread } from "../src/core/backend/index.js";
import { Engine, type EngineRequest } from "../src/core/engine/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { expectClose } from "./support/close.js";
import { openTestDecoder, type TestDecoder, tokensOf } from "./support/decoder.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { openFixture } from "./support/parity.js";

const golden = join(repository, "test/golden/qwen3_5_text");
const payload: SequenceInputs = { images: [], positions: indexPositions };

const textRequest = (length: number, maxTokens: number): EngineRequest<SequenceInputs> => ({
  promptIds: Array.from({ length }, (_, i) => ((i * 37 + length) % 250) + 1),
  payload,
  sampling: {},
  maxTokens,
  stopTokenIds: [],
});

/** Tokens and their log-probabilities. */
async function answerOf(engine: Engine<SequenceInputs>, request: EngineRequest<SequenceInputs>) {
  const answer: [number, number][] = [];
  for await (const { tokenId, logprob } of engine.submit({ ...request, sampling: { logprobs: true } }))
    answer.push([tokenId, logprob!]);
  return answer;
}

/** Both kinds of layers in several orders; two, three and four linear heads, of which only four are whole vectors. */
describe.each(["tied-interval", "full-first-biased", "untied-equal-heads"])("%s", (name) => {
  let decoder: TestDecoder;
  let promptIds: number[];
  let greedy: number[];

  beforeAll(async () => {
    decoder = await openTestDecoder(join(golden, name), join(temporaryFolder(), "fp32"));
    const fixture = await openFixture(join(golden, name));
    promptIds = await fixture.numbers("input_ids");
    greedy = await fixture.numbers("greedy_ids");
  });
  afterAll(() => decoder?.close());

  const base = (): EngineRequest<SequenceInputs> => ({ ...textRequest(1, 32), promptIds });

  it("has the same logits, read whole, in chunks and token by token", async () => {
    const logitsIn = async (chunk: number) => {
      let logits: readonly Float32Array[] = [];
      for (let position = 0; position < promptIds.length; position += chunk) {
        const row = { slot: 2, position, payload, numLogits: Number(position + chunk >= promptIds.length) };
        const tokens = promptIds.slice(position, position + chunk);
        logits = await decoder.runner.step({ kind: "prefill", rows: [{ ...row, tokens }] });
      }
      decoder.runner.release(2);
      return logits[0]!.slice();
    };
    const whole = await logitsIn(512);
    for (const chunk of [64, 7, 1]) expectClose(await logitsIn(chunk), whole, 1e-5, `chunks of ${chunk}`);
  });

  it.each([512, 64, 7, 1])(
    "gives transformers' 32 tokens to each of four at once (chunks of %i)",
    async (prefillChunk) => {
      const engine = decoder.engine({ prefillChunk });
      const answers = await Promise.all([1, 2, 3, 4].map(() => tokensOf(engine, base())));
      expect(answers).toEqual([greedy, greedy, greedy, greedy]);
    },
  );

  it.each([512, 9])(
    "answers six of different ages in four slots as each alone, to the last bit (chunks of %i)",
    async (prefillChunk) => {
      const requests = [base(), textRequest(3, 5), textRequest(60, 24), textRequest(1, 12), textRequest(17, 2), base()];
      const alone: [number, number][][] = [];
      for (const request of requests) alone.push(await answerOf(decoder.engine({ prefillChunk }), request));
      const engine = decoder.engine({ prefillChunk });
      expect(await Promise.all(requests.map((request) => answerOf(engine, request)))).toEqual(alone);
    },
  );

  it("is not disturbed by an abort in the slot before, nor by who comes there next", async () => {
    const engine = decoder.engine();
    const controller = new AbortController();
    const aborted = (async () => {
      let count = 0;
      for await (const _ of engine.submit({ ...textRequest(20, 300) }, controller.signal))
        if (++count === 4) controller.abort();
    })();
    const answer = tokensOf(engine, base());
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    const next = tokensOf(engine, base());
    expect([await answer, await next]).toEqual([greedy, greedy]);
  });

  it("answers alike on a thread of its own", async () => {
    const thread = await GraphThread.open(decoder.packed.graphPath("decoder"), { device: "cpu", threads: 1 });
    const engine = new Engine(new DecoderRunner(decoder.packed, thread, { numSlots: 2, maxLength: 512 }));
    const answers = await Promise.all([tokensOf(engine, base()), tokensOf(engine, base())]);
    expect(answers).toEqual([greedy, greedy]);
    await engine.close();
    await thread.close();
  });
});
