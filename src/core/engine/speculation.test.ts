/**
 * Speculation against none on the fake runner, whose logits depend on every token read: any drafter, sampling, constraint and
 * schedule gives the same events. Prompts repeat themselves, and the fake model does since its vocabulary is small, so drafts are
 * sometimes right.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { Engine } from "./engine.js";
import { FakeRunner, fakeLogits, fakeVocabSize } from "./fake-runner.testkit.js";
import type { SamplingOptions } from "./sampling.js";
import type { AskedDraft, DraftModel } from "./speculation.js";
import { StepCosts } from "./step-costs.js";
import type { Ahead, Constraint, EngineRequest, TokenEvent } from "./types.js";

const end = fakeVocabSize - 1;
const token = fc.nat(fakeVocabSize - 1);

/** Words one after another, each of which its first token settles; the words are part of the seed. */
class Words implements Constraint {
  readonly #words: readonly (readonly number[])[];
  readonly #forces: boolean;
  #word: readonly number[] | undefined;
  #at = 0;
  readonly accepted: number[] = [];

  /** @param forces whether the rest of a word is said to be forced, or else only a spelling of it */
  constructor(words: readonly (readonly number[])[], forces: boolean) {
    this.#words = words;
    this.#forces = forces;
  }

  get mayEnd(): boolean {
    return !this.#word;
  }

  allow(logits: Float32Array): void {
    const open = this.#word ? [this.#word[this.#at]!] : this.#words.map((word) => word[0]!);
    for (let id = 0; id < logits.length; id++) if (!open.includes(id)) logits[id] = Number.NEGATIVE_INFINITY;
  }

