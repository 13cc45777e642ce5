/** Redactions in JSON: what leaves is JSON, satisfies the schema that was told, and is the same in any pieces. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSchema, satisfiesSchema } from "../core/grammar/index.js";
import { randomSchema } from "../core/grammar/schemas.testkit.js";
import { schemaGrammar, seededRandom, write } from "../core/grammar/toy.testkit.js";
import { answerForm } from "./answer-form.js";
import { bind } from "./bind.js";
import { type AnswerForm, redacted } from "./layout.js";
import { VerdictMemory } from "./memory.js";
import { type Redaction, redactedSchema } from "./redacted-schema.js";
import { TextFilter } from "./text-filter.js";
import type { Detector, Finding, Guard, Span } from "./verdict.js";

/** Finds these places, each as late as it may. */
function places(spans: readonly Span[], lag: number): Detector {
  const findings = spans.map((span): Finding => ({ category: "found", score: 1, reason: "", span }));
  return {
    ...{ version: "1", reads: ["text"], remembers: [], look: async () => findings },
    watch() {
      let [length, told] = [0, 0];
      const tell = (ready: number) => {
        const news = findings.filter(({ span }) => span!.start >= told && span!.start < ready);
        told = Math.max(told, ready);
        return { ready: told, findings: news };
      };
      return {
        push(chunk) {
          length += chunk.length;
          const open = spans.filter(({ end }) => end > length).map(({ start }) => start);
          return tell(Math.min(Math.max(told, length - lag), ...open));
        },
        end: () => tell(length).findings,
      };
    },
  };
}

function guardOf(spans: readonly Span[], redaction: Redaction, lag = 0): Guard {
  const rules = [{ threshold: 0, action: "redact" as const, ...redaction }];
  const memory = new VerdictMemory();
  return bind(places(spans, lag), { name: "g", stage: "output", rules, timeoutMs: 1000, onFailure: "block", memory });
}

function filtered(pieces: readonly string[], guards: readonly Guard[], form: AnswerForm): string {
  const filter = new TextFilter(guards, undefined, form);
  return pieces.map((piece) => filter.push(piece)).join("") + filter.end();
}

/** Where a word stands, each time. */
function spansOf(text: string, ...words: readonly string[]): Span[] {
  return words.flatMap((word) =>
    [...text.matchAll(new RegExp(word, "g"))].map(({ 0: { length }, index }) => ({
      start: index,
      end: index + length,
    })),
  );
}

const json = answerForm({ responseFormat: { type: "json_object" } });
const redaction = fc.record(
  {
    replacement: fc.constantFrom("[phone]", "", 'a "quote" \\ and\na line', "你好", "7"),
    jsonNumber: fc.constantFrom("null" as const, "string" as const),
  },
  { requiredKeys: [] },
);

/** A text cut at some places. */
function piecesOf(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return [...pieces, text.slice(at)];
}

/** Places that begin at a sign of a word or number; no character is cut in half, since no detector does. */
function spansAt(text: string, chosen: readonly (readonly [number, number])[]): Span[] {
  const starts = [...text.matchAll(/[^\s{}[\],:"\udc00-\udfff]/g)].map(({ index }) => index);
  const end = (at: number) => (/^[\udc00-\udfff]/.test(text.slice(at)) ? at + 1 : at);
  return chosen.flatMap(([which, length]) => {
    const start = starts[which % starts.length];
    return start === undefined ? [] : [{ start, end: end(Math.min(text.length, start + length)) }];
  });
}

const hits = fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 14 })), { maxLength: 5 });
const lengths = fc.array(fc.nat(9), { maxLength: 40 });

