import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopStrings } from "./stop-strings.js";

function run(stops: string[], pieces: string[]): { text: string; stopped: boolean } {
  const filter = new StopStrings(stops);
  let text = "";
  for (const piece of pieces) {
    const result = filter.push(piece);
    text += result.text;
    if (result.stop !== undefined) return { text, stopped: true };
  }
  return { text: text + filter.flush(), stopped: false };
}

describe("stop strings", () => {
  it("shows nothing of a stop string that arrives in pieces", () => {
    expect(run(["END"], ["abcE", "N", "Dxyz"])).toEqual({ text: "abc", stopped: true });
  });

  it("shows held-back text once it cannot be a stop string any more", () => {
    expect(run(["END"], ["abcE", "N", "nd"])).toEqual({ text: "abcENnd", stopped: false });
  });

  it("cuts where the whole text would be cut, however it is split into pieces", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 6 }),
        fc.array(letters, { minLength: 1, maxLength: 3 }),
        (pieces, stops) => {
          const whole = pieces.join("");
          const cuts = stops
            .filter((s) => s !== "")
            .map((s) => whole.indexOf(s))
            .filter((at) => at >= 0);
          const result = run(stops, pieces);
          expect(result.stopped).toBe(cuts.length > 0);
          // A piecewise cut sees the stop that completes first; the text before it never contains a stop string.
          expect(whole.startsWith(result.text)).toBe(true);
          if (cuts.length === 0) expect(result.text).toBe(whole);
          else expect(stops.some((s) => s !== "" && result.text.includes(s))).toBe(false);
        },
      ),
      { seed: 7 },
    );
  });
});
