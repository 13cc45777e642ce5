import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { type Answering, answerGreedily, askAll, messagesOf } from "./ask.js";
import type { EvalCase } from "./eval-set.js";

const question = (text: string): EvalCase => ({
  ...{ kind: "class", scene: "", language: "en", accept: [], reviewed: true, origin: `set.jsonl:${text}` },
  ...{ image: "a.png", more: ["b.png"], question: text, answer: "Red" },
});

describe("labelled questions", () => {
  it("are graded in their order; an answer that failed is wrong, whatever it says", async () => {
    const answers: Record<string, { text: string; failure?: string }> = {
      a: { text: "red." },
      b: { text: "blue" },
      c: { text: "red", failure: "a guard has ended it" },
    };
    const seen: [string, number][] = [];
    const onAnswer = (graded: { case: EvalCase }, done: number) => void seen.push([graded.case.question, done]);
    const ask = async ({ question }: EvalCase) => answers[question]!;
    const graded = await askAll(["a", "b", "c"].map(question), ask, { parallel: 1, onAnswer });
    expect(graded.map(({ correct }) => correct)).toEqual([true, false, false]);
    expect(seen).toEqual(["a", "b", "c"].map((name, i) => [name, i + 1]));
  });

  it("are asked no more when they are stopped, and an answer cut short is none", async () => {
    const controller = new AbortController();
    const asked: string[] = [];
    const ask = async (found: EvalCase) => {
      asked.push(found.question);
      controller.abort();
      return { text: "red" };
    };
    const { signal } = controller;
    const onAnswer = () => expect.unreachable();
    const run = askAll(["a", "b"].map(question), ask, { parallel: 1, signal, onAnswer });
    await expect(run).rejects.toThrow(ocellusError("aborted"));
    expect(asked).toEqual(["a"]);
  });

  it("are put to a model with all their images, greedily", async () => {
    const calls: unknown[] = [];
    const model: Answering = {
      prepare: async (messages, options) => {
        calls.push([messages, options]);
        return {} as never;
      },
      async *generate() {
        yield { type: "text", text: "Red", tokens: [] };
        yield { type: "end", finishReason: "stop" } as never;
      },
    };
    const messages = messagesOf(question("Which colour?"));
    expect(await answerGreedily(model, messages, { maxTokens: 3 })).toMatchObject({ text: "Red" });
    expect(calls).toEqual([[messages, { maxTokens: 3, sampling: { temperature: 0 } }]]);
    expect(messages[0]!.content).toHaveLength(3);
  });
});
