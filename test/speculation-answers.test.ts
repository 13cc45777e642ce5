/**
 * Whole models answer alike with speculation and without: the bundled demo model about images, freely, by a schema and by a seed,
 * alone and together, on the caller's thread and on graph threads; and a checkpoint of every text decoder's shape that is there.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import {
  type ChatOptions,
  type ChatResult,
  image,
  type LoadOptions,
  loadModel,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { repository } from "./support/folders.js";

const schema = {
  type: "object",
  properties: {
    class: { enum: ["dress", "shirt", "bag", "boots"] },
    colour_of_the_item: { enum: ["red", "green", "blue", "红色"] },
    is_patterned: { type: "boolean" },
  },
  required: ["class", "colour_of_the_item", "is_patterned"],
  additionalProperties: false,
};
const responseFormat = { type: "json_schema", schema, name: "item" } as const;
const sampling = { temperature: 1.3, seed: 4, logprobs: true, top_logprobs: 2 };
const ways: readonly ChatOptions[] = [
  { sampling: { logprobs: true } },
  { responseFormat },
  { responseFormat, sampling },
  { sampling, maxTokens: 9 },
  { responseFormat: { type: "json_object" }, maxTokens: 30, stop: ":" },
];

/** What an answer is, without how long it took and who encoded the image. */
const answerOf = ({ text, tokens, finishReason, usage }: ChatResult) => ({ text, tokens, finishReason, usage });

function ask(model: VisionLanguageModel, picture: string, options: ChatOptions): Promise<ChatResult> {
  const content = [image(join(repository, "examples/pictures", picture)), "What is this, and what colour is it?"];
  return model.answer([{ role: "user", content }], options);
}

describe.each([
  ["fp32", {}],
  ["int4", { graphThreads: true }],
] as const)("the bundled demo model in %s", (weights, threading) => {
  let plain: VisionLanguageModel;
  let speculating: VisionLanguageModel;
  beforeAll(async () => {
    const folder = join(repository, "checkpoints/ocellus-tiny");
    const memory = { prefixCacheBytes: 0 }; // cached tokens are part of the usage
    const options: LoadOptions = { weights, device: "cpu", memory, ...threading };
    plain = await loadModel(folder, { ...options, speculation: "off" });
    speculating = await loadModel(folder, options);
  });
  afterAll(() => Promise.all([plain.close(), speculating.close()]));

  it("gives the same answers, alone and together, and forced tokens in fewer steps", async () => {
    expect([plain.info.speculates, speculating.info.speculates]).toEqual([false, true]);
    for (const picture of ["dress.jpg", "boots.jpg"]) {
      const together = await Promise.all(ways.map((options) => ask(speculating, picture, options)));
      for (const [i, options] of ways.entries()) {
        const expected = answerOf(await ask(plain, picture, options));
        expect(answerOf(await ask(speculating, picture, options))).toEqual(expected);
        expect(answerOf(together[i]!)).toEqual(expected);
      }
    }
    const { generatedTokens, steps, acceptedTokens, forcedTokens } = speculating.stats;
    expect(acceptedTokens + forcedTokens).toBeGreaterThan(20);
    expect(steps).toBeLessThan(generatedTokens);
    expect(plain.stats).toMatchObject({ draftedTokens: 0, forcedTokens: 0 });
  });

  it("says of each traced token how it came", async () => {
    const content = [image(join(repository, "examples/pictures/dress.jpg")), "What is this?"];
    const { tokens } = await speculating.trace([{ role: "user", content }], { responseFormat });
    expect(tokens.filter(({ source }) => source !== undefined).length).toBeGreaterThan(5);
    expect(tokens.every(({ probability }) => probability > 0)).toBe(true);
  });
});