  accept(tokenId: number): void {
    this.accepted.push(tokenId);
    this.#word ??= this.#words.find((word) => word[0] === tokenId)!;
    if (this.#word[this.#at] !== tokenId) throw new Error("a closed token was chosen");
    if (++this.#at === this.#word.length) [this.#word, this.#at] = [undefined, 0];
  }

  ahead(most: number): Ahead {
    const rest = (this.#word?.slice(this.#at) ?? []).slice(0, most);
    return this.#forces
      ? { forced: rest, spelled: [] }
      : { forced: [], spelled: rest.map((id) => (id + (rest.length % 2)) % end) };
  }

  numAllowed(tokens: readonly number[]): number {
    return this.#word && tokens[0] !== this.#word[this.#at] ? 0 : 1;
  }
}

const words = fc
  .uniqueArray(fc.array(fc.nat(end - 1), { minLength: 1, maxLength: 6 }), {
    minLength: 2,
    maxLength: 4,
    selector: (word) => word[0],
  })
  .chain((list) => fc.boolean().map((forces) => () => new Words(list, forces)));

const sampling: fc.Arbitrary<SamplingOptions> = fc.record(
  {
    temperature: fc.constantFrom(0, 0.2, 1.5),
    top_k: fc.constantFrom(0, 3),
    top_p: fc.constantFrom(0.5, 1),
    min_p: fc.constantFrom(0, 0.3),
    repetition_penalty: fc.constantFrom(0.7, 1.5),
    presence_penalty: fc.constantFrom(-1, 1),
    frequency_penalty: fc.constantFrom(-2, 0.5),
    logit_bias: fc.constantFrom({ 3: 5, 5: 4 }, { [end]: 2 }),
    logprobs: fc.boolean(),
    top_logprobs: fc.constantFrom(0, 3),
  },
  { requiredKeys: [] },
);

interface Case {
  readonly request: EngineRequest<string>;
  readonly newConstraint: (() => Constraint) | undefined;
  /** The consumer leaves after so many events. */
  readonly leavesAfter: number;
}

const cases = fc.array(
  fc
    .record({
      pattern: fc.array(token, { minLength: 1, maxLength: 5 }),
      times: fc.integer({ min: 1, max: 5 }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
      sampling,
      newConstraint: fc.option(words, { nil: undefined }),
      leavesAfter: fc.oneof(
        { weight: 4, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 10 }) },
      ),
    })
    .map(
      ({ pattern, times, maxTokens, seed, sampling: options, newConstraint, leavesAfter }): Case => ({
        request: {
          promptIds: Array.from({ length: times }, () => pattern).flat(),
          payload: "",
          sampling: { ...options, seed },
          maxTokens,
          stopTokenIds: [end],
          ...(newConstraint && { constrainedTop: maxTokens % 3 }),
        },
        newConstraint,
        leavesAfter,
      }),
    ),
  { minLength: 1, maxLength: 6 },
);

/** What the answer is, without how it came about. */
type Event = Omit<TokenEvent, "source" | "numDrafted">;

/** What the fake model would say greedily, now and then something else; sometimes it has nothing to say. */
class SometimesRight implements DraftModel {
  numAsked = 0;
  async draft(asked: readonly AskedDraft[]) {
    const tokens = asked.map(({ promptIds, generated, most }) => {
      const ids = [...promptIds, ...generated];
      const length = this.numAsked++ % 7 === 0 ? 0 : most;
      return Array.from({ length }, (_, i) => {
        const logits = fakeLogits(ids);
        ids.push((logits.indexOf(Math.max(...logits)) + Number((this.numAsked + i) % 5 === 0)) % fakeVocabSize);
        return ids.at(-1)!;
      });
    });
    return { tokens, stepMs: this.numAsked % 3 };
  }
}

async function answers(engine: Engine<string>, list: readonly Case[]): Promise<Event[][]> {
  return Promise.all(
    list.map(async ({ request, newConstraint, leavesAfter }, i) => {
      const events: Event[] = [];
      const constraint = newConstraint?.();
      for await (const { source: _, numDrafted: __, ...event } of engine.submit({
        ...request,
        payload: `request ${i}`,
        ...(constraint && { constraint }),
      })) {
        events.push(event);
        if (events.length === leavesAfter) break;
      }
      return events;
    }),
  );
}

describe("speculation", () => {
  it("changes no event of any answer, in any company", async () => {
    const total = { acceptedTokens: 0, draftedTokens: 0, forcedTokens: 0 };
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 2, max: 9 }),
        fc.boolean(),
        async (list, numSlots, maxRun, withModel) => {
          const plain = new Engine(new FakeRunner(numSlots, 48));
          const runner = new FakeRunner(numSlots, 48, maxRun);
          const engine = new Engine(runner, { draftModel: withModel ? new SometimesRight() : undefined });
          expect(await answers(engine, list)).toEqual(await answers(plain, list));
          await engine.close();
          expect(runner.slots.every((slot) => slot.owner === undefined)).toBe(true);
          const { generatedTokens, promptTokens, ...stats } = engine.stats();
          if (list.every(({ leavesAfter }) => leavesAfter === Number.POSITIVE_INFINITY))
            expect({ generatedTokens, promptTokens }).toEqual({
              generatedTokens: plain.stats().generatedTokens,
              promptTokens: plain.stats().promptTokens,
            });
          for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += stats[name];
        },
      ),
      { seed: 21, numRuns: 300 },
    );
    expect(Math.min(total.acceptedTokens, total.forcedTokens)).toBeGreaterThan(500);
    expect(total.draftedTokens).toBeGreaterThan(total.acceptedTokens);
  });

  it("spares steps, and says of each token how it came", async () => {
    const runner = new FakeRunner(1, 64, 8);
    const engine = new Engine(runner);
    const constraint = new Words([[1, 2, 3, 4, 5, 6]], true);
    const events: TokenEvent[] = [];
    const request = { promptIds: [1], payload: "", sampling: {}, maxTokens: 12, stopTokenIds: [end], constraint };
    for await (const event of engine.submit({ ...request, sampling: { logit_bias: { [end]: -100 } } }))
      events.push(event);
    expect(events.map(({ tokenId }) => tokenId)).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
    expect(events.slice(1, 6).map(({ source }) => source)).toEqual([...new Array(5).fill("forced")]);
    expect(runner.batches.length).toBeLessThanOrEqual(4);
    expect(engine.stats().forcedTokens).toBeGreaterThanOrEqual(8);
  });

  it("asks for the logits of forced tokens where their probabilities are reported only", async () => {
    for (const logprobs of [false, true]) {
      const runner = new FakeRunner(1, 64, 8);
      const constraint = new Words([[1, 2, 3, 4, 5, 6]], true);
      const sampling = { logprobs, logit_bias: { [end]: -100 } };
      for await (const event of new Engine(runner).submit({
        promptIds: [1],
        payload: "",
        sampling,
        maxTokens: 6,
        stopTokenIds: [end],
        constraint,
      }))
        expect(event.logprob !== undefined).toBe(logprobs);
      const rows = runner.batches.flatMap((batch) => batch.rows);
      const run = rows.find(({ tokens }) => tokens.length > 2)!;
      expect(run.numLogits).toBe(logprobs ? run.tokens.length : 1);
    }
  });

  it("is off by option, where the runner takes no runs, and once runs are found to differ", async () => {
    const request: EngineRequest<string> = {
      promptIds: [1, 2, 1, 2, 1],
      payload: "",
      sampling: {},
      maxTokens: 30,
      stopTokenIds: [],
    };
    const unequal = new FakeRunner(1, 64, 4);
    unequal.provesRuns = async () => false;
    const engines = [
      new Engine(new FakeRunner(1, 64, 4), { speculation: "off" }),
      new Engine(new FakeRunner(1)),
      new Engine(unequal),
    ];
    for (const engine of engines) {
      for await (const _ of engine.submit(request));
      expect(engine.speculates).toBe(false);
      expect(engine.stats()).toMatchObject({ draftedTokens: 0, acceptedTokens: 0, steps: 31 });
    }
    expect(
      unequal.batches.every(({ rows }) =>
        rows.every(({ tokens, numLogits }) => numLogits === 0 || tokens.length === 1),
      ),
    ).toBe(true);
  });
});

