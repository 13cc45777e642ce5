/** 113 evasions written by hand: how many the word guard sees through, and that what it cuts is what is written. */
import { describe, expect, it } from "vitest";
import { wordFinder } from "../src/guardrails/index.js";
import { writtenEvasions } from "./support/written-evasions.js";

const words = [...new Set(writtenEvasions.map(([, word]) => word))];
const finder = wordFinder(words.map((word) => ({ word, category: "listed" })));
const caught = (word: string, text: string) => finder.find(text).some((span) => span.word === word);

describe("written evasions", () => {
  it("are 113, each of another writing", () => {
    expect(new Set(writtenEvasions.map(([, , text]) => text)).size).toBe(113);
  });

  it("are caught, nine of ten at least", () => {
    const missed = writtenEvasions.filter(([, word, text]) => !caught(word, text));
    expect(missed.length / writtenEvasions.length).toBeLessThanOrEqual(0.1);
  });
});
