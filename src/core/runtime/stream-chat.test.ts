import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FinishReason, TokenEvent } from "../engine/index.js";
import { indexPositions } from "../models/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import type { ChatEvent, PreparedChat } from "./chat.js";
import { ReasoningParser } from "./reasoning.js";
import { collect, streamChat } from "./stream-chat.js";

const prepared: PreparedChat = {
  promptTokens: 1,
  promptIds: Int32Array.of(1),
  inputs: { images: [], positions: indexPositions },
  images: [],
  options: {},
  started: 0,
  visionMs: 0,
};

/** Of bytes: halves of characters, two tokens with none, one that is skipped, one that ends. */
const pieces = ["a", "b", "S", "T", "ST", "\u00e4", "", "", "<x>", "</s>"].map((text) =>
  new TextEncoder().encode(text),
);
pieces.push(Uint8Array.of(0xe2), Uint8Array.of(0x82), Uint8Array.of(0xac), Uint8Array.of(0x53, 0x54, 0xe2));
const [skipped, end] = [8, 9];
const bytesOf = (id: number) => pieces[id]!;
const specialTokens = new Map([
  ["<x>", skipped],
  ["</s>", end],
]);
const byBytes = { bytesOf, specialTokens } as unknown as Tokenizer;
/** The same without bytes: text is decoded in windows. */
const decode = (ids: readonly number[]) =>
  new TextDecoder().decode(Uint8Array.from(ids.flatMap((id) => [...bytesOf(id)])));
const byWindows = { decode, specialTokens } as unknown as Tokenizer;

/** What the engine would give; it tells how many were taken. */
function fakeEvents(ids: readonly number[], finishReason: FinishReason) {
  const taken: number[] = [];
  async function* events(): AsyncGenerator<TokenEvent> {
    for (const [i, tokenId] of ids.entries()) {
      taken.push(tokenId);
      yield { tokenId, logprob: -i, ...(i === ids.length - 1 && { finishReason }) };
    }
  }
  return { taken, events: events() };
}

describe("the events of an answer", () => {
  it("hold each generated token once, in its order, and the text up to the first stop string", async () => {
    const some = fc.array(
      fc.nat(pieces.length - 1).filter((id) => id !== end),
      { minLength: 1, maxLength: 12 },
    );
    const stops = fc.subarray(["ST", "a", "bS", "\u20ac"]);
    await fc.assert(
      fc.asyncProperty(
        some,
        stops,
        fc.boolean(),
        fc.constantFrom(byBytes, byWindows),
        async (ids, stop, ends, tokenizer) => {
          const all = ends ? [...ids, end] : ids;
          const { taken, events } = fakeEvents(all, ends ? "stop" : "length");
          const seen: ChatEvent[] = [];
          for await (const event of streamChat(events, { tokenizer, prepared: { ...prepared, options: { stop } } }))
            seen.push(event);
          const tokens = seen.flatMap((event) => (event.type === "text" ? event.tokens : []));
          expect(tokens.map(({ tokenId }) => tokenId)).toEqual(taken);
          expect(tokens.map(({ logprob }) => logprob)).toEqual(taken.map((_, i) => -i));
          const { text, usage, finishReason } = await collect(iterate(seen));
          expect(usage.completionTokens).toBe(taken.length);
          const whole = decode(taken.filter((id) => id !== skipped && id !== end));
          const cuts = stop.map((each) => whole.indexOf(each)).filter((at) => at >= 0);
          expect(text).toBe(cuts.length > 0 ? whole.slice(0, Math.min(...cuts)) : whole);
          expect(finishReason).toBe(ends || cuts.length > 0 ? "stop" : "length");
          if (cuts.length === 0) expect(taken).toEqual(all);
        },
      ),
      { seed: 31, numRuns: 400 },
    );
  });
});

describe("the events of an answer with thoughts", () => {
  const texts = ["a", "\n", "<think>", "</think>", "</th", "ink>", "ST"];
  const special = new Map([["</think>", 3]]); // skipped as other special tokens are, it would close nothing
  const tokenizer = {
    bytesOf: (id: number) => new TextEncoder().encode(texts[id]),
    specialTokens: special,
  } as unknown as Tokenizer;

  it("hold each token once, thoughts first, and what stops an answer stops no thought", async () => {
    const some = fc.array(fc.nat(texts.length - 1), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(some, fc.constantFrom("opened", "possible"), async (ids, reasoning) => {
        const { taken, events } = fakeEvents(ids, "length");
        const seen: ChatEvent[] = [];
        const options = { stop: ["ST"] };
        for await (const event of streamChat(events, { tokenizer, prepared: { ...prepared, options, reasoning } }))
          seen.push(event);
        const written = seen.flatMap((event) => (event.type === "end" ? [] : [event]));
        expect(written.flatMap(({ tokens }) => tokens.map(({ tokenId }) => tokenId))).toEqual(taken);
        const kinds = written.map(({ type }) => type);
        expect(kinds).toEqual([...kinds].sort()); // "reasoning" stands before "text"
        const parser = new ReasoningParser(reasoning === "opened");
        const [most, rest] = [parser.push(ids.map((id) => texts[id]).join("")), parser.flush()];
        const result = await collect(iterate(seen));
        expect(result.text).toBe((most.content + rest.content).split("ST")[0]);
        expect(result.reasoning ?? "").toBe(most.reasoning + rest.reasoning);
        const thought = written.filter(({ type }) => type === "reasoning").flatMap(({ tokens }) => tokens);
        expect(result.usage.reasoningTokens).toBe(thought.length);
        expect(result.tokens).toHaveLength(taken.length - thought.length);
      }),
      { seed: 32, numRuns: 1000 },
    );
  });
});

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
