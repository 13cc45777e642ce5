/** Values that the model does not read and the caller gets back: through an evaluation and an answer, under any cutting. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import type { ChatEvent, Prepared } from "../core/runtime/index.js";
import { guardedAnswer } from "./answer.js";
import type { AuditLog } from "./audit.js";
import { bind } from "./bind.js";
import { openPersonalData } from "./detectors/personal-data.js";
import { Evaluation } from "./evaluation.js";
import { literal, piecesOf } from "./literal.testkit.js";
import { VerdictMemory } from "./memory.js";
import { parsePolicy, type Rule } from "./policy.js";
import { Pseudonyms } from "./pseudonyms.js";
import { mergedCuts, withoutCuts } from "./redact.js";
import type { Detector, Stage } from "./verdict.js";

const personal = openPersonalData({ type: "personal-data", timeoutMs: 1000, weak: false, patterns: {} });
const hiding: Rule[] = [{ category: "personal_data", threshold: 0, action: "redact", pseudonym: true }];
const signal = new AbortController().signal;

function guardOf(detector: Detector, stage: Stage, rules: readonly Rule[] = hiding) {
  return bind(detector, {
    ...{ name: `${stage} guard`, stage, rules, timeoutMs: 1000, onFailure: "block" },
    memory: new VerdictMemory(),
  });
}

function passageOf(
  caller = "alice",
  opening: readonly string[] = ["hi"],
  more: readonly ReturnType<typeof bind>[] = [],
) {
  const lines: unknown[] = [];
  const evaluation = new Evaluation({
    ...{ asked: { key: caller, route: "r", request: "1", reports: [] }, model: "m", policyVersion: "1" },
    guards: [guardOf(personal, "input"), guardOf(personal, "output"), ...more],
    audit: { append: async (line: unknown) => lines.push(line) } as unknown as AuditLog,
    ...{ keepsTexts: true, onCheck: () => {}, pseudonyms: new Pseudonyms(caller, opening) },
  });
  return { evaluation, lines };
}

/** What leaves when the model writes these pieces, a token each. */
async function answered(evaluation: Evaluation, pieces: readonly string[]) {
  const end = { type: "end", finishReason: "stop" } as ChatEvent;
  async function* events(): AsyncGenerator<ChatEvent> {
    for (const [i, text] of pieces.entries()) yield { type: "text", text, tokens: [{ tokenId: i, logprob: -1 }] };
    yield end;
  }
  const context = { evaluation, prepared: { options: {} } as Prepared };
  let text = "";
  const tokens: number[] = [];
  for await (const event of guardedAnswer(events(), context)) {
    if (event.type !== "text") continue;
    text += event.text;
    tokens.push(...event.tokens.map(({ tokenId }) => tokenId!));
  }
  return { text, tokens };
}

const phone = "13812345678";
const values = [phone, "138 1234 5679", "bo@example.com", "110101199003077512", "4111 1111 1111 1111 12/27"];
const filling = fc.constantFrom("a", " ", "。", "[", "]", "[phone_", "[phone_00000000]", "😀", "\n", '"', "{");
const written = fc.array(fc.oneof(filling, fc.constantFrom(...values.map((value) => `, ${value}, `))), {
  maxLength: 12,
});

