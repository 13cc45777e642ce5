/** Constrained sequences on the fake runner: a toy grammar over ids, so that every answer can be checked by counting. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { Engine } from "./engine.js";
import { FakeRunner, fakeAnswer, fakeLogits } from "./fake-runner.testkit.js";
import { Sampler } from "./sampler.js";
import type { SamplingOptions } from "./sampling.js";
import type { Constraint, EngineRequest, TokenEvent } from "./types.js";

const end = 16;

/** The n-th token leaves the remainder n when divided by `period`; at least `atLeast` tokens, at most `atMost`. */
class Remainders implements Constraint {
  readonly accepted: number[] = [];
  constructor(
    readonly period: number,
    readonly atLeast: number,
    readonly atMost: number,
  ) {}
  get mayEnd(): boolean {
    return this.accepted.length >= this.atLeast;
  }
  allow(logits: Float32Array): void {
    const n = this.accepted.length;
    const isOpen = (id: number) => n < this.atMost && id % this.period === n % this.period;
    for (let id = 0; id < logits.length; id++) if (!isOpen(id)) logits[id] = Number.NEGATIVE_INFINITY;
  }
  accept(tokenId: number): void {
    this.accepted.push(tokenId);
  }
}

function expectSatisfied(ids: readonly number[], { period, atLeast, atMost }: Remainders): void {
  expect(ids.at(-1)).toBe(end);
  const answer = ids.slice(0, -1);
  expect(answer.every((id, n) => id % period === n % period)).toBe(true);
  expect(answer.length).toBeGreaterThanOrEqual(atLeast);
  expect(answer.length).toBeLessThanOrEqual(atMost);
}

async function read(events: AsyncIterable<TokenEvent>): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of events) ids.push(event.tokenId);
  return ids;
}

function request(name: string, sampling: SamplingOptions = {}): EngineRequest<string> {
  return { promptIds: [1, name.length], payload: name, sampling, maxTokens: 40, stopTokenIds: [end] };
}

const sampling: fc.Arbitrary<SamplingOptions> = fc.record(
  {
    temperature: fc.constantFrom(0, 0.5, 2),
    top_k: fc.constantFrom(0, 1, 3),
    top_p: fc.constantFrom(0, 0.3, 1),
    min_p: fc.constantFrom(0, 0.5),
    repetition_penalty: fc.constantFrom(0.5, 1.5),
    frequency_penalty: fc.constantFrom(-2, 2),
    logit_bias: fc.constantFrom({ [end]: 100 }, { [end]: -100 }, { 3: 100 }),
    seed: fc.nat(),
  },
  { requiredKeys: [] },
);
const rules = fc
  .record({ period: fc.integer({ min: 1, max: 5 }), atLeast: fc.nat(6), more: fc.nat(6) })
  .map(({ period, atLeast, more }) => new Remainders(period, atLeast, atLeast + more));

