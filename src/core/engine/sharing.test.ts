/** What running answers, prompts and images get of the time: a fake runner under a clock of its own, no real durations. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Semaphore } from "../base/index.js";
import { Engine } from "./engine.js";
import { FakeRunner, fakeAnswer, fakeVocabSize } from "./fake-runner.testkit.js";
import type { EngineRequest, TokenEvent } from "./types.js";

const request = (payload: string, promptLength: number, maxTokens: number): EngineRequest<string> => ({
  promptIds: Array.from({ length: promptLength }, (_, i) => (i * 7 + payload.length) % fakeVocabSize),
  payload,
  sampling: {},
  maxTokens,
  stopTokenIds: [],
});

async function read(events: AsyncIterable<TokenEvent>): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of events) ids.push(event.tokenId);
  return ids;
}

/** Steps in virtual time. */
class TimedRunner extends FakeRunner {
  now = 0;
  readonly steps: { readonly kind: string; readonly ms: number }[] = [];
  durations: Readonly<Record<"prefill" | "decode", readonly number[]>> = { prefill: [1], decode: [1] };
  override async step(batch: Parameters<FakeRunner["step"]>[0]) {
    const list = this.durations[batch.kind];
    const ms = list[this.steps.length % list.length]!;
    this.steps.push({ kind: batch.kind, ms });
    this.now += ms;
    return super.step(batch);
  }
}

/** A step takes longer than a promise. */
const turnOfEventLoop = () => new Promise((resolve) => setImmediate(resolve));

/** Of a request, whether all but the last token of its prompt was read before a step. */
function isRead(runner: FakeRunner, { payload, promptIds }: EngineRequest<string>, before: number): boolean {
  const rows = runner.batches.slice(0, before).flatMap((batch) => batch.rows.filter((row) => row.payload === payload));
  return rows.reduce((sum, row) => sum + row.tokens.length, 0) >= promptIds.length - 1;
}

const ms = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
const others = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 })), { maxLength: 5 });

describe("time shared by running answers and prompts", () => {
  it("gives running answers what prompts took before the next prompt step, and prompts the rest", async () => {
    await fc.assert(
      fc.asyncProperty(others, ms, ms, fc.integer({ min: 1, max: 20 }), async (list, prefill, decode, prefillChunk) => {
        const waiting = list.map(([length, tokens], i) => request(`other ${i}`, length, tokens));
        const all = [request("running", 1, 200), ...waiting];
        const runner = new TimedRunner(all.length, 256);
        runner.durations = { prefill, decode };
        const engine = new Engine(runner, { prefillChunk, now: () => runner.now });
        expect(await Promise.all(all.map((each) => read(engine.submit(each))))).toEqual(
          all.map((each) => fakeAnswer(each, 256)),
        );
        let [owed, numWritten] = [0, 0];
        for (const [i, step] of runner.steps.entries()) {
          if (numWritten === 200) break; // the running answer has ended
          const mayRead = owed === 0 && runner.steps[i - 1]?.kind !== "prefill";
          const hasUnread = waiting.some((each) => !isRead(runner, each, i));
          expect(step.kind).toBe(mayRead && hasUnread ? "prefill" : "decode");
          if (step.kind === "decode") numWritten++;
          owed = step.kind === "prefill" ? owed + step.ms : Math.max(0, owed - step.ms);
        }
      }),
      { seed: 31, numRuns: 50 },
    );
  });

  it("reads prompts in short steps while answers run, and in long ones when none does", async () => {
    for (const hasFixedCuts of [false, true]) {
      const runner: TimedRunner & { hasFixedCuts?: boolean } = new TimedRunner(2, 4096);
      runner.hasFixedCuts = hasFixedCuts;
      const engine = new Engine(runner, { now: () => runner.now });
      await read(engine.submit(request("alone", 600, 1)));
      await Promise.all([read(engine.submit(request("running", 1, 40))), read(engine.submit(request("new", 600, 1)))]);
      const lengths = (name: string) =>
        runner.batches.flatMap(({ kind, rows }) =>
          kind === "prefill" ? rows.filter((row) => row.payload === name).map((row) => row.tokens.length) : [],
        );
      expect(lengths("alone")).toEqual([512, 87]);
      expect(lengths("new")).toEqual(hasFixedCuts ? [512, 87] : [128, 128, 128, 128, 87]);
    }
  });
});

