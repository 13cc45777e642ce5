/**
 * Where tokens look: the decoder's attention against PyTorch (test/golden/qwen3_vl_resampler/make_token_attention.py), read whole and
 * piece by piece; and maps over images, in the library, over HTTP and behind guardrails.
 *
 * Tolerance of a probability: 5e-6 absolute, as of the queries' attention (trace.test.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { tokenAttention } from "../src/core/graph/index.js";
import { indexPositions, numRows } from "../src/core/models/index.js";
import type { PackedModel } from "../src/core/pack/index.js";
import { attentionRows } from "../src/core/runtime/answer-attention.js";
import { lookingDecoder } from "../src/core/runtime/decoder-models.js";
import { image, type LanguageModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { graphsHere } from "../src/core/runtime/open.js";
import { DecoderRunner } from "../src/core/runtime/runner.js";
import { lookOf, spreadOf } from "../src/core/runtime/token-look.js";
import type { EncodedImage } from "../src/core/runtime/vision.js";
import type { WireAttention } from "../src/protocol/index.js";
import { goldenFolder, repository, temporaryFolder } from "./support/folders.js";
import { witness } from "./support/guards.js";
import { type Fixture, openExact, openFixture, prefill } from "./support/parity.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { tiledImages } from "./support/tiled-images.js";
import { type GoldenImage, payloadOf, placeImages, slicedImages } from "./support/vision-parity.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const weights = join(goldenFolder, "gqa-tied");
const dress = join(repository, "examples/pictures/dress.jpg");

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((most, each) => Math.max(most, each), 0);
}

describe("what a decoder's tokens look at", () => {
  let packed: PackedModel;
  let reference: Awaited<ReturnType<typeof openFixture>>;
  let fixture: Awaited<ReturnType<typeof openFixture>>;
  beforeAll(async () => {
    packed = await openExact(weights, join(temporaryFolder(), "packed"));
    [fixture, reference] = await Promise.all([openFixture(weights), openFixture(weights, "token_attention")]);
  });
  afterAll(() => packed?.close());

  it("equals PyTorch in each layer and head, over the whole prompt", async () => {
    const { model, numLayers, numHeads } = lookingDecoder(packed);
    const decoder = await graphsHere(packed, 1)(model);
    const input = { embeds: await fixture.floats("inputs_embeds"), positions: indexPositions };
    const found = (await prefill(packed, decoder, input, [tokenAttention]))[tokenAttention]!;
    await decoder.close();
    expect(numLayers).toBe(reference.count("layers"));
    const layers = await Promise.all(Array.from({ length: numLayers }, (_, n) => reference.floats(`layers.${n}`)));
    const size = layers[0]!.length;
    expect(size % numHeads).toBe(0);
    for (const [n, layer] of layers.entries())
      expect(
        largestDifference((found.data as Float32Array).subarray(n * size, (n + 1) * size), layer),
        `layer ${n}`,
      ).toBeLessThan(5e-6);
  });

  it("and of the last token, where the prompt is read in pieces", async () => {
    const { model, numLayers, numHeads } = lookingDecoder(packed);
    const decoder = await graphsHere(packed, 1)(model);
    const ids = await fixture.numbers("input_ids");
    const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength: 64, output: { name: tokenAttention } });
    const first = ids.indexOf((packed.config as { image_token_id: number }).image_token_id);
    const tokens = await fixture.floats("visual_tokens");
    const inputs = { images: [{ start: first, numTokens: 32, tokens, deepstack: [] }], positions: indexPositions };
    const row = { slot: 0, payload: inputs };
    const step = (kind: "prefill" | "decode", from: number, to: number) =>
      runner.step({
        kind,
        rows: [{ ...row, tokens: ids.slice(from, to), position: from, numLogits: kind === "decode" ? 1 : 0 }],
      });
    await step("prefill", 0, 7);
    await step("prefill", 7, ids.length - 1);
    const [found] = await step("decode", ids.length - 1, ids.length);
    await runner.close();
    await decoder.close();
    const n = ids.length;
    for (let layer = 0; layer < numLayers; layer++) {
      const wanted = await reference.floats(`layers.${layer}`);
      for (let head = 0; head < numHeads; head++)
        expect(
          largestDifference(
            found!.subarray((layer * numHeads + head) * n, (layer * numHeads + head + 1) * n),
            wanted.subarray((head * n + n - 1) * n, (head * n + n) * n),
          ),
        ).toBeLessThan(5e-6);
    }
  });
});

describe("of an image in tiles or slices, where tokens look", () => {
  it.each<[string, (fixture: Fixture, packed: PackedModel) => Promise<GoldenImage[]>]>([
    ["idefics3/split", tiledImages],
    ["internvl/qwen2-two-images", tiledImages],
    ["minicpmv4_6/ocr-sliced", slicedImages],
  ])("is placed as by transformers (test/golden/make_token_maps.py): %s", async (path, imagesOf) => {
    const folder = join(repository, "test/golden", path);
    const packed = await openExact(join(folder, "model.safetensors"), join(temporaryFolder(), "packed"));
    const [fixture, reference] = await Promise.all([openFixture(folder), openFixture(folder, "token_maps")]);
    const images = await imagesOf(fixture, packed);
    const ids = await fixture.numbers("input_ids");
    const places = placeImages(packed, ids, images);
    const tokens = await fixture.floats("visual_tokens");
    const inputs = payloadOf(packed, ids, images, cutAmong(tokens, places.map(numRows)));
    const imageProcessor = packed.family.image!.imageProcessor(packed.config, undefined);
    const spreads = places.map((place) => spreadOf(place, [], imageProcessor));
    const { model, ...sizes } = lookingDecoder(packed);
    const decoder = await graphsHere(packed, 1)(model);
    const again = { promptIds: ids.slice(0, -3), answerIds: ids.slice(-3), inputs };
    const found: Float32Array[][] = images.map(() => []);
    for await (const row of attentionRows(packed, decoder, again, { ...sizes, check: () => {} }))
      for (const [i, spread] of spreads.entries()) found[i]!.push(lookOf(row, spread).weights);
    await decoder.close();
    await packed.close();
    for (const [i, maps] of found.entries()) {
      const wanted = await reference.floats(`maps.${i}`);
      expect(largestDifference(Float32Array.from(maps.flatMap((map) => [...map])), wanted)).toBeLessThan(5e-6);
    }
  });
});

/** Rows of all images together, as of each. */
function cutAmong(tokens: Float32Array, counts: readonly number[]): EncodedImage[] {
  const width = tokens.length / counts.reduce((sum, count) => sum + count, 0);
  let row = 0;
  return counts.map((count) => {
    row += count;
    return { visualTokens: tokens.slice((row - count) * width, row * width), deepstack: [], outputs: {} };
  });
}