describe("what fails while looking ahead", () => {
  const request: EngineRequest<string> = {
    promptIds: [1, 2, 1, 2, 1],
    payload: "",
    sampling: {},
    maxTokens: 20,
    stopTokenIds: [end],
  };
  const failing = (name: "ahead" | "numAllowed") => () =>
    Object.assign(new Words([[1, 2, 3], [2, 1], [4]], true), {
      [name]: () => {
        throw new OcellusError("too_large", "too many readings");
      },
    });

  it("ends no answer, neither its own nor one beside it", async () => {
    for (const name of ["ahead", "numAllowed"] as const)
      for (const draftModel of [undefined, new SometimesRight()]) {
        const own = { request, newConstraint: failing(name), leavesAfter: Number.POSITIVE_INFINITY };
        const list = [own, { ...own, newConstraint: undefined }];
        const together = await answers(new Engine(new FakeRunner(2, 48, 8), { draftModel }), list);
        expect(together).toEqual(await answers(new Engine(new FakeRunner(2, 48)), list));
      }
  });

  it("is not asked again where it is a draft model that fails time after time", async () => {
    let numAsked = 0;
    const draftModel: DraftModel = {
      async draft() {
        numAsked++;
        throw new OcellusError("internal", "the thread is lost");
      },
    };
    const list = [{ request, newConstraint: undefined, leavesAfter: Number.POSITIVE_INFINITY }];
    const engine = new Engine(new FakeRunner(1, 48, 8), { draftModel });
    for (let i = 0; i < 5; i++)
      expect(await answers(engine, list)).toEqual(await answers(new Engine(new FakeRunner(1, 48)), list));
    expect(numAsked).toBe(3);
  });

  it("is tried again where a batch had no room to show whether runs are equal", async () => {
    const runner = new FakeRunner(1, 48, 8);
    const proofs = [undefined, undefined, true];
    let numTried = 0;
    Object.assign(runner, { provesRuns: async () => proofs[numTried++] });
    const engine = new Engine(runner);
    const constraint = () => new Words([[1, 2, 3, 4, 5, 6]], true);
    const endless = { ...request, sampling: { logit_bias: { [end]: -100 } } };
    const list = [{ request: endless, newConstraint: constraint, leavesAfter: Number.POSITIVE_INFINITY }];
    expect(await answers(engine, list)).toEqual(await answers(new Engine(new FakeRunner(1, 48)), list));
    expect([numTried, engine.speculates]).toEqual([3, true]);
    const inCompany = runner.batches.flatMap(({ kind, rows }) => (kind === "decode" ? rows[0]!.tokens.length - 1 : 0));
    const { forcedTokens, draftedTokens } = engine.stats();
    expect(forcedTokens + draftedTokens).toBe(inCompany.reduce((a, b) => a + b));
  });
});

describe("the cost of a step", () => {
  it("is fitted to what was measured, whatever the noise is centred on, and fades", () => {
    const costs = new StepCosts();
    expect(costs.shareOfOne(1)).toBe(0);
    for (let i = 0; i < 200; i++) costs.add(1 + (i % 8), 10 + 2 * (1 + (i % 8)) + (i % 3) - 1);
    expect(costs.shareOfOne(1)).toBeCloseTo(2 / 12, 1);
    expect(costs.shareOfOne(5)).toBeCloseTo(2 / 20, 1);
    for (let i = 0; i < 200; i++) costs.add(1 + (i % 8), 10 * (1 + (i % 8)));
    expect(costs.shareOfOne(1)).toBeCloseTo(1, 1);
  });

  it("is as it was while all steps are alike", () => {
    const costs = new StepCosts();
    for (let i = 0; i < 50; i++) costs.add(1 + (i % 2), 10 + (i % 2));
    const before = costs.shareOfOne(1);
    for (let i = 0; i < 500; i++) costs.add(1, 10);
    expect(costs.shareOfOne(1)).toBeCloseTo(before, 2);
  });
});
