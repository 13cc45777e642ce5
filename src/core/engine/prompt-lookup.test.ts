/** Prompt lookup against a search of the whole text, and what it reads of it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maxRead, PromptLookup } from "./prompt-lookup.js";

/** By the definition: of the places that end as the text does, the longest and latest. */
function searched(ids: readonly number[], most: number) {
  for (const matched of [4, 3, 2, 1])
    for (let place = ids.length - 1; place >= matched; place--)
      if (ids.slice(-matched).every((id, i) => ids[place - matched + i] === id))
        return { tokens: ids.slice(place, place + most), kind: `lookup ${matched}` };
  return undefined;
}

describe("prompt lookup", () => {
  const draft = (promptIds: number[], generated: number[], most = 3) =>
    new PromptLookup().draft({ promptIds, generated }, most);

  it("continues as the longest and latest earlier match did, across prompt and answer", () => {
    expect(draft([1, 2, 3, 4, 5], [2, 3])).toEqual({ tokens: [4, 5, 2], kind: "lookup 2" });
    expect(draft([9, 3, 7, 1, 2, 3, 4], [8, 2, 3])).toEqual({ tokens: [4, 8, 2], kind: "lookup 2" });
    expect(draft([3, 1, 3, 2], [3])).toEqual({ tokens: [2, 3], kind: "lookup 1" });
    expect(draft([1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6], 1)).toEqual({ tokens: [7], kind: "lookup 4" });
  });

  it("says, however the text grows, what a search of the whole text finds", () => {
    const ids = fc.array(fc.nat(3), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(ids, fc.array(fc.array(fc.nat(3), { maxLength: 4 }), { maxLength: 12 }), (promptIds, pieces) => {
        const lookup = new PromptLookup();
        const generated: number[] = [];
        for (const piece of pieces) {
          generated.push(...piece);
          expect(lookup.draft({ promptIds, generated }, 5)).toEqual(searched([...promptIds, ...generated], 5));
        }
      }),
      { seed: 24, numRuns: 1000 },
    );
  });

  it("reads each token once, and of a long prompt the last part", () => {
    const only = 100_000;
    let numRead = 0;
    const counted = new Proxy([] as number[], {
      get: (_, key) => {
        if (key === "length") return maxRead + 100;
        numRead++;
        return key === "50" ? only : Number(key);
      },
    });
    const lookup = new PromptLookup();
    const generated = [only];
    expect(lookup.draft({ promptIds: counted, generated }, 8)).toBeUndefined();
    expect(numRead).toBe(maxRead);
    for (let i = 0; i < 100; i++) {
      generated.push(only + 1 + i);
      expect(lookup.draft({ promptIds: counted, generated }, 8)).toBeUndefined();
    }
    expect(numRead).toBe(maxRead);
  });

  it("has nothing to say of what was never there", () => {
    expect(draft([1, 2, 3], [4])).toBeUndefined();
    expect(draft([1], [])).toBeUndefined();
  });
});