describe("a server that is asked where its model looks", () => {
  it("holds pixels until they are encoded, and reads one answer at a time", async () => {
    const taken: number[] = [];
    const [running, most] = [{ count: 0 }, { count: 0 }];
    const model: LanguageModel = {
      ...witness(),
      pixelBytes: async () => 100,
      answerAttention: async (_, __, options) => {
        running.count++;
        most.count = Math.max(most.count, running.count);
        taken.push(server.services.pixels.taken);
        options!.onImagesEncoded?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
        taken.push(server.services.pixels.taken);
        running.count--;
        return { numLayers: 1, tokens: [] };
      },
    };
    const server: TestServer = await startServer({ model });
    const messages = [
      { role: "user", content: "?" },
      { role: "assistant", content: "!" },
    ];
    const ask = () => server.post("/v1/ocellus/attention", { messages });
    expect((await Promise.all([ask(), ask(), ask()])).map(({ status }) => status)).toEqual([200, 200, 200]);
    await server.close();
    expect(taken).toEqual([100, 0, 100, 0, 100, 0]);
    expect(most.count).toBe(1);
  });
});

describe("where the bundled demo model looks", () => {
  const question = "What colour is it?";
  const messages = [{ role: "user" as const, content: [image(dress), question] }];
  const url = `data:image/jpeg;base64,${readFileSync(dress).toString("base64")}`;
  const asked = (answer: string) => [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url } },
        { type: "text", text: question },
      ],
    },
    { role: "assistant", content: answer },
  ];
  const path = "/v1/ocellus/attention";
  let model: VisionLanguageModel;
  let server: TestServer;
  beforeAll(async () => {
    model = await loadTiny();
    server = await startServer({ tiny: model });
  });
  afterAll(async () => {
    await server?.close();
    await model?.close();
  });

  it("is a map of each token over the image, a part of all its attention; the mean is that of the layers", async () => {
    const all = await model.answerAttention(messages, "red dress");
    expect(all.tokens.map(({ text }) => text).join("")).toBe("red dress");
    for (const { images } of all.tokens) {
      const { rows, columns, weights } = images[0]!;
      expect(weights.length).toBe(rows * columns);
      const share = weights.reduce((sum, weight) => sum + weight, 0);
      expect(share).toBeGreaterThan(0.001);
      expect(share).toBeLessThan(1);
    }
    const sum = new Float32Array(all.tokens[0]!.images[0]!.weights.length);
    for (let layer = 0; layer < all.numLayers; layer++) {
      const { tokens } = await model.answerAttention(messages, "red dress", { layer });
      for (const [i, weight] of tokens[0]!.images[0]!.weights.entries()) sum[i]! += weight / all.numLayers;
    }
    expect(largestDifference(sum, all.tokens[0]!.images[0]!.weights)).toBeLessThan(1e-6);
  });

  it("is told over HTTP, of one image or two, and refused where there is nothing to tell", async () => {
    const response = await server.post(path, { messages: asked("red"), layer: 0 });
    expect(response.status).toBe(200);
    const { tokens, num_layers } = (await response.json()) as WireAttention;
    expect(num_layers).toBeGreaterThan(1);
    const { rows, columns, weights, area, share } = tokens[0]!.images[0]!;
    const bytes = Buffer.from(weights, "base64");
    expect([bytes.length, Math.max(...bytes)]).toEqual([rows * columns, 255]);
    expect(share).toBeLessThan(1);
    expect(area[0]! + area[2]!).toBeLessThanOrEqual(columns + 1e-6);
    const twice = asked("red");
    (twice[0]!.content as unknown[]).unshift({ type: "image_url", image_url: { url } });
    const both = (await (await server.post(path, { messages: twice })).json()) as WireAttention;
    expect(both.tokens[0]!.images.length).toBe(2);
    for (const body of [
      { messages: asked("red").slice(0, 1) },
      { messages: asked("").slice(0, 2) },
      { messages: asked("red"), layer: num_layers },
    ]) {
      const refused = await server.post(path, body);
      expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: "invalid_request" } }]);
    }
  });

  it("refuses an answer of more tokens than are looked at, and a layer that is not there before anything is read", async () => {
    await expect(model.answerAttention(messages, "red ".repeat(600))).rejects.toThrow(ocellusError("too_large", {}));
    const missing = [{ role: "user" as const, content: [image(join(temporaryFolder(), "none.png")), question] }];
    for (const layer of [-1, 0.5, 1000])
      await expect(model.answerAttention(missing, "red", { layer })).rejects.toThrow(
        ocellusError("invalid_request", { param: "layer", found: layer }),
      );
  });

  it("ends when the model is closed", async () => {
    const own = await loadTiny();
    const looking = expect(own.answerAttention(messages, "red ".repeat(400))).rejects.toThrow(ocellusError("closed"));
    await own.close();
    await looking;
  });
});
