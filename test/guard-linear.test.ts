/** Guardrails take time in proportion to a text, whatever was found in it: work is counted, not timed. */
import "./support/counted-work.js";
import { describe, expect, it } from "vitest";
import { answerForm } from "../src/guardrails/answer-form.js";
import { bind } from "../src/guardrails/bind.js";
import { spanDetector } from "../src/guardrails/detectors/spans.js";
import type { TextWorkerData } from "../src/guardrails/detectors/text-worker.js";
import { plainText, redacted } from "../src/guardrails/layout.js";
import { VerdictMemory } from "../src/guardrails/memory.js";
import { TextFilter } from "../src/guardrails/text-filter.js";
import { type Finder, personalDataFinder, wordFinder } from "../src/guardrails/unescaped.js";
import { countedWork } from "./support/counted-work.js";

const words = ["加微信", "加", "微信", "信"].map((word) => ({ word, category: "ads" }));

const finders: Readonly<Record<string, Finder>> = {
  words: wordFinder(words, { allow: ["加微信吧"] }),
  "personal data": personalDataFinder(),
};
const copies: Readonly<Record<string, TextWorkerData>> = {
  words: { kind: "words", rules: words, options: {} },
  "personal data": { kind: "personal-data", options: {} },
};
const texts: Readonly<Record<string, (length: number) => string>> = {
  hits: (length) => "加微信，".repeat(length / 4),
  "one backslash and hits": (length) => `\\${"加微信，".repeat(length / 4)}`,
  "an escape before each hit": (length) => '\\"加微信，'.repeat(length / 6),
  "hits and allowed phrases": (length) => "加微信，加微信吧，".repeat(length / 9),
  "phones and escapes": (length) => '\\"13812345678，'.repeat(length / 14),
  "digits with gaps": (length) => "4111 1111-1111 ".repeat(length / 15),
  "digits only": (length) => "4".repeat(length),
  "e-mail signs": (length) => "a.b@c-d.".repeat(length / 8),
  backslashes: (length) => "\\".repeat(length),
  "numbers in JSON": (length) => `[${"13812345678,".repeat(length / 12)}1]`,
  "one string of JSON": (length) => `["${"13812345678\\n加微信".repeat(length / 16)}"]`,
  keywords: (length) => "卡号地址姓名：".repeat(length / 7),
};

/** The costliest of these takes 589 a character: a loop over the text within a loop over the text exceeds it at once. */
const mostPerCharacter = 1000;

function expectLinear(work: (length: number) => void) {
  work(250); // what is made once, and compiled
  const [small, large] = [1000, 4000].map((length) => countedWork(() => work(length))) as [number, number];
  expect(small).toBeGreaterThan(0);
  // Four times the text: four times the work where it is linear, sixteen where it is quadratic.
  expect(large).toBeLessThan(5 * small + 2000);
  expect(large).toBeLessThan(mostPerCharacter * 4000);
}

describe.each(Object.entries(finders))("%s", (name, finder) => {
  describe.each(Object.entries(texts))("in a text of %s", (kind, text) => {
    const form = kind.endsWith("JSON")
      ? answerForm({ responseFormat: { type: "json_object" }, tools: [{}] })
      : plainText;

    it("are found in linear time", () => expectLinear((length) => void finder.find(text(length))));

    it.each(["flag", "redact"] as const)("are let out in linear time, whole and in pieces: %s", (action) => {
      const binding = {
        name,
        stage: "output",
        timeoutMs: 1000,
        onFailure: "block",
        memory: new VerdictMemory(),
      } as const;
      const rules = Array.from({ length: 20 }, (_, i) => ({ threshold: i / 40, action }));
      const guard = bind(spanDetector("1", finder, copies[name]!), { ...binding, rules });
      for (const piece of [7, Number.POSITIVE_INFINITY]) {
        expectLinear((length) => {
          const [whole, filter] = [text(length), new TextFilter([guard], undefined, form)];
          for (let at = 0; at < whole.length; at += piece) filter.push(whole.slice(at, at + piece));
          filter.end();
          for (let at = 0; at < whole.length; at += 7) filter.wasCut(at, at + 7);
          redacted(whole, filter.verdicts()[0]!.verdict.findings, undefined, form);
        });
      }
    });
  });
});