describe.each(["llama", "qwen3", "qwen3_vl", "qwen2_5_vl"])("a checkpoint of %s", (modelType) => {
  it("continues a text alike", async () => {
    const folder = join(repository, "test/golden/whole", modelType);
    const options = { weights: "int4", device: "cpu" } as const;
    const [plain, speculating] = [
      await loadModel(folder, { ...options, speculation: "off" }),
      await loadModel(folder, options),
    ];
    try {
      const ids = Array.from({ length: 40 }, (_, i) => 3 + (i % 9));
      for (const given of [{}, { temperature: 0.4, seed: 3 }]) {
        const prepared = { maxTokens: 60, sampling: { ...given, logprobs: true } };
        const [expected, found] = [await continued(plain, ids, prepared), await continued(speculating, ids, prepared)];
        expect(found).toEqual(expected);
      }
      expect(speculating.stats.draftedTokens).toBeGreaterThan(0);
    } finally {
      await Promise.all([plain.close(), speculating.close()]);
    }
  });
});

describe("a draft model", () => {
  const whole = (modelType: string) => join(repository, "test/golden/whole", modelType);

  it.each([{ graphThreads: false }, { graphThreads: true }])("changes no answer: %o", async (threading) => {
    const tiny = join(repository, "checkpoints/ocellus-tiny");
    const options: LoadOptions = { weights: "fp32", device: "cpu", memory: { prefixCacheBytes: 0 }, ...threading };
    const plain = await loadModel(tiny, { ...options, speculation: "off" });
    const drafted = await loadModel(tiny, { ...options, draftModel: whole("llama") }).catch((error: unknown) => error);
    expect(drafted).toEqual(ocellusError("invalid_config", { token: expect.any(Number), draftModel: whole("llama") }));
    const speculating = await loadModel(tiny, { ...options, draftModel: tiny });
    try {
      const free = ways.filter(({ responseFormat: bound }) => bound === undefined);
      const pictures = ["dress.jpg", "boots.jpg", "shirt.png"];
      const asked = pictures.flatMap((picture) => free.map((way) => [picture, way] as const));
      const together = await Promise.all(asked.map(([picture, way]) => ask(speculating, picture, way)));
      for (const [i, [picture, way]] of asked.entries()) {
        const expected = answerOf(await ask(plain, picture, way));
        expect(answerOf(await ask(speculating, picture, way))).toEqual(expected);
        expect(answerOf(together[i]!)).toEqual(expected);
      }
      expect(speculating.stats.draftedTokens).toBeGreaterThan(0); // how many more is decided by time
    } finally {
      await Promise.all([plain.close(), speculating.close()]);
    }
  });

  it("changes none of a checkpoint's, however long the prompt", async () => {
    const options = { weights: "int4", device: "cpu" } as const;
    const plain = await loadModel(whole("qwen3"), { ...options, speculation: "off" });
    const speculating = await loadModel(whole("qwen3"), { ...options, draftModel: whole("qwen3") });
    try {
      for (const length of [1, 40, 300]) {
        const ids = Array.from({ length }, (_, i) => 3 + ((i * i * 7 + i) % 90));
        for (const sampling of [{ logprobs: true }, { logprobs: true, temperature: 0.5, seed: 8 }]) {
          const expected = await continued(plain, ids, { maxTokens: 40, sampling });
          expect(await continued(speculating, ids, { maxTokens: 40, sampling })).toEqual(expected);
        }
      }
    } finally {
      await Promise.all([plain.close(), speculating.close()]);
    }
  });

  it("is refused where it could not be used: no speculation, or layers with states", async () => {
    const refused = (modelType: string, options: LoadOptions) =>
      loadModel(whole(modelType), { weights: "fp32", device: "cpu", ...options });
    const unused = ocellusError("unsupported", { option: "draftModel" });
    await expect(refused("qwen3", { draftModel: whole("qwen3"), speculation: "off" })).rejects.toEqual(unused);
    await expect(refused("qwen3_5_text", { draftModel: whole("qwen3_5_text") })).rejects.toEqual(unused);
  });
});

async function continued(model: VisionLanguageModel, ids: readonly number[], options: ChatOptions) {
  const tokens: unknown[] = [];
  for await (const event of model.generate(await model.prepareText(ids, options)))
    if (event.type === "text") tokens.push(...event.tokens);
  return tokens;
}