describe("turns of prompts and images", () => {
  it("reads a prompt beside the vision encoder when no answer runs, and after it when one does", async () => {
    const reading = new Semaphore(1);
    const encoded = reading.tryAcquire()!;
    const runner = new TimedRunner(2);
    const engine = new Engine(runner, { prefillChunk: 4, reading, now: () => runner.now });
    let other: Promise<number[]> | undefined;
    runner.onStep = async ({ kind }) => {
      if (kind === "decode") other ??= read(engine.submit(request("other", 9, 3)));
      if (runner.batches.length === 12) encoded();
      await turnOfEventLoop();
    };
    const running = request("running", 9, 30);
    expect(await read(engine.submit(running))).toEqual(fakeAnswer(running));
    expect(await other).toEqual(fakeAnswer(request("other", 9, 3)));
    expect(runner.steps.map(({ kind }) => kind[0]).join("")).toMatch(/^ppd{11}pdpd+$/);
    expect(reading).toMatchObject({ taken: 0, numWaiting: 0 });
  });

  it("answers known prompts while an image is encoded", async () => {
    const reading = new Semaphore(1);
    reading.tryAcquire();
    const runner: FakeRunner & { begin?: (slot: number, ids: readonly number[], owner: string) => number } =
      new FakeRunner(2);
    runner.begin = (slot, ids, owner) => {
      runner.slots[slot] = { ids: ids.slice(0, -1), owner };
      return ids.length - 1;
    };
    const engine = new Engine(runner, { reading });
    const list = [request("first", 9, 20), request("second", 7, 5)];
    expect(await Promise.all(list.map((each) => read(engine.submit(each))))).toEqual(list.map((r) => fakeAnswer(r)));
  });

  it("lets an image in between two prompts, and waits until the first one's time is given back", async () => {
    const reading = new Semaphore(1);
    const runner = new TimedRunner(3, 256);
    runner.durations = { prefill: [10], decode: [3] };
    const engine = new Engine(runner, { prefillChunk: 4, reading, now: () => runner.now });
    let [encodedAt, asked] = [-1, false];
    runner.onStep = async ({ kind, rows }) => {
      await turnOfEventLoop();
      if (asked || kind === "decode" || rows[0]!.payload !== "first") return;
      asked = true;
      void reading.run(async () => {
        encodedAt = runner.steps.length;
      });
    };
    const list = [request("running", 1, 100), request("first", 9, 1), request("second", 9, 1)];
    await Promise.all(list.map((each) => read(engine.submit(each))));
    const kinds = runner.steps.map(({ kind }) => kind[0]).join("");
    expect(kinds).toMatch(/^pddddpdddddpddddpd+$/);
    expect(kinds.slice(0, encodedAt)).toMatch(/^(pdddd){2}d?$/);
  });

  it("keeps no turn, nor a place in the line for it, whatever is aborted", async () => {
    const lists = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat(15), fc.nat(15)), {
      minLength: 2,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(lists, async (list) => {
        const reading = new Semaphore(1);
        const runner = new FakeRunner(3);
        const engine = new Engine(runner, { prefillChunk: 3, reading });
        const controllers = list.map(() => new AbortController());
        const images: Promise<void>[] = [];
        runner.onStep = async () => {
          for (const [i, [, abortAt, imageAt]] of list.entries()) {
            if (runner.batches.length === abortAt) controllers[i]!.abort();
            if (runner.batches.length === imageAt)
              images.push(reading.run(() => new Promise<void>((end) => setTimeout(end))));
          }
        };
        const answers = list.map(([length], i) =>
          read(engine.submit(request(`${i}`, length, 9), controllers[i]!.signal)),
        );
        await Promise.allSettled(answers);
        await Promise.all(images);
        await engine.close();
        expect(reading).toMatchObject({ taken: 0, numWaiting: 0 });
      }),
      { seed: 32, numRuns: 60 },
    );
  });
});