describe("a redaction in JSON", () => {
  it("leaves JSON that satisfies the schema that was told, the same in any pieces", () => {
    let numChanged = 0;
    const two = fc.tuple(fc.tuple(redaction, hits, fc.nat(12)), fc.tuple(redaction, hits, fc.nat(12)));
    fc.assert(
      fc.property(randomSchema, fc.nat(), two, lengths, (schema, seed, asked, cuts) => {
        const { text } = write(schemaGrammar(schema), { random: seededRandom(seed), numRandom: 40 });
        const form = answerForm({ responseFormat: { type: "json_schema", schema } });
        const guards = () => asked.map(([rule, at, lag]) => guardOf(spansAt(text, at), rule, lag));
        const whole = filtered([text], guards(), form);
        const told = redactedSchema(
          schema,
          asked.map(([rule]) => rule),
        );
        checkSchema(told);
        expect(satisfiesSchema(text, told), `${text} by ${JSON.stringify(told)}`).toBe(true);
        expect(satisfiesSchema(whole, told), `${text} → ${whole} by ${JSON.stringify(told)}`).toBe(true);
        expect(filtered(piecesOf(text, cuts), guards(), form)).toBe(whole);
        const findings = guards().flatMap((guard, i) => guard.judge(spansAt(text, asked[i]![1]).map(found)).findings);
        expect(redacted(text, findings, undefined, form)).toBe(whole);
        numChanged += whole === text ? 0 : 1;
      }),
      { numRuns: 100 },
    );
    expect(numChanged).toBeGreaterThan(30);
  });

  const numbers = { phone: 13812345678, n: 1 };
  const cut = (text: string, words: string[], rule: Redaction = {}, form = json) => {
    const guards = [guardOf(spansOf(text, ...words), rule)];
    const whole = filtered([text], guards, form);
    expect(filtered([...text], guards, form)).toBe(whole);
    return whole;
  };

  it.each<[string, string[], Redaction, string]>([
    ['{"phone":13812345678,"n":1}', ["13812345678"], {}, '{"phone":null,"n":1}'],
    ['{"phone":13812345678,"n":1}', ["13812345678"], { jsonNumber: "string" }, '{"phone":"***********","n":1}'],
    ["[-13812345678.5e3]", ["812"], { replacement: '"', jsonNumber: "string" }, '["\\""]'],
    ["[13812345678, 13912345678]", ["13[89]12345678"], {}, "[null, null]"],
    ["13812345678", ["345"], {}, "null"],
    ['{"a":"加","b":"微信"}', ['加","b":"微信'], { replacement: "…" }, '{"a":"…","…":"…"}'],
    ['{"a":"x\\n138\\u0034\\n"}', ["n138.u0034.n"], {}, '{"a":"x******"}'],
    ['{"a":"x\\u4f60y"}', ["u4f60y"], {}, '{"a":"x**"}'],
    ['{"13812345678":{"a":true}}', ["13812345678", "true"], { replacement: "#" }, '{"#":{"a":true}}'],
    ['"a"  13812345678', ["138"], { replacement: "#" }, '"a"  #12345678'],
    ["{12", ["12"], {}, "{null"],
    ['{"a":"12', ["12"], {}, '{"a":"**'],
    ["is 138", ["is 138"], { replacement: "#" }, "#"],
    ["true story", ["story"], { replacement: "#" }, "true #"],
    ["trust", ["trust"], { replacement: "#" }, "#"],
  ])("of %s at %s by %j is %s", (text, words, rule, expected) => {
    expect(cut(text, words, rule)).toBe(expected);
  });

  it("leaves the names that the request itself gives", () => {
    const schema = { type: "object", properties: { 13812345678: { type: "integer" } } };
    const form = answerForm({ responseFormat: { type: "json_schema", schema } });
    expect(cut('{"13812345678":13812345678}', ["13812345678"], {}, form)).toBe('{"13812345678":null}');
    const tools = [{ type: "function", function: { name: "call_138" } }];
    const call = '<tool_call>{"name":"call_138","arguments":{"138":"138"}}</tool_call>';
    const masked = '<tool_call>{"name":"call_138","arguments":{"***":"***"}}</tool_call>';
    expect(cut(call, ["138"], {}, answerForm({ tools }))).toBe(masked);
  });

  it("keeps tool calls whole among words, and tags where none can stand are words", () => {
    const call = `a 138<tool_call>\n{"name": "f", "arguments": ${JSON.stringify(numbers)}}\n</tool_call>138`;
    const masked = 'a #<tool_call>\n{"name": "f", "arguments": {"phone":null,"n":1}}\n</tool_call>#';
    const rule = { replacement: "#" };
    expect(cut(call, ["138"], rule, answerForm({ tools: [{}] }))).toBe(masked);
    expect(cut("8<tool_call>8", ["8<tool_call>8"], rule, answerForm({ tools: [{}] }))).toBe("#<tool_call>null");
    expect(cut("8<tool_call>8", ["8<tool_call>8"], rule, answerForm({}))).toBe("#");
    const either = answerForm({ tools: [{}], responseFormat: { type: "json_object" } });
    expect(cut(call.slice(5), ["138"], rule, either)).toBe(masked.slice(3));
  });
});

function found(span: Span): Finding {
  return { category: "found", score: 1, reason: "", span };
}
