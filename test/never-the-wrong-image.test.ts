/**
 * Memory changes no answer: not of the bundled demo model, nor of small qwen3_vl, qwen3_5 and minicpmv4_6 models, whatever was asked before,
 * by whom, and in what company. Every question here has a twin that a careless key would take for it. The oracle is the same model without
 * a memory.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type ChatMessage,
  type ChatOptions,
  type ContentPart,
  image,
  loadModel,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny } from "./support/server.js";
import { noise, packSmallMiniCpm, packSmallQwen3Vl, packSmallQwen35 } from "./support/small-qwen3-vl.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const off = { memory: { encoderCacheBytes: 0, prefixCacheBytes: 0 } };
const picture = (name: string) => join(repository, "examples/pictures", name);
const question = (...content: (ContentPart | string)[]): ChatMessage[] => [{ role: "user", content }];

async function ask(model: VisionLanguageModel, messages: ChatMessage[], options: ChatOptions = {}) {
  const { tokens, usage, images } = await model.answer(messages, {
    maxTokens: 12,
    ...options,
    sampling: { temperature: 0, logprobs: true },
  });
  return {
    ids: tokens.map(({ tokenId }) => tokenId),
    logprobs: tokens.map(({ logprob }) => logprob!),
    usage,
    sources: images.map(({ source }) => source),
    digests: images.map(({ digest }) => digest),
  };
}

/** To the last bit, in every format: docs/decisions/0011-same-answer.md. */
function expectSame(actual: Awaited<ReturnType<typeof ask>>, expected: Awaited<ReturnType<typeof ask>>): void {
  expect(actual.ids).toEqual(expected.ids);
  expect(actual.digests).toEqual(expected.digests);
  expect(actual.logprobs).toEqual(expected.logprobs);
}