describe("a pseudonym", () => {
  it("hides its value from the model, and gives it back under any cutting", async () => {
    await fc.assert(
      fc.asyncProperty(written, fc.array(fc.nat(9), { maxLength: 40 }), async (parts, lengths) => {
        const text = parts.join("");
        const { evaluation, lines } = passageOf();
        const shown = await evaluation.text(text, signal);
        await evaluation.record("input");
        for (const value of values) expect(shown).not.toContain(value);
        expect(await answered(evaluation, piecesOf(shown, lengths))).toMatchObject({ text });
        const log = JSON.stringify(lines);
        for (const value of values) expect(log).not.toContain(value);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves with the tokens around it, and none of its own", async () => {
    const { evaluation } = passageOf();
    const shown = await evaluation.text(phone, signal);
    const pieces = ["Call ", shown.slice(0, 4), shown.slice(4), " now", "."];
    expect(await answered(evaluation, pieces)).toEqual({ text: `Call ${phone} now.`, tokens: [0, 3, 4] });
  });

  it("is the same for a value within a conversation, and no other conversation's or caller's", async () => {
    const shownTo = (caller: string, opening: readonly string[], text = phone) =>
      passageOf(caller, opening).evaluation.text(text, signal);
    const first = await shownTo("alice", ["hi"]);
    expect(first).toMatch(/^\[phone_[0-9a-f]{8}\]$/);
    expect(await shownTo("alice", ["hi"], `${phone}, ${phone}`)).toBe(`${first}, ${first}`);
    const others = [await shownTo("alice", ["ho"]), await shownTo("bob", ["hi"])];
    expect(new Set([first, ...others]).size).toBe(3);
  });

  it("of another caller, conversation or hand stays as it is", async () => {
    const own = passageOf();
    await own.evaluation.text(phone, signal);
    const foreign = await passageOf("bob").evaluation.text("13912345678", signal);
    for (const text of [foreign, "[phone_00000000]", "[phone_"])
      expect((await answered(own.evaluation, [text])).text).toBe(text);
  });

  it("means the same in JSON with escapes, and is put back unescaped only where that is valid", async () => {
    const { evaluation } = passageOf();
    const plain = await evaluation.text("姓名：张三丰", signal);
    const escaped = await evaluation.text('{"a":"\\u59d3\\u540d\\uff1a\\u5f20\\u4e09\\u4e30"}', signal);
    const [pseudonym] = plain.match(/\[name_\w+\]/)!;
    expect(escaped).toContain(pseudonym);
    expect((await answered(evaluation, [`{"name":"${pseudonym}"}`])).text).toBe('{"name":"张三丰"}');
    const quoting = new Pseudonyms("alice", []);
    quoting.hide("c", 'say "x"');
    const { findings } = await quoting.restoring()!.check({ kind: "text", text: quoting.name("c", 'say "x"') }, signal);
    expect(findings).toEqual([]);
  });

  it("stays in the answer where the prompt had no such value", async () => {
    const { evaluation } = passageOf();
    await evaluation.text(phone, signal);
    const { text } = await answered(evaluation, ["Try 139", "12345678."]);
    expect(text).toMatch(/^Try \[phone_[0-9a-f]{8}\]\.$/);
    expect((await answered(evaluation, [`It is ${phone}.`])).text).toMatch(/^It is \[phone_/);
  });

  it("is what guards of the answer see, streamed or whole; what they cut out does not come back", async () => {
    for (const isWhole of [false, true]) {
      const seen: string[] = [];
      const words = literal({ secret: "cut" });
      const { watch, ...rest } = words;
      const look: Detector["look"] = (subject, given) => {
        if (subject.kind === "text") seen.push(subject.text);
        return words.look(subject, given);
      };
      const detector: Detector = isWhole ? { ...rest, look } : words;
      const guard = guardOf(detector, "output", [{ threshold: 0, action: "redact" }]);
      const { evaluation, lines } = passageOf("alice", ["hi"], [guard]);
      const shown = await evaluation.text(phone, signal);
      const { text } = await answered(evaluation, [`A secret ${shown}`, " and secret"]);
      expect(text).toBe(`A ****** ${phone} and ******`);
      expect(seen).toEqual(isWhole ? [`A secret ${shown} and secret`] : []);
      expect(JSON.stringify(lines.at(-1))).toContain(`A ****** ${shown} and ******`);
      expect(JSON.stringify(lines)).not.toContain(phone);
    }
  });

  it("is a kind alone where no answer follows, and no personal data itself", async () => {
    const { evaluation } = passageOf();
    const kept = new Evaluation({
      ...{ asked: { key: "a", route: "r", request: "1", reports: [] }, model: "m", policyVersion: "1" },
      ...{ guards: evaluation.guards("input", "text"), audit: undefined, keepsTexts: false, onCheck: () => {} },
    });
    expect(await kept.text(`a ${phone}`, signal)).toBe("a [phone]");
    const names = Array.from({ length: 2000 }, (_, i) =>
      new Pseudonyms(String(i), []).name("personal_data/phone", phone),
    );
    expect(await personal.look({ kind: "text", text: names.join(" ") }, signal)).toEqual([]);
  });
});

describe("cuts that overlap", () => {
  it("give nothing back of what was cut out for good", () => {
    const pseudonymOf = (text: string) => `<${text}>`;
    const cut = (start: number, end: number, more = {}) => ({ start, end, ...more });
    const done = (...cuts: Parameters<typeof mergedCuts>[0]) => withoutCuts("abcdefgh", mergedCuts(cuts));
    expect(done(cut(0, 4, { pseudonymOf }), cut(2, 6, { pseudonymOf }))).toBe("<abcdef>gh");
    expect(done(cut(0, 4, { pseudonymOf }), cut(2, 6, { replacement: "#" }))).toBe("#gh");
    expect(done(cut(0, 4, { replacement: "value", isRestored: true }), cut(2, 6, { pseudonymOf }))).toBe("<abcdef>gh");
  });
});

describe("a rule with a pseudonym", () => {
  it.each([
    ['{"guards": {}, "rules": [\n{"action": "flag",\n"pseudonym": true}]}', { line: 3, field: "rules.0.pseudonym" }],
    [
      '{"guards": {}, "rules": [\n{"action": "redact", "pseudonym": true,\n"replacement": "x"}]}',
      { line: 3, field: "rules.0.replacement" },
    ],
  ])("that has no effect is refused with its line: %s", (text, place) => {
    expect(() => parsePolicy(text, "p.json")).toThrow(ocellusError("invalid_config", { path: "p.json", ...place }));
  });
});
