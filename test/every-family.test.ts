/**
 * What every family has by its contract alone, on small whole checkpoints: packed models of 8 and 4 bits near fp32, the quantization
 * report, traces, both caches, and answers in company. No family is named here but in the table of divergences.
 *
 * Divergence: the mean over the tokens of fp32's own answers, as `ocellus inspect quant-report` measures it. The bounds are
 * twice the largest measured, rounded up (2-core x86-64, 2026-11; docs/benchmarks.md): random weights of 32 to 64 columns are
 * harder to quantise than trained ones.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { type AnyFamily, families, familyOf, type LanguageFamily } from "../src/core/models/index.js";
import {
  type ChatResult,
  type ContentPart,
  cosine,
  type LocalToken,
  loadClassifier,
  loadDualEncoder,
  loadModel,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { reportDivergence, reportErrors } from "../src/inspect/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { noise } from "./support/small-qwen3-vl.js";
import { type GoldenChat, goldenChats, messagesOf, wholeFamilies, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

/** Layers whose state goes from token to token lose more: docs/models/qwen3_5.md. */
const bounds = { kv: { int8: 0.006, "int4-b32": 0.4 }, recurrent: { int8: 0.6, "int4-b32": 4 } };
const greedy = { maxTokens: 12, sampling: { temperature: 0 } };
const idsOf = ({ tokens }: ChatResult<LocalToken>) => tokens.map(({ tokenId }) => tokenId);

async function readFamily(folder: string) {
  const checkpoint = await openCheckpoint(folder);
  const json = await checkpoint.readJson("config.json").finally(() => checkpoint.close());
  const family = familyOf(json) as LanguageFamily;
  return { ...family, config: family.parseConfig(json) as unknown };
}

describe.each(wholeFamilies)("%s", (family) => {
  const folder = wholeFolder(family);
  const chats = goldenChats(family);
  let model: VisionLanguageModel;
  let uncached: VisionLanguageModel;
  let alone: number[][];
  const ask = async (asked: VisionLanguageModel, chat: GoldenChat) =>
    idsOf(await asked.answer(messagesOf(chat), greedy));

  beforeAll(async () => {
    const memory = { prefixCacheBytes: 0, encoderCacheBytes: 0 };
    uncached = await loadModel(folder, { weights: "fp32", threads: 1, memory });
    alone = [];
    for (const chat of chats) alone.push(await ask(uncached, chat));
    model = await loadModel(folder, { weights: "fp32", threads: 1 });
  });
  afterAll(() => Promise.all([model?.close(), uncached?.close()]));

  it("answers in company as alone", async () => {
    expect(await Promise.all(chats.map((chat) => ask(uncached, chat)))).toEqual(alone);
  });

  it("answers from the caches of prompts and images as without them", async () => {
    for (const [i, chat] of chats.entries()) {
      expect(await ask(model, chat)).toEqual(alone[i]);
      const again = await model.answer(messagesOf(chat), greedy);
      expect(idsOf(again)).toEqual(alone[i]);
      if (chat.sizes.length > 0) expect(again.usage.cachedTokens, chat.name).toBeGreaterThan(0);
    }
  });

  it("answers another question about images that it has seen as one that has not", async () => {
    const [first] = messagesOf(chats[0]!);
    const parts = (first!.content as ContentPart[]).filter(({ type }) => type === "image");
    const other = [{ role: "user" as const, content: [...parts, "Is it a cat or a dog?"] }];
    const expected = idsOf(await uncached.answer(other, greedy));
    expect(idsOf(await model.answer(other, greedy))).toEqual(expected);
  });

  it("gives traces whose tokens are the answer's, with each image", async () => {
    const chat = chats[0]!;
    const trace = await model.trace(messagesOf(chat), greedy);
    expect(trace.tokens.map(({ tokenId }) => tokenId)).toEqual(alone[0]);
    for (const { probability } of trace.tokens) expect(probability).toBeGreaterThan(0);
    expect(trace.images).toHaveLength(chat.sizes.length);
    const { image, config } = await readFamily(folder);
    const numLayers = image?.queryAttention?.(config).length ?? 0;
    for (const { attention, numTokens } of trace.images) {
      expect(attention).toHaveLength(numLayers);
      expect(numTokens).toBeGreaterThan(0);
    }
  });

  it("is reported on by quant-report, and its packed models of 8 and 4 bits stay near fp32", async () => {
    const { tensors, layers } = await reportErrors(folder, {});
    expect(layers.length).toBeGreaterThan(0);
    for (const { relative } of tensors)
      expect(Object.values(relative).every((error) => error >= 0 && error < 1)).toBe(true);
    const formats = ["int8", "int4-b32"] as const;
    const { states, config } = await readFamily(folder);
    const kind = states(config).some((state) => state.kind === "recurrent") ? "recurrent" : "kv";
    const found = await reportDivergence(folder, chats.map(messagesOf), { formats });
    for (const { format, kl, numTokens } of found) {
      expect(numTokens).toBeGreaterThan(0);
      expect(kl).toBeGreaterThan(0);
      expect(kl, format).toBeLessThan(bounds[kind][format as "int8" | "int4-b32"]);
    }
  });
});

/** Checkpoints of test/golden with all that an encoder is opened with. */
function encoderCases(kind: AnyFamily["kind"]): [string, string][] {
  return families
    .filter((family) => family.kind === kind)
    .flatMap(({ modelType }) => {
      const folder = join(repository, "test/golden", modelType);
      const cases = readdirSync(folder).filter((name) => existsSync(join(folder, name, "preprocessor_config.json")));
      return cases.map((name): [string, string] => [modelType, join(folder, name)]);
    });
}

describe.each(encoderCases("dual_encoder"))("%s", (_, folder) => {
  const vectors = async (weights: "fp32" | "int8" | "int4") => {
    const model = await loadDualEncoder(folder, { weights, threads: 1 });
    const [ofImage, ofText] = [await model.embedImage(noise(1)), await model.embedText("a b")];
    await model.close();
    return { ofImage, ofText };
  };

  it("gives embeddings of 8 and 4 bits near those of fp32", async () => {
    const exact = await vectors("fp32");
    for (const weights of ["int8", "int4"] as const) {
      const packed = await vectors(weights);
      expect(cosine(packed.ofImage, exact.ofImage)).toBeGreaterThan(0.999);
      expect(cosine(packed.ofText, exact.ofText)).toBeGreaterThan(0.999);
    }
  });
});

describe.each(encoderCases("classifier"))("%s", (_, folder) => {
  const probabilities = async (weights: "fp32" | "int8" | "int4") => {
    const model = await loadClassifier(folder, { weights, threads: 1 });
    const found = await model.classify(noise(1));
    await model.close();
    return found.map(({ probability }) => probability);
  };

  it("gives probabilities of 8 and 4 bits near those of fp32", async () => {
    const exact = await probabilities("fp32");
    for (const weights of ["int8", "int4"] as const) {
      const packed = await probabilities(weights);
      expect(exact.reduce((sum, p, i) => sum + p * Math.log(p / packed[i]!), 0)).toBeLessThan(1e-3);
    }
  });
});
