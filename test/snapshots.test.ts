/**
 * Decoders with states that resume at snapshots: the same logits and tokens as of a prompt that is read from its start, in chunks of
 * any size, beside others, and on a thread of its own. The fake decoder of runtime/snapshots.test.ts asks which snapshots are taken.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Graph, GraphSession, GraphThread } from "../src/core/backend/index.js";
import { SnapshotCache, type TokenKey } from "../src/core/cache/index.js";
import { Engine, type EngineOptions, type TokenEvent } from "../src/core/engine/index.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import type { SequenceInputs } from "../src/core/runtime/sequence-inputs.js";
import { oneThread } from "./support/parity.js";
import { openQwen35Case, type Qwen35Case } from "./support/qwen3-5.js";

describe.each(["tied-one-image", "untied-two-images", "second-turn", "image-and-video"])("%s", (name) => {
  let golden: Qwen35Case;
  let session: GraphSession;
  let thread: GraphThread;
  let greedy: number[];
  /** Behind each image or pair of frames, and where all but the last token is read. */
  let points: number[];
  beforeAll(async () => {
    golden = await openQwen35Case(name);
    greedy = await golden.fixture.numbers("greedy_ids");
    session = await GraphSession.open(golden.packed.graphPath("decoder"), oneThread);
    thread = await GraphThread.open(golden.packed.graphPath("decoder"), oneThread);
    const ends = golden.images.map(({ start, numTokens }) => start + numTokens);
    points = [...ends.toSorted((a, b) => a - b), golden.ids.length - 1];
  });
  afterAll(async () => {
    await session?.close();
    await thread?.close();
    await golden?.packed.close();
  });

  function open(graph: Graph, options: EngineOptions = {}, numSlots = 4) {
    const prefixes = new SnapshotCache({ maxBytes: 2 ** 24 });
    const runner = new DecoderRunner(golden.packed, graph, { numSlots, maxLength: 512, prefixes });
    const engine = new Engine(runner, options);
    /** What is said after the image may differ; of what is known, no features are given. */
    const ask = async (ids = golden.ids, payload = golden.inputs()) => {
      const keys: TokenKey[] = [...ids];
      for (const { start, numTokens } of golden.images) keys.fill(`image at ${start}`, start, start + numTokens);
      const known = runner.cachedBlocks({ keys, points });
      const images = payload.images.filter(({ start, numTokens }) => start + numTokens > known.length);
      const prefixed: SequenceInputs = { ...payload, images, prefix: { keys, points, known } };
      const request = { promptIds: ids, payload: prefixed, sampling: {}, maxTokens: 32, stopTokenIds: [] };
      const events: TokenEvent[] = [];
      for await (const event of engine.submit(request)) events.push(event);
      return { tokens: events.map(({ tokenId }) => tokenId), cached: events[0]!.cachedTokens ?? 0 };
    };
    return { ask, runner, engine, prefixes };
  }

  it.each([512, 64, 7, 1])(
    "gives transformers' 32 tokens, from nothing and from a snapshot (chunks of %i)",
    async (prefillChunk) => {
      const { ask } = open(session, { prefillChunk });
      expect(await ask()).toEqual({ tokens: greedy, cached: 0 });
      expect(await ask()).toEqual({ tokens: greedy, cached: golden.ids.length - 1 });
    },
  );

  it("resumes behind each image with the very logits of a whole reading", async () => {
    const { ask } = open(session);
    await ask();
    for (const point of points.slice(0, -1)) {
      const other = golden.ids.map((id, i) => (i < point || id >= 300 ? id : (id % 250) + 1));
      const resumed = await ask(other);
      expect(resumed.cached).toBeGreaterThanOrEqual(point);
      expect(resumed.tokens).toEqual((await open(session).ask(other)).tokens);
    }
  });

  it("has the same logits, to the last bit, of the whole and of a snapshot with the rest", async () => {
    const logitsOf = async (runner: DecoderRunner, known = runner.cachedBlocks(named())) => {
      const payload = { ...golden.inputs(), prefix: { ...named(), known } };
      const start = runner.begin(0, golden.ids, payload);
      const numRead = golden.ids.length - 1;
      const row = { slot: 0, payload, numLogits: 0 };
      if (start < numRead)
        await runner.step({
          kind: "prefill",
          rows: [{ ...row, tokens: golden.ids.slice(start, numRead), position: start }],
        });
      const last = { ...row, tokens: golden.ids.slice(numRead), position: numRead, numLogits: 1 };
      const [logits] = await runner.step({ kind: "decode", rows: [last] });
      runner.release(0);
      return { start, logits: logits!.slice() };
    };
    const named = () => ({ keys: golden.ids, points });
    const { runner } = open(session);
    const whole = await logitsOf(runner);
    expect(whole.start).toBe(0);
    expect(await logitsOf(runner)).toEqual({ start: golden.ids.length - 1, logits: whole.logits });
    const { runner: other, prefixes } = open(session);
    await logitsOf(other);
    for (const point of points.slice(0, -1)) {
      const known = prefixes.find(
        golden.ids,
        false,
        points.filter((each) => each <= point),
      );
      const plain = new DecoderRunner(golden.packed, session, { numSlots: 1, maxLength: 512 });
      expect(await logitsOf(plain, known)).toEqual({ start: point, logits: whole.logits });
    }
  });

  it.each(["this thread", "a thread of its own"])("answers four at once as each alone, on %s", async (where) => {
    const { ask, engine } = open(where === "this thread" ? session : thread, { prefillChunk: 7 });
    const first = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(first.map(({ tokens }) => tokens)).toEqual(new Array(4).fill(greedy));
    const again = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(again).toEqual(new Array(4).fill({ tokens: greedy, cached: golden.ids.length - 1 }));
    await engine.close();
  });
});
