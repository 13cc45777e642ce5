/**
 * Which snapshots answers are made from, with the real runner, engine and caches, and a graph that is none: its state is a hash of
 * all that a slot has read, images by what they show, so an answer from another's state is another answer.
 */
import { describe, expect, it } from "vitest";
import { type CachedGraph, float32, type Graph } from "../backend/index.js";
import { SnapshotCache, type TokenKey } from "../cache/index.js";
import { Engine } from "../engine/index.js";
import { indexPositions } from "../models/index.js";
import type { PackedModel } from "../pack/index.js";
import { snapshotPoints } from "./memory.js";
import { DecoderRunner } from "./runner.js";
import type { SequenceInputs } from "./sequence-inputs.js";

const vocabSize = 97;
const maxLength = 64;
const endId = 1;
const imageId = 2;
const imageTokens = 4;
const stateSize = 8; // 8 floats of which the first is the hash

const mixed = (state: number, read: number) => (state * 31 + read * 7 + 1) % 8191;
const answered = (state: number) => state % vocabSize;

/** What of a slot's tokens is in the cache, and the state behind them, which must agree with them at every step. */
function fakeGraph(numSlots: number): { graph: Graph; read: number[] } {
  const slots = Array.from({ length: numSlots }, () => ({ tokens: [] as number[], state: 0 }));
  const read: number[] = [];
  const cached: CachedGraph = {
    bytes: 0,
    batchesAnywhere: true,
    hasPrefill: false,
    takesRuns: false,
    async step({ inputs_embeds: embeds, logits_rows: rows }, { first, count }, { added }) {
      const values = embeds!.data as Float32Array;
      const sequence = values.length / count;
      const states = added.map(({ position, count: tokens }, b) => {
        const slot = slots[first + b]!;
        if (tokens === 0) return slot.state;
        if (position === 0) Object.assign(slot, { tokens: [], state: 0 });
        slot.tokens.length = position; // what was cached beyond is void
        if (slot.state !== slot.tokens.reduce(mixed, 0)) throw new Error("the state is not that of the tokens so far");
        const own = [...values.subarray(b * sequence, b * sequence + tokens)];
        slot.tokens.push(...own);
        slot.state = own.reduce(mixed, slot.state);
        read.push(tokens);
        return slot.state;
      });
      const wanted = [...(rows!.data as BigInt64Array)].map((row) => states[Math.floor(Number(row) / sequence)]!);
      const data = new Float32Array(wanted.length * vocabSize);
      for (const [i, state] of wanted.entries()) data[i * vocabSize + answered(state)] = 1;
      return { logits: float32(data, [wanted.length, vocabSize]) };
    },
    save: async (slot, start, count) => Float32Array.from(slots[slot]!.tokens.slice(start, start + count)),
    restore: async (slot, start, count, values) => void slots[slot]!.tokens.splice(start, count, ...values),
    saveStates: async (slot) => new Float32Array(stateSize).fill(slots[slot]!.state, 0, 1),
    restoreStates: async (slot, values) => void Object.assign(slots[slot]!, { state: values[0] }),
    close: async () => {},
  };
  return {
    graph: { device: "cpu", run: () => Promise.reject(), withCache: () => cached, close: async () => {} },
    read,
  };
}

const family = {
  dimensions: () => ({ hiddenSize: 1, vocabSize, maxLength, eosTokenIds: [endId] }),
  states: () => [{ kind: "recurrent", shapes: [[stateSize]] }],
  numDeepstack: () => 0,
  rotary: (_: unknown, { count }: { count: number }) => ({
    cos: new Float32Array(count),
    sin: new Float32Array(count),
  }),
};
const embedding = { read: async (ids: readonly number[], out: Float32Array, at: number) => out.set(ids, at) };
const packed = { family, config: {}, embedding } as unknown as PackedModel;

interface Question {
  readonly ids: readonly number[];
  /** What is shown at each place of an image. */
  readonly shown: readonly { readonly start: number; readonly image: number }[];
}

/** A system's message or none, then turns of images and words. */
function question(
  system: number,
  turns: readonly { readonly images: readonly number[]; readonly words: number }[],
): Question {
  const ids = system > 0 ? [10, 10 + system, endId] : [];
  const shown: { start: number; image: number }[] = [];
  for (const { images: pictures, words } of turns) {
    ids.push(20);
    for (const image of pictures) {
      shown.push({ start: ids.length, image });
      ids.push(...new Array<number>(imageTokens).fill(imageId));
    }
    ids.push(30 + words, endId);
  }
  ids.push(40, 41);
  return { ids, shown };
}

/** What the sequence reads, token by token. */
function valuesOf({ ids, shown }: Question): number[] {
  const values = [...ids];
  for (const { start, image } of shown) values.fill(imageValue(image), start, start + imageTokens);
  return values;
}
const imageValue = (image: number) => 100 + image;

