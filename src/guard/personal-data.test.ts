import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findPersonalData, personalDataStream } from "./words/index.js";

const found = (text: string) => findPersonalData(text).map(({ word, start, end }) => [word, text.slice(start, end)]);

// numbers that the standards and the card networks give as examples
describe("personal data", () => {
  it.each([
    ["mobile", "13800138000"],
    ["mobile", "138 0013 8000"],
    ["mobile", "+86 138-0013-8000"],
    ["mobile", "１３８００１３８０００"],
    ["mobile", "+1 202-555-0143"],
    ["id_card", "11010519491231002X"],
    ["id_card", "440524188001010014"],
    ["bank_card", "4111 1111 1111 1111"],
    ["bank_card", "6222020000000000000"],
    ["email", "first.last+tag@mail.example.com"],
    ["ip_address", "192.168.0.254"],
  ])("finds a %s in %s", (word, text) => {
    expect(found(`见 ${text}。`)).toEqual([[word, text]]);
    expect(found(`(${text})`)).toEqual([[word, text]]);
  });

  it.each([
    "110105194912310021",
    "4111111111111112",
    "999.1.1.1",
    "1.2.3.4.5",
    "12345678901",
    "138001380001",
    "me@localhost",
    "v1.2.3",
  ])("finds nothing in %s", (text) => expect(found(`see ${text} there`)).toEqual([]));

  it("finds under any chunking what the whole text holds, and shows nothing too early", () => {
    const parts = fc.constantFrom(
      "13800138000",
      "138 0013 8000",
      "a@b.cn",
      "@",
      ".",
      " ",
      "9",
      "x",
      "好",
      "4111111111111111",
      "\n",
      "-",
    );
    const texts = fc.array(parts, { maxLength: 30 }).map((list) => list.join(""));
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }), (text, cuts) => {
        const stream = personalDataStream();
        let [at, shown] = [0, 0];
        const spans = [...cuts, text.length].flatMap((cut) => {
          const piece = stream.push(text.slice(at, at + cut));
          at += cut;
          for (const span of piece.spans) expect(span.start).toBeGreaterThanOrEqual(shown);
          shown = piece.ready;
          return piece.spans;
        });
        expect([...spans, ...stream.end().spans]).toEqual(findPersonalData(text));
      }),
      { numRuns: 1000, seed: 4 },
    );
  });

  it("holds back a bounded run", () => {
    const stream = personalDataStream();
    for (let i = 1; i <= 2000; i++) expect(i - stream.push("7").ready).toBeLessThan(320);
  });
});
