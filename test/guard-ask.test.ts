import { describe, expect, it } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import type { LanguageModel } from "../src/core/runtime/index.js";
import { openAsk } from "../src/guardrails/detectors/ask.js";
import { ImageTexts } from "../src/guardrails/image-texts.js";
import { Guards } from "../src/guardrails/index.js";
import type { Subject } from "../src/guardrails/verdict.js";
import { temporaryFolder } from "./support/folders.js";
import { writePolicy } from "./support/guards.js";
import { scriptedModel } from "./support/scripted-model.js";

/** A model whose first token is one of these words, each with its probability. */
function modelThatThinks(words: Readonly<Record<string, number>>, asked: unknown[] = []): LanguageModel {
  const names = Object.keys(words);
  const topLogprobs = Object.values(words).map((share, tokenId) => ({ tokenId, logprob: Math.log(share) }));
  return {
    ...scriptedModel(),
    tokenizer: { decode: ([id]: number[]) => names[id!]! } as unknown as LanguageModel["tokenizer"],
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
const look = (model: LanguageModel | undefined) =>
  openAsk(config, { folder: ".", name: "weapons", model: () => model, imageTexts: new ImageTexts() }).look(
    words,
    new AbortController().signal,
  );

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
    await expect(look(modelThatThinks({ maybe: 0.97, yes: 0.02, no: 0.01 }))).rejects.toThrow(
      ocellusError("unsupported", { expected: ["yes", "no"] }),
    );
    await expect(look(undefined)).rejects.toThrow(ocellusError("not_found", { loaded: false }));
  });
});

describe("what a costly guard found, over a restart", () => {
  const folder = temporaryFolder();
  const memoryFolder = temporaryFolder();
  const guardsOf = { weapons: { type: "ask", reads: ["text"], questions: { violence: "Is a weapon shown?" } } };

  /** A start of the server with this policy and this model: the verdict, and how often the model was asked. */
  async function analysis(policy: object, model: LanguageModel, asked: unknown[], remembers = true) {
    asked.length = 0;
    const path = writePolicy(folder, { guards: guardsOf, ...policy });
    const guards = await Guards.open(path, remembers ? { memoryFolder } : {});
    guards.lend(() => model);
    const { verdict } = await guards.moderate(["a knife on a table"], new AbortController().signal);
    await guards.close();
    return { verdict, asked: asked.length };
  }

  it("is judged by the policy in force then: what was found is remembered, never what was done about it", async () => {
    const asked: unknown[] = [];
    const model = modelThatThinks({ yes: 0.7, no: 0.3 }, asked);
    expect(await analysis({}, model, asked)).toEqual({ verdict: "block", asked: 1 });
    expect(await analysis({}, model, asked)).toEqual({ verdict: "block", asked: 0 });
    expect(await analysis({ rules: [{ action: "flag" }] }, model, asked)).toEqual({ verdict: "flag", asked: 0 });
    const lenient = [{ action: "allow" }, { threshold: 0.71, action: "block" }];
    expect(await analysis({ rules: lenient }, model, asked)).toEqual({ verdict: "allow", asked: 0 });
    expect(await analysis({}, model, asked, false), "without a folder it is looked at again").toMatchObject({
      asked: 1,
    });
  });

  it("is looked at again by another model, another question or another guard", async () => {
    const asked: unknown[] = [];
    const model = modelThatThinks({ yes: 0.2, no: 0.8 }, asked);
    for (const change of [{ digest: "another" }, { weights: "int4" as const }])
      expect(await analysis({}, { ...model, info: { ...model.info, ...change } }, asked)).toEqual({
        verdict: "allow",
        asked: 1,
      });
    const questions = { violence: "Is a knife shown?" };
    const policies = [
      { guards: { weapons: { ...guardsOf.weapons, questions } } },
      { guards: { knives: guardsOf.weapons } },
    ];
    for (const policy of policies) expect(await analysis(policy, model, asked)).toEqual({ verdict: "allow", asked: 1 });
  });
});
