import { describe, expect, it } from "vitest";
import { placed } from "./vision.js";

describe("the rows of an image", () => {
  it("go to the spans of the prompt that are theirs, DeepStack's too", () => {
    const tokens = Float32Array.from({ length: 6 }, (_, i) => i); // three rows of two
    const deepstack = [tokens.map((value) => 10 * value)];
    const spans = [{ start: 7, numTokens: 2 }, { start: 12, numTokens: 1 }]; // biome-ignore format: one thought
    expect(placed(spans, { tokens, deepstack })).toEqual([
      { ...spans[0], tokens: tokens.subarray(0, 4), deepstack: [deepstack[0]!.subarray(0, 4)] },
      { ...spans[1], tokens: tokens.subarray(4), deepstack: [deepstack[0]!.subarray(4)] },
    ]);
  });
});
