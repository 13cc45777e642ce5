import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FinishReason, TokenEvent } from "../engine/index.js";
import { indexPositions } from "../models/index.js";
import type { Tokenizer } from "../tokenizer/index.js";
import { type ChatEvent, collect, type PreparedChat, streamChat } from "./chat.js";

const prepared: PreparedChat = {
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

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