describe.each([
  ["the model in the box", "fp32"],
  ["the model in the box", "int8"],
  ["the model in the box", "int4"],
  ["a small qwen3_vl", "fp32"],
  ["a small qwen3_vl", "int8"],
  ["a small qwen3_vl", "int4"],
  ["a small qwen3_5", "fp32"],
  ["a small qwen3_5", "int4"],
  ["a small minicpmv4_6", "fp32"],
  ["a small minicpmv4_6", "int4"],
])("%s in %s", (name, weights) => {
  const isBox = name === "the model in the box";
  const isRecurrent = /qwen3_5|minicpm/.test(name); // a prompt resumes at snapshots only
  let model: VisionLanguageModel;
  let oracle: VisionLanguageModel;
  beforeAll(async () => {
    const packSmall = { "a small qwen3_5": packSmallQwen35, "a small minicpmv4_6": packSmallMiniCpm }[name];
    const packed = isBox ? undefined : await (packSmall ?? packSmallQwen3Vl)(temporaryFolder(), weights);
    const load = (options: object) =>
      packed
        ? loadModel(packed, { device: "cpu", threads: 1, maxLength: 512, ...options })
        : loadTiny({ weights: weights as "fp32", ...options });
    [model, oracle] = await Promise.all([load({}), load(off)]);
  });
  afterAll(() => Promise.all([model?.close(), oracle?.close()]));

  async function expectAsOracle(messages: ChatMessage[], options: ChatOptions = {}) {
    const found = await ask(model, messages, options);
    expectSame(found, await ask(oracle, messages, options));
    return found;
  }

  it("answers a hot picture from the kept prefix as it answered the cold one", async () => {
    const about = (text: string) => question("Here is a picture from a shop: ", image(noise(1)), text);
    const cold = await expectAsOracle(about("What is shown here, and in which colour is it?"));
    expect([cold.sources, cold.usage.cachedTokens]).toEqual([["encoded"], 0]);
    const hot = await expectAsOracle(about("What is shown here, and in which colour is it?"));
    expect(hot.usage.cachedTokens).toBe(hot.usage.promptTokens - 1);
    expect(hot.sources).toEqual(["prefix"]);
    const other = await expectAsOracle(about("How many are there?"));
    expect(other.usage.cachedTokens).toBeGreaterThan(0);
  });

  it("scores an answer about a picture in the kept prefix as if it saw the picture", async () => {
    const about = question(
      "Here is a picture from a shop: ",
      image(noise(1)),
      "What is shown here? Say it in one word.",
    );
    const { ids } = await ask(model, about);
    const prepared = await model.prepare(about);
    expect(prepared.images[0]!.source).toBe("prefix");
    const expected = oracle.score(await oracle.prepare(about), ids);
    for await (const logits of model.score(prepared, ids)) {
      const { value } = await expected.next();
      expect(logits).toEqual(value);
    }
  });

  it("keeps apart pictures of one size and token count, one pixel different, in one place of one prompt", async () => {
    const [one, two] = [noise(2), noise(2)];
    two.data[two.data.length >> 1]! ^= 128;
    await expectAsOracle(question(image(one), "What is it?"));
    const found = await expectAsOracle(question(image(two), "What is it?"));
    expect(found.sources).toEqual(["encoded"]);
  });

  it("keeps apart pictures whose pixels are the same bytes in rows of another length", async () => {
    const { data } = noise(8, 96, 384);
    for (const [width, height] of [
      [96, 384],
      [384, 96],
      [192, 192],
    ] as const) {
      const found = await expectAsOracle(question(image({ width, height, data }), "What is it?"));
      expect(found.sources).toEqual(["encoded"]);
    }
  });

  it("keeps apart files of one name and size that begin and end alike", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "same.bmp");
    for (const seed of [3, 4]) {
      const middle = noise(3, 900, 900); // 2.4 MB without compression: a megabyte at both ends is equal
      const other = noise(seed, 900, 100);
      middle.data.set(other.data, 900 * 3 * 400);
      writeFileSync(path, bmp(middle));
      const found = await expectAsOracle(question(image(path), "What is it?"));
      expect(found.sources).toEqual(["encoded"]);
      expect((await ask(model, question(image(path), "What is it?"))).sources).not.toEqual(["encoded"]);
    }
  });

  it("keeps apart two files with the same pixels that are turned by EXIF, and shows them upright", async () => {
    const raw = { raw: { width: 120, height: 90, channels: 3 as const } };
    const turned = (orientation: number) =>
      sharp(noise(5).data, raw).withMetadata({ orientation }).jpeg({ quality: 100 }).toBuffer();
    const digests = new Set<string>();
    for (const orientation of [1, 3, 6]) {
      const found = await expectAsOracle(question(image(await turned(orientation)), "What is it?"));
      expect(found.sources).toEqual(["encoded"]);
      digests.add(found.digests[0]!);
    }
    expect(digests.size).toBe(3);
  });

  it("takes animations for one picture exactly when their first frames are equal: it is all that the model sees", async () => {
    const frames = async (...seeds: number[]) => {
      const pixels = seeds.map((seed) => noise(seed, 64, 64).data);
      const raw = { width: 64, height: 64 * seeds.length, channels: 3 as const, pageHeight: 64 };
      const file = await sharp(Buffer.concat(pixels), { raw }).webp({ lossless: true }).toBuffer();
      expect((await sharp(file).metadata()).pages ?? 1).toBe(seeds.length);
      return expectAsOracle(question(image(file), "?"));
    };
    const single = await frames(6);
    const moving = await frames(6, 7);
    expect(single.sources).toEqual(["encoded"]);
    expect(moving.sources).not.toEqual(["encoded"]);
    expect(moving.digests).toEqual(single.digests);
    const reversed = await frames(7, 6);
    expect(reversed.sources).toEqual(["encoded"]);
    expect(reversed.digests).not.toEqual(moving.digests);
  });

  it("goes on in a chat without reading its history again, as if it had", async () => {
    const history = question(image(noise(8)), "Describe the picture in a sentence, please, and its colours.");
    const first = await expectAsOracle(history);
    const text = model.tokenizer.decode(first.ids, { skipSpecialTokens: true });
    const second = [
      ...history,
      { role: "assistant" as const, content: [text] },
      ...question("And", image(noise(9, 64, 64)), "?"),
    ];
    const found = await expectAsOracle(second);
    expect(found.sources).toEqual(["prefix", "encoded"]);
    expect(found.usage.cachedTokens).toBeGreaterThan(isRecurrent ? 0 : first.usage.promptTokens - 17);
    expectSame(await ask(model, second), found);
  });

  it("answers identical and nearly identical pictures at once, some of them aborted, each its own", async () => {
    const seeds = [10, 10, 11, 10, 12, 11, 12, 10, 11, 13];
    const shown = (seed: number) => question(image(noise(seed)), `Question ${seed % 2}: what is it?`);
    const expected = new Map<number, Awaited<ReturnType<typeof ask>>>();
    for (const seed of new Set(seeds)) expected.set(seed, await ask(oracle, shown(seed)));
    for (let round = 0; round < 2; round++) {
      const asked = seeds.map((seed, i) => {
        const signal = i % 3 === 2 ? AbortSignal.timeout(i) : undefined;
        return ask(model, shown(seed), signal ? { signal } : {});
      });
      for (const [i, result] of (await Promise.allSettled(asked)).entries()) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "aborted" });
        else expectSame(result.value, expected.get(seeds[i]!)!);
      }
    }
  });

  it("answers known questions at once, of pictures and lengths of all kinds, each as it is answered alone", async () => {
    const asked = [
      question(image(noise(20, 96, 384)), "What is shown here, and in which colour is it?"),
      question("Here are two pictures: ", image(noise(21)), image(noise(20)), "Which is which?"),
      question("No picture here. Which colour is it, then, and how many are there of it?"),
      question(image(noise(21)), "What is shown here, and in which colour is it?"),
      question(image(noise(20, 384, 96)), "What is shown here, and in which colour is it, and why?"),
    ];
    const expected: Awaited<ReturnType<typeof ask>>[] = [];
    for (const messages of asked) expected.push(await expectAsOracle(messages));
    const { steps } = model.stats;
    const found = await Promise.all([...asked, ...asked].map((messages) => ask(model, messages)));
    for (const [i, answer] of found.entries()) {
      expect(answer.usage.cachedTokens).toBe(answer.usage.promptTokens - 1);
      expectSame(answer, expected[i % asked.length]!);
    }
    expect(model.stats.steps - steps).toBeLessThan(found.length * 13); // 13 each, one after another; how many share a step is the scheduler's (engine tests)
  });

  it("sees a caller's array as it was when it was asked about", async () => {
    const bytes = await sharp(noise(14).data, { raw: { width: 120, height: 90, channels: 3 } })
      .png()
      .toBuffer();
    const next = await sharp(noise(15).data, { raw: { width: 120, height: 90, channels: 3 } })
      .png()
      .toBuffer();
    const expected = await ask(oracle, question(image(Uint8Array.from(bytes)), "?"));
    const shared = new Uint8Array(Math.max(bytes.length, next.length));
    shared.set(bytes);
    const asked = ask(model, question(image(shared), "?"));
    await Promise.resolve();
    shared.set(next);
    expectSame(await asked, expected);
    expectSame(await ask(model, question(image(Uint8Array.from(bytes)), "?")), expected);
  });

  it("sees a caller's pixels as they were when it was asked about, and knows them again as pixels only", async () => {
    const { width, height, data } = noise(16);
    const expected = await ask(oracle, question(image({ width, height, data: Uint8Array.from(data) }), "?"));
    const shared = Uint8Array.from(data);
    const before = [30, 31, 32, 33, 34, 35].map((seed) => ask(model, question(image(noise(seed)), "?"))); // it waits for a thread
    const asked = ask(model, question(image({ width, height, data: shared }), "?"));
    shared.set(noise(17).data);
    await Promise.all(before);
    expectSame(await asked, expected);
    const again = await ask(model, question(image({ width, height, data }), "?"));
    expectSame(again, expected);
    expect(again.sources).not.toEqual(["encoded"]);
    const next = await ask(model, question(image({ width, height, data: shared }), "?"));
    expect(next.sources).toEqual(["encoded"]);
  });
});

