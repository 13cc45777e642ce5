import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { Engine } from "./engine.js";
import { FakeRunner, fakeAnswer, fakeVocabSize } from "./fake-runner.testkit.js";
import type { SamplingOptions } from "./sampling.js";
import type { EngineRequest, TokenEvent } from "./types.js";

const token = fc.nat(fakeVocabSize - 1);
const requests = (max: number) =>
  fc
    .array(
      fc.record({
        promptIds: fc.array(token, { minLength: 1, maxLength: 20 }),
        maxTokens: fc.integer({ min: 1, max: 12 }),
        stopTokenIds: fc.array(token, { maxLength: 1 }),
      }),
      { minLength: 1, maxLength: max },
    )
    .map((list) => list.map((r, i): EngineRequest<string> => ({ ...r, payload: `request ${i}`, sampling: {} })));

async function read(events: AsyncIterable<TokenEvent>): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of events) ids.push(event.tokenId);
  return ids;
}

async function readEvents(events: AsyncIterable<TokenEvent>): Promise<TokenEvent[]> {
  const list: TokenEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

/** Keeps all that was read, and gives a slot the longest beginning of its prompt. */
class RememberingRunner extends FakeRunner {
  readonly #read: number[][] = [];
  begin(slot: number, promptIds: readonly number[], payload: string): number {
    const shared = (ids: readonly number[]) => {
      const end = ids.findIndex((id, i) => id !== promptIds[i]);
      return Math.min(end < 0 ? ids.length : end, promptIds.length - 1);
    };
    const length = Math.max(0, ...this.#read.map(shared));
    this.slots[slot] = { ids: promptIds.slice(0, length), owner: payload };
    return length;
  }
  override release(slot: number): void {
    this.#read.push(this.slots[slot]!.ids);
    super.release(slot);
  }
}

function expectNothingLeft(engine: Engine<string>, runner: FakeRunner): void {
  expect(engine.stats()).toMatchObject({ waiting: 0, running: 0 });
  expect(runner.slots.every((slot) => slot.owner === undefined)).toBe(true);
}

const request = (payload: string, promptLength = 4, maxTokens = 5): EngineRequest<string> => ({
  promptIds: Array.from({ length: promptLength }, (_, i) => (i * 7 + payload.length) % fakeVocabSize),
  payload,
  sampling: {},
  maxTokens,
  stopTokenIds: [],
});

describe("the engine", () => {
  it("answers every request as if it were alone, for any slots, chunks and company", async () => {
    await fc.assert(
      fc.asyncProperty(
        requests(9),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        async (list, numSlots, prefillChunk) => {
          const runner = new FakeRunner(numSlots);
          const engine = new Engine(runner, { prefillChunk });
          const answers = await Promise.all(list.map((r) => read(engine.submit(r))));
          expect(answers).toEqual(list.map((r) => fakeAnswer(r)));
          await engine.close();
          expectNothingLeft(engine, runner);
        },
      ),
      { seed: 21, numRuns: 150 },
    );
  });

  it("answers alike when the runner takes over what earlier sequences have read, and says how much that was", async () => {
    const twins = requests(9).map((list) =>
      list.flatMap((each) => [each, { ...each, payload: `${each.payload} again` }]),
    );
    await fc.assert(
      fc.asyncProperty(
        twins,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 40 }),
        async (list, slots, chunk) => {
          const runner = new RememberingRunner(slots);
          const engine = new Engine(runner, { prefillChunk: chunk });
          const events = await Promise.all(list.map((each) => readEvents(engine.submit(each))));
          expect(events.map((each) => each.map(({ tokenId }) => tokenId))).toEqual(
            list.map((each) => fakeAnswer(each)),
          );
          const reused = events.reduce((sum, [first]) => sum + (first!.cachedTokens ?? 0), 0);
          const length = list.reduce((sum, { promptIds }) => sum + promptIds.length, 0);
          expect(engine.stats().promptTokens).toBe(length - reused);
          if (slots === 1)
            // each twin comes right after the other
            expect(reused).toBeGreaterThanOrEqual(length / 2 - list.length / 2);
          await engine.close();
          expectNothingLeft(engine, runner);
        },
      ),
      { seed: 24, numRuns: 100 },
    );
  });

  it("decodes prompts that are known but for their last tokens together", async () => {
    const runner = new RememberingRunner(4);
    const engine = new Engine(runner, { prefillChunk: 4 });
    const asked = [request("first", 9), request("other", 6)];
    for (const each of asked) await read(engine.submit(each));
    const seen = runner.batches.length;
    const again = [asked[0]!, asked[1]!, asked[0]!].map((each, i) => ({ ...each, payload: `${i}` }));
    expect(await Promise.all(again.map((each) => read(engine.submit(each))))).toEqual(
      again.map((each) => fakeAnswer(each)),
    );
    const [first] = runner.batches.slice(seen);
    expect(first!.rows.map(({ tokens, position }) => [tokens.length, position])).toEqual([
      [1, 8],
      [1, 5],
      [1, 8],
    ]);
  });

  it("answers latecomers alike, who join while others run", async () => {
    await fc.assert(
      fc.asyncProperty(requests(6), async (list) => {
        const runner = new FakeRunner(2);
        const engine = new Engine(runner, { prefillChunk: 8 });
        const answers: Promise<number[]>[] = [];
        runner.onStep = () => {
          const next = list[answers.length];
          if (next) answers.push(read(engine.submit(next)));
        };
        answers.push(read(engine.submit(list[0]!)));
        for (let i = 0; i < answers.length; i++) await answers[i];
        expect(await Promise.all(answers)).toEqual(list.slice(0, answers.length).map((r) => fakeAnswer(r)));
      }),
      { seed: 22, numRuns: 60 },
    );
  });

  it("leaks nothing when sequences are aborted or left at any step", async () => {
    await fc.assert(
      fc.asyncProperty(requests(6), fc.array(fc.nat(12), { minLength: 6, maxLength: 6 }), async (list, abortSteps) => {
        const runner = new FakeRunner(3);
        const engine = new Engine(runner, { prefillChunk: 8 });
        const controllers = list.map(() => new AbortController());
        let step = 0;
        runner.onStep = () => {
          for (const [i, controller] of controllers.entries()) if (abortSteps[i] === step) controller.abort();
          step++;
        };
        const results = await Promise.allSettled(list.map((r, i) => read(engine.submit(r, controllers[i]!.signal))));
        for (const [i, result] of results.entries()) {
          if (result.status === "fulfilled") expect(result.value).toEqual(fakeAnswer(list[i]!));
          else expect(result.reason).toMatchObject({ code: "aborted" });
        }
        await engine.close();
        expectNothingLeft(engine, runner);
      }),
      { seed: 23, numRuns: 100 },
    );
  });

  it("frees the slot of a consumer who leaves the loop within one step", async () => {
    const runner = new FakeRunner(1);
    const engine = new Engine(runner);
    for await (const _ of engine.submit(request("left", 4, 50))) break;
    const stepsBefore = runner.batches.length;
    expect(await read(engine.submit(request("next")))).toEqual(fakeAnswer(request("next")));
    const between = runner.batches.slice(stepsBefore).findIndex((b) => b.rows[0]!.payload === "next");
    expect(between).toBeLessThanOrEqual(1);
  });

  it("never lets a long prompt stall a running answer for more than one step", async () => {
    const runner = new FakeRunner(2, 400);
    const engine = new Engine(runner, { prefillChunk: 16 });
    const running = read(engine.submit(request("running", 2, 30)));
    const long = read(engine.submit(request("long", 300, 2)));
    await Promise.all([running, long]);
    const kinds = runner.batches
      .filter((b) => b.rows.some((r) => r.payload === "running") || b.kind === "prefill")
      .map((b) => b.kind);
    const whileRunning = kinds.slice(1, 30).join(" ");
    expect(whileRunning).not.toContain("prefill prefill");
  });

  it("serves those who wait in the order they came", async () => {
    const runner = new FakeRunner(1);
    const engine = new Engine(runner);
    const names = Array.from({ length: 6 }, (_, i) => `request ${i}`);
    await Promise.all(names.map((name) => read(engine.submit(request(name)))));
    const order = runner.batches.flatMap((b) => b.rows.map((r) => r.payload));
    expect([...new Set(order)]).toEqual(names);
  });

  it("fails only the sequences of the step in which the model failed", async () => {
    const runner = new FakeRunner(2);
    const engine = new Engine(runner, { prefillChunk: 4 });
    runner.onStep = (batch) => {
      if (batch.kind === "prefill" && batch.rows.some((r) => r.payload === "bad")) throw new Error("out of memory");
    };
    const [good, bad, after] = await Promise.allSettled(
      ["good", "bad", "after"].map((n) => read(engine.submit(request(n)))),
    );
    expect(bad).toMatchObject({ status: "rejected", reason: { message: "out of memory" } });
    expect(good).toMatchObject({ status: "fulfilled", value: fakeAnswer(request("good")) });
    expect(after).toMatchObject({ status: "fulfilled", value: fakeAnswer(request("after")) });
    await engine.close();
    expectNothingLeft(engine, runner);
  });

  it("ends with the context, and says so", async () => {
    const engine = new Engine(new FakeRunner(1, 10));
    const events: TokenEvent[] = [];
    for await (const event of engine.submit(request("full", 8, 50))) events.push(event);
    expect(events).toHaveLength(3); // positions 8 and 9 are cached, the third token has no place
    expect(events.at(-1)).toMatchObject({ finishReason: "length" });
    expect(() => engine.submit(request("over", 11))).toThrow(
      ocellusError("too_large", { promptTokens: 11, maxLength: 10 }),
    );
  });

  it("reads prompts that arrive together as one padded batch", async () => {
    const runner = new FakeRunner(4);
    const engine = new Engine(runner, { prefillChunk: 64 });
    const list = [request("a", 3), request("b", 5), request("c", 4)];
    const answers = await Promise.all(list.map((each) => read(engine.submit(each))));
    expect(answers).toEqual(list.map((r) => fakeAnswer(r)));
    expect(runner.batches[0]!.rows).toHaveLength(3);
  });

  it("refuses what it cannot do before any work", () => {
    const engine = new Engine(new FakeRunner(1), { maxQueue: 1 });
    expect(() => engine.submit({ ...request("x"), promptIds: [] })).toThrow(
      ocellusError("invalid_request", { field: "promptIds", found: 0 }),
    );
    expect(() => engine.submit({ ...request("x"), promptIds: [fakeVocabSize] })).toThrow(
      ocellusError("invalid_request", { token: fakeVocabSize, vocabSize: fakeVocabSize }),
    );
    expect(() => engine.submit({ ...request("x"), maxTokens: 0 })).toThrow(
      ocellusError("invalid_request", { field: "maxTokens", least: 1, found: 0 }),
    );
    expect(() => engine.submit({ ...request("x"), sampling: { temperature: 3 } })).toThrow(
      ocellusError("invalid_request", { param: "temperature", least: 0, most: 2, found: 3 }),
    );
    expect(() => engine.submit({ ...request("x"), sampling: { logit_bias: { 99: 1 } } })).toThrow(
      ocellusError("invalid_request", { param: "logit_bias", token: "99" }),
    );
    engine.submit(request("first"));
    expect(() => engine.submit(request("second"))).toThrow(ocellusError("overloaded", { maxQueue: 1 }));
  });

  it("ends a sequence whose consumer leaves before reading, or while it waits for a token", async () => {
    for (const readFirst of [false, true]) {
      const runner = new FakeRunner(1);
      const engine = new Engine(runner);
      const events = engine.submit(request("left", 4, 50))[Symbol.asyncIterator]();
      const pending = readFirst ? events.next() : undefined;
      await events.return?.();
      if (pending) expect(await pending).toMatchObject({ done: true });
      await engine.close();
      expect(runner.batches.length).toBeLessThanOrEqual(1);
      expectNothingLeft(engine, runner);
    }
  });

  it("gives an aborted request's place in the queue back at once", async () => {
    const engine = new Engine(new FakeRunner(1), { maxQueue: 1 });
    const running = read(engine.submit(request("running")));
    await Promise.resolve();
    await Promise.resolve();
    const controller = new AbortController();
    const waiting = read(engine.submit(request("waiting"), controller.signal));
    controller.abort();
    await expect(read(engine.submit(request("next")))).resolves.toEqual(fakeAnswer(request("next")));
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    expect(await running).toEqual(fakeAnswer(request("running")));
  });

  it("fails requests rather than leave them waiting when the runner breaks its promises", async () => {
    const runner = new FakeRunner(1);
    const engine = new Engine(runner);
    runner.release = () => {
      throw new Error("lost the cache");
    };
    const results = await Promise.allSettled(["a", "b"].map((name) => read(engine.submit(request(name)))));
    expect(results[1]).toMatchObject({ status: "rejected", reason: { message: "lost the cache" } });
    const silent = new FakeRunner(1);
    silent.step = async () => [];
    await expect(read(new Engine(silent).submit(request("c")))).rejects.toThrow(
      ocellusError("internal", { expected: 1, found: 0 }),
    );
  });

  it.each([
    [{ temperature: "0.7" }, { param: "temperature", least: 0, most: 2, found: "0.7" }],
    [{ temperature: null }, { param: "temperature", found: null }],
    [{ topP: 0.5 }, { param: "topP", nearest: expect.arrayContaining(["top_k", "top_p"]) }],
    [{ logit_bias: { "": 5 } }, { param: "logit_bias", token: "" }],
    [{ logit_bias: { 3: "5" } }, { param: "logit_bias", token: "3", found: "5" }],
  ])("refuses the sampling options %j", (sampling, details) => {
    const engine = new Engine(new FakeRunner(1));
    expect(() => engine.submit({ ...request("x"), sampling: sampling as SamplingOptions })).toThrow(
      ocellusError("invalid_request", details),
    );
  });

  it("draws the same tokens from the same seed, whatever else is in the batch", async () => {
    const seeded = { ...request("seeded", 4, 20), sampling: { temperature: 1, seed: 42 } };
    const alone = await read(new Engine(new FakeRunner(1)).submit(seeded));
    const crowd = new Engine(new FakeRunner(4), { prefillChunk: 3 });
    const [, , inCompany] = await Promise.all([
      read(crowd.submit({ ...request("other", 9, 20), sampling: { temperature: 1, seed: 1 } })),
      read(crowd.submit({ ...request("third", 2, 9), sampling: { temperature: 1 } })),
      read(crowd.submit(seeded)),
    ]);
    expect(inCompany).toEqual(alone);
    const otherSeed = await read(
      new Engine(new FakeRunner(1)).submit({ ...seeded, sampling: { temperature: 1, seed: 43 } }),
    );
    expect(otherSeed).not.toEqual(alone);
  });

  it("tells everyone when it is closed", async () => {
    const engine = new Engine(new FakeRunner(1));
    const reading = read(engine.submit(request("cut", 4, 50)));
    await engine.close();
    await expect(reading).rejects.toMatchObject({ code: "closed" });
    expect(() => engine.submit(request("late"))).toThrow(ocellusError("closed"));
    expect(engine.close()).toBe(engine.close());
  });
});
