/** Thoughts on their way out: nothing of them leaves that the answer's guards would stop, whether they watch or see a whole. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatEvent, Prepared } from "../core/runtime/index.js";
import { guardedAnswer } from "./answer.js";
import type { AuditLog } from "./audit.js";
import { bind } from "./bind.js";
import { Evaluation } from "./evaluation.js";
import { literal, piecesOf } from "./literal.testkit.js";
import { VerdictMemory } from "./memory.js";
import type { Rule } from "./policy.js";
import type { Detector } from "./verdict.js";

const rules: Rule[] = [
  { category: "block", threshold: 0, action: "block" },
  { category: "mask", threshold: 0, action: "redact", replacement: "#" },
];
const watching = literal({ bad: "block", aba: "mask" });
const { watch: _, ...whole } = watching;
const end = { type: "end", finishReason: "stop" } as ChatEvent;

async function guarded(detector: Detector, thoughts: readonly string[], words: readonly string[]) {
  const lines: { answer?: { text?: string } }[] = [];
  const guard = bind(detector, {
    ...{ name: "g", stage: "output", rules, timeoutMs: 1000, onFailure: "block" },
    memory: new VerdictMemory(),
  });
  const evaluation = new Evaluation({
    ...{ asked: { key: "a", route: "r", request: "1", reports: [] }, model: "m", policyVersion: "1" },
    ...{ guards: [guard], keepsTexts: true, onCheck: () => {} },
    audit: { append: async (line: never) => lines.push(line) } as unknown as AuditLog,
  });
  async function* events(): AsyncGenerator<ChatEvent> {
    for (const text of thoughts) yield { type: "reasoning", text, tokens: [] };
    for (const text of words) yield { type: "text", text, tokens: [] };
    yield end;
  }
  const prepared = { options: {}, promptIds: [], images: [], started: 0, visionMs: 0 } as unknown as Prepared;
  const left = { reasoning: "", text: "" };
  let finishReason: string | undefined;
  for await (const event of guardedAnswer(events(), { evaluation, prepared }))
    if (event.type === "end") finishReason = event.finishReason;
    else left[event.type] += event.text;
  return { ...left, finishReason, log: lines.map(({ answer }) => answer?.text).join() };
}

const texts = fc
  .array(fc.constantFrom("a", "b", "d", " ", "aba", "bad"), { maxLength: 6 })
  .map((parts) => parts.join(""));

describe.each<[string, Detector]>([
  ["watch", watching],
  ["see a whole", whole],
])("thoughts and answers behind guards that %s", (_, detector) => {
  it("leave with nothing that is blocked, and without what is cut out", async () => {
    const cuts = fc.array(fc.nat(3), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(texts, texts, cuts, async (thought, answer, lengths) => {
        const out = await guarded(detector, piecesOf(thought, lengths), piecesOf(answer, lengths));
        for (const part of [out.reasoning, out.text, out.log]) expect(part).not.toMatch(/bad|aba/);
        const isBlocked = thought.includes("bad") || answer.includes("bad");
        expect(out.finishReason).toBe(isBlocked ? "content_filter" : "stop");
        if (thought.includes("bad")) expect(out.text).toBe(""); // the answer is never begun
        if (!/bad|aba/.test(thought)) expect(out.reasoning).toBe(thought);
        if (!/bad|aba/.test(`${thought} ${answer}`)) expect(out.text).toBe(answer);
      }),
      { seed: 43, numRuns: 300 },
    );
  });
});