describe("a constrained sequence", () => {
  it("tells no probabilities within its constraint of what is aside", async () => {
    const constraint = new Remainders(2, 6, 6);
    Object.defineProperty(constraint, "isAside", { get: () => constraint.accepted.length < 3 });
    const events: TokenEvent[] = [];
    const asked = { promptIds: [1], payload: "", sampling: {}, maxTokens: 6, stopTokenIds: [end], constrainedTop: 2 };
    for await (const event of new Engine(new FakeRunner(1)).submit({ ...asked, constraint })) events.push(event);
    expect(events.map(({ constrained }) => constrained !== undefined)).toEqual([false, false, false, true, true, true]);
  });

  it("satisfies its constraint with any sampling, beside free ones whose answers it does not change", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(sampling, rules), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        async (list, numSlots) => {
          const engine = new Engine(new FakeRunner(numSlots));
          const free = list.map((_, i) => request(`free ${i}`));
          const [constrained, others] = await Promise.all([
            Promise.all(
              list.map(([options, constraint], i) =>
                read(engine.submit({ ...request(`constrained ${i}`, options), constraint })),
              ),
            ),
            Promise.all(free.map((each) => read(engine.submit(each)))),
          ]);
          for (const [i, ids] of constrained.entries()) expectSatisfied(ids, list[i]![1]);
          expect(others).toEqual(free.map((each) => fakeAnswer(each)));
        },
      ),
      { seed: 51, numRuns: 150 },
    );
  });

  it("hears of every token but the one that ended it", async () => {
    const constraint = new Remainders(2, 3, 3);
    const ids = await read(new Engine(new FakeRunner(1)).submit({ ...request("heard"), constraint }));
    expect(ids).toEqual([...constraint.accepted, end]);
  });

  it("opens the tokens that end it only where it may end, and all of them", async () => {
    const ends = [3, 5, end]; // 3 and 5 are words of the grammar too: until it may end they must not be said
    const ids = await read(
      new Engine(new FakeRunner(1)).submit({
        ...request("ends", { logit_bias: { 3: 100, 5: 99 } }),
        stopTokenIds: ends,
        constraint: new Remainders(1, 4, 9),
      }),
    );
    expect(ids).toHaveLength(5);
    expect(ids.map((id) => ends.includes(id))).toEqual([false, false, false, false, true]);
    expect(ids.at(-1)).toBe(3);
  });

  it("ends by length when the tokens run out, as ever", async () => {
    const events: TokenEvent[] = [];
    const constraint = new Remainders(3, 20, 20);
    for await (const event of new Engine(new FakeRunner(1)).submit({ ...request("long"), maxTokens: 7, constraint }))
      events.push(event);
    expect(events.map((event) => event.finishReason)).toEqual([...new Array(6).fill(undefined), "length"]);
  });

  it("reports the model's own logprobs, those of closed tokens too", () => {
    const logits = fakeLogits([4, 5]);
    const free = new Sampler({ logprobs: true, top_logprobs: 17 }, []).sample(logits);
    const only = (adjusted: Float32Array) => {
      adjusted.fill(-Infinity, 0, 7).fill(-Infinity, 8);
    };
    const before = logits.slice();
    const constrained = new Sampler({ logprobs: true, top_logprobs: 17 }, []).sample(logits, only);
    expect(constrained.tokenId).toBe(7);
    expect(constrained.topLogprobs).toEqual(free.topLogprobs);
    expect(constrained.logprob).toBe(free.topLogprobs!.find(({ tokenId }) => tokenId === 7)!.logprob);
    expect(logits).toEqual(before);
  });

  it("reports probabilities among the open tokens where asked, and none where one is open", () => {
    const logits = Float32Array.of(5, 1, 3, 2);
    const open =
      (...ids: number[]) =>
      (adjusted: Float32Array) => {
        for (let id = 0; id < adjusted.length; id++) if (!ids.includes(id)) adjusted[id] = -Infinity;
      };
    // The model's own odds, whatever the bias draws to.
    const sampler = new Sampler({ logit_bias: { 1: 50 }, temperature: 0 }, [], 2);
    const { tokenId, constrained } = sampler.sample(logits, open(1, 2, 3));
    const sum = Math.exp(1) + Math.exp(3) + Math.exp(2);
    expect(tokenId).toBe(1);
    expect(constrained!.logprob).toBeCloseTo(Math.log(Math.exp(1) / sum), 6);
    expect(constrained!.top.map((each) => each.tokenId)).toEqual([2, 3]);
    expect(constrained!.top[0]!.logprob).toBeCloseTo(Math.log(Math.exp(3) / sum), 6);
    expect(sampler.sample(logits, open(3))).toEqual({ tokenId: 3 });
    expect(sampler.sample(logits)).toEqual({ tokenId: 1 });
    expect(new Sampler({}, []).sample(logits, open(1, 2))).toEqual({ tokenId: 2 });
  });

  it("draws among the open tokens by the model's odds", () => {
    const logits = Float32Array.of(5, 1, 1, 1 + Math.log(2));
    const closed = (adjusted: Float32Array) => {
      adjusted[0] = -Infinity;
    };
    const counts = [0, 0, 0, 0];
    for (let seed = 0; seed < 4000; seed++)
      counts[new Sampler({ temperature: 1, top_p: 0.999, seed }, []).sample(logits, closed).tokenId]!++;
    // Four standard deviations of a binomial of 4,000 draws at p = 1/2.
    for (const [i, share] of [0, 0.25, 0.25, 0.5].entries())
      expect(Math.abs(counts[i]! / 4000 - share)).toBeLessThan(0.032);
  });

  it("fails alone when its constraint throws or leaves nothing to say", async () => {
    const engine = new Engine(new FakeRunner(3));
    const lost = new Error("lost");
    const broken = new Remainders(1, 2, 2);
    broken.accept = () => {
      throw lost;
    };
    const stuck = new Remainders(1, 5, 2); // must continue where nothing may come
    const [good, bad, worse] = await Promise.allSettled([
      read(engine.submit(request("good"))),
      read(engine.submit({ ...request("broken"), constraint: broken })),
      read(engine.submit({ ...request("stuck"), constraint: stuck })),
    ]);
    expect(good).toMatchObject({ status: "fulfilled", value: fakeAnswer(request("good")) });
    expect(bad).toMatchObject({ status: "rejected", reason: lost });
    expect(worse).toMatchObject({
      status: "rejected",
      reason: ocellusError("internal", { numAllowed: 0 }),
    });
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it("is refused without a token that could end it", () => {
    const runner = new FakeRunner(1);
    const engine = new Engine(runner);
    for (const stopTokenIds of [[], [runner.vocabSize], [-1]])
      expect(() => engine.submit({ ...request("endless"), stopTokenIds, constraint: new Remainders(1, 0, 1) })).toThrow(
        ocellusError("invalid_request", { field: "stopTokenIds" }),
      );
  });

  it("is forgotten when its sequence is aborted", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const runner = new FakeRunner(1, 64);
    const engine = new Engine(runner);
    const abortMidway = async () => {
      const controller = new AbortController();
      const constraint = new Remainders(1, 50, 60);
      try {
        for await (const _ of engine.submit({ ...request("aborted"), constraint }, controller.signal))
          if (constraint.accepted.length === 3) controller.abort();
      } catch {
        return new WeakRef(constraint);
      }
      throw new Error("was not aborted");
    };
    const constraint = await abortMidway();
    expect(await read(engine.submit(request("next")))).toEqual(fakeAnswer(request("next")));
    runner.batches.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 0)); // a WeakRef holds on until its turn of the event loop is over
    collectGarbage();
    expect(constraint.deref()).toBeUndefined();
  });
});
