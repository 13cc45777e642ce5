import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bind } from "./bind.js";
import { openPersonalData } from "./detectors/personal-data.js";
import { literal, piecesOf } from "./literal.testkit.js";
import { VerdictMemory } from "./memory.js";
import type { Rule } from "./policy.js";
import { TextFilter } from "./text-filter.js";
import type { Detector } from "./verdict.js";

const guard = (detector: Detector, rules: readonly Rule[], onFailure: "block" | "allow" = "block") =>
  bind(detector, { name: "g", stage: "output", rules, timeoutMs: 1000, onFailure, memory: new VerdictMemory() });

const words = literal({ bad: "block", aba: "mask", cc: "replace", abc: "flag" });
const rules: Rule[] = [
  { category: "block", threshold: 0, action: "block" },
  { category: "mask", threshold: 0, action: "redact" },
  { category: "replace", threshold: 0, action: "redact", replacement: "[…]" },
  { category: "flag", threshold: 0, action: "flag" },
];
const personal = guard(openPersonalData({ type: "personal-data", timeoutMs: 1000, weak: false, patterns: {} }), [
  { threshold: 0, action: "redact", replacement: "#" },
]);

function filtered(pieces: readonly string[]): { text: string; isBlocked: boolean } {
  const filter = new TextFilter([guard(words, rules), personal]);
  let text = "";
  for (const piece of pieces) {
    text += filter.push(piece);
    if (filter.isBlocked) break;
  }
  text += filter.end();
  return { text, isBlocked: filter.isBlocked };
}

describe("a text that is being written", () => {
  it("is let out under any cutting as the whole text would be", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d", " ", "😀", "13812345678", "1381234", "5678 ", "中"), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(text, fc.array(fc.nat(12), { maxLength: 30 }), (parts, cuts) => {
        const whole = parts.join("");
        expect(filtered(piecesOf(whole, cuts))).toEqual(filtered([whole]));
      }),
      { numRuns: 500 },
    );
  });

  it("loses nothing when nothing is found, and never half a character", () => {
    const text = "dd 😀 d";
    expect(filtered([...text])).toEqual({ text, isBlocked: false });
  });

  it("ends where what is blocked begins; what stands before it is let out", () => {
    expect(filtered(["d aba bad and so on"])).toEqual({ text: "d *** ", isBlocked: true });
  });

  it("gives nothing more at its end, though something is cut where it is blocked", () => {
    expect(filtered(["abad"])).toEqual({ text: "", isBlocked: true });
    expect(filtered(["d aba", "d and so on"])).toEqual({ text: "d ", isBlocked: true });
  });

  it("cuts overlapping finds out as one", () => {
    expect(filtered(["dababa"])).toEqual({ text: "d*****", isBlocked: false });
    expect(filtered(["dccc."])).toEqual({ text: "d[…].", isBlocked: false });
  });

  const broken: Detector = {
    ...words,
    watch: () => ({
      push() {
        throw new Error("out of order");
      },
      end: () => [],
    }),
  };

  it("ends when a guard breaks, unless the policy lets it pass; either way its verdict says so", () => {
    for (const onFailure of ["block", "allow"] as const) {
      const filter = new TextFilter([guard(broken, rules, onFailure)]);
      const text = filter.push("words") + filter.end();
      expect({ text, isBlocked: filter.isBlocked }).toEqual(
        onFailure === "block" ? { text: "", isBlocked: true } : { text: "words", isBlocked: false },
      );
      expect(filter.verdicts()[0]!.verdict).toMatchObject({ verdict: onFailure, failed: "out of order" });
    }
  });
});