function payloadOf({ ids, shown }: Question, runner: DecoderRunner): SequenceInputs {
  const keys: TokenKey[] = [...ids];
  for (const { start, image } of shown) keys.fill(`picture ${image}`, start, start + imageTokens);
  const places = shown.map(({ start }) => ({ start, numTokens: imageTokens }));
  const prompt = { ids: Int32Array.from(ids), images: places } as unknown as Parameters<typeof snapshotPoints>[0];
  const points = snapshotPoints(prompt, [endId]);
  const known = runner.cachedBlocks({ keys, points });
  const images = shown.flatMap(({ start, image }) =>
    start + imageTokens <= known.length
      ? [] // as the model does: it needs no features
      : [
          {
            start,
            numTokens: imageTokens,
            tokens: new Float32Array(imageTokens).fill(imageValue(image)),
            deepstack: [],
          },
        ],
  );
  return { images, positions: indexPositions, prefix: { keys, points, known } };
}

function open(maxBytes: number, prefillChunk = 512) {
  const { graph, read } = fakeGraph(4);
  const prefixes = new SnapshotCache({ maxBytes });
  const runner = new DecoderRunner(packed, graph, { numSlots: 4, maxLength, prefixes });
  const engine = new Engine(runner, { prefillChunk });
  const ask = async (asked: Question) => {
    const tokens: number[] = [];
    let cached = 0;
    const request = {
      sampling: {},
      maxTokens: 3,
      stopTokenIds: [],
      promptIds: asked.ids,
      payload: payloadOf(asked, runner),
    };
    for await (const event of engine.submit(request)) {
      tokens.push(event.tokenId);
      cached += event.cachedTokens ?? 0;
    }
    return { tokens, cached };
  };
  return { ask, prefixes, read };
}

function expected(asked: Question): number[] {
  let state = valuesOf(asked).reduce(mixed, 0);
  return [1, 2, 3].map(() => {
    const next = answered(state);
    state = mixed(state, next);
    return next;
  });
}

describe("snapshots", () => {
  it.each([
    ["all", 2 ** 22, 2000],
    ["some", 2 ** 15, 10_000],
    ["none", 1, 2000],
  ])(
    "are of no other image, %s being kept, in %i bytes and %i mixed questions about 200 images",
    async (_, maxBytes, count) => {
      const { ask, prefixes } = open(maxBytes);
      let random = 11;
      const next = (n: number) => {
        random = (random * 1103515245 + 12345) % 2 ** 31;
        return Math.floor((random / 2 ** 31) * n);
      };
      let resumed = 0;
      for (let n = 0; n < count; n += 8) {
        const asked = Array.from({ length: 8 }, () => {
          const turn = () => ({ images: Array.from({ length: next(3) }, () => next(200)), words: next(5) });
          return question(next(3), Array.from({ length: 1 + next(3) }, turn));
        });
        const answers = await Promise.all(asked.map(ask)); // in four slots
        for (const [i, { tokens, cached }] of answers.entries()) {
          expect(tokens).toEqual(expected(asked[i]!));
          if (cached > 0) resumed++;
        }
        expect(prefixes.bytes).toBeLessThanOrEqual(maxBytes);
      }
      if (maxBytes === 1) expect(resumed).toBe(0);
      else expect(resumed).toBeGreaterThan(count / 4);
    },
    120_000,
  );

  it("resume a prompt behind the system's message, an image, a message, and before its last token", async () => {
    const { ask } = open(2 ** 22);
    const turn = (image: number, words: number) => ({ images: [image], words });
    const first = question(1, [turn(7, 1)]); // system 3 tokens, opening 1, image 4, words and end 2, header 2
    expect((await ask(first)).cached).toBe(0);
    expect((await ask(question(1, [turn(8, 1)]))).cached).toBe(3);
    expect((await ask(question(1, [turn(7, 2)]))).cached).toBe(3 + 1 + imageTokens);
    expect((await ask(question(1, [turn(7, 1), turn(9, 1)]))).cached).toBe(3 + 1 + imageTokens + 2);
    expect((await ask(first)).cached).toBe(first.ids.length - 1);
    expect((await ask(question(2, [turn(7, 1)]))).cached).toBe(0);
  });

  it("read pieces that depend on the prompt alone, so that a resumed one computes what it would have", async () => {
    const { ask, read } = open(2 ** 22, 7);
    const asked = question(1, [
      { images: [3, 4], words: 1 },
      { images: [], words: 2 },
    ]);
    await ask(asked);
    const whole = read.splice(0);
    const { cached } = await ask(
      question(1, [
        { images: [3, 4], words: 1 },
        { images: [], words: 3 },
      ]),
    );
    const rest = read.splice(0);
    let [skipped, n] = [0, 0];
    while (skipped < cached) skipped += whole[n++]!;
    expect(skipped).toBe(cached);
    expect(rest).toEqual(whole.slice(n));
  });
});
