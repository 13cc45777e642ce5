import { describe, expect, it } from "vitest";
import { openAsk } from "../src/guard/detectors/ask.js";
import type { AnsweringModel } from "../src/guard/door.js";
import type { Subject } from "../src/guard/verdict.js";
import { scriptedModel } from "./support/scripted-model.js";

/** A model whose first token is one of these words, each with its probability. */
function modelThatThinks(words: Readonly<Record<string, number>>, asked: unknown[] = []): AnsweringModel {
  const names = Object.keys(words);
  const topLogprobs = Object.values(words).map((share, tokenId) => ({ tokenId, logprob: Math.log(share) }));
  return {
    ...scriptedModel(),
    tokenizer: { decode: ([id]: number[]) => names[id!]! } as unknown as AnsweringModel["tokenizer"],
    prepare: async (messages) => {
      asked.push(messages.at(-1)!.content);
      return {} as never;
    },
    async *generate() {
      yield { type: "text", text: "", tokens: [{ tokenId: 0, logprob: topLogprobs[0]!.logprob, topLogprobs }] };
    },
  };
}

const words: Subject = { kind: "text", text: "a knife on a table" };
const config = { type: "ask", reads: ["text"], questions: { violence: "Is a weapon shown?" } } as never;
const look = (model: AnsweringModel | undefined) =>
  openAsk(config, { folder: ".", name: "weapons", model: () => model }).look(words, new AbortController().signal);

describe("the guard that asks a model", () => {
  it("takes how likely yes is beside no, in both languages and any case, not what is written", async () => {
    const asked: unknown[] = [];
    const [finding] = await look(modelThatThinks({ No: 0.3, " yes": 0.2, 是: 0.1, 不: 0.1, maybe: 0.3 }, asked));
    expect(finding!.category).toBe("violence");
    expect(finding!.score).toBeCloseTo(0.3 / 0.7, 6);
    expect(JSON.stringify(asked)).toContain("Is a weapon shown? Answer yes or no.");
    expect(JSON.stringify(asked)).toContain("a knife on a table");
  });

  it("says so when the model had neither in mind, and when there is no model: a guard that errs", async () => {
    await expect(look(modelThatThinks({ maybe: 0.97, yes: 0.02, no: 0.01 }))).rejects.toThrow(/had neither in mind/);
    await expect(look(undefined)).rejects.toThrow(/is not loaded/);
  });
});