it("keeps apart resize settings that lead to other sizes, and two whose sizes are the same", async () => {
  const path = await packSmallQwen3Vl(temporaryFolder());
  const [model, oracle] = await Promise.all(
    [{}, off].map((options) => loadModel(path, { device: "cpu", threads: 1, maxLength: 512, ...options })),
  );
  const shown = question(
    image(
      await sharp(noise(1).data, { raw: { width: 120, height: 90, channels: 3 } })
        .png()
        .toBuffer(),
    ),
    "?",
  );
  for (const options of [{}, { maxPixels: 4096 }, { minPixels: 40_000, maxPixels: 50_000 }, {}, { maxPixels: 4096 }])
    expectSame(await ask(model!, shown, options), await ask(oracle!, shown, options));
  await Promise.all([model!.close(), oracle!.close()]);
});

it("keeps apart models, formats and preprocessing that share a folder on disk, and knows its own after a restart", async () => {
  const [folder, other] = [temporaryFolder(), join(temporaryFolder(), "other")];
  cpSync(join(repository, "checkpoints/ocellus-tiny"), other, { recursive: true });
  const shown = question(image(picture("dress.jpg")), "What colour is it?");
  const sourceIn = async (path: string, weights: "fp32" | "int4") => {
    const memory = { encoderCacheFolder: folder, prefixCacheBytes: 0 };
    const model = await loadModel(path, { weights, threads: 1, memory });
    const { sources } = await ask(model, shown);
    await model.close();
    return sources[0];
  };
  const box = join(repository, "checkpoints/ocellus-tiny");
  expect(await sourceIn(box, "fp32")).toBe("encoded");
  expect(await sourceIn(box, "fp32")).toBe("disk");
  expect(await sourceIn(box, "int4")).toBe("encoded");
  const rules = JSON.parse(readFileSync(join(other, "preprocessor_config.json"), "utf8"));
  writeFileSync(join(other, "preprocessor_config.json"), JSON.stringify({ ...rules, image_mean: [0.4, 0.5, 0.5] }));
  expect(await sourceIn(other, "fp32")).toBe("encoded");
});

/** 24-bit BMP: pixels as they are, bottom row first, in blue, green, red. */
function bmp({ width, height, data }: ReturnType<typeof noise>): Buffer {
  const head = Buffer.alloc(54);
  head.write("BM");
  head.writeUInt32LE(54 + data.length, 2);
  head.writeUInt32LE(54, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(-height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  return Buffer.concat([head, data]);
}
