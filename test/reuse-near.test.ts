/** Near-duplicates through the model and the server: only when asked for, said so in every place, and never over another model's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { image, loadModel, openEncoderCache, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { nearDuplicates } from "../src/near-duplicates/index.js";
import type { ChatCompletion } from "../src/protocol/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { noise, packSmallQwen3Vl } from "./support/small-qwen3-vl.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const original = readFileSync(join(repository, "examples/pictures/dress.jpg"));
const encodedAnew = (quality: number) => sharp(original).jpeg({ quality }).toBuffer();
const otherColour = () => sharp(original).modulate({ hue: 120 }).jpeg({ quality: 90 }).toBuffer();

let tiny: VisionLanguageModel;
let server: TestServer;
beforeAll(async () => {
  tiny = await loadTiny({ memory: { nearDuplicates: nearDuplicates(), prefixCacheBytes: 0 } });
  server = await startServer({ tiny });
});
afterAll(async () => {
  await server.close();
  await tiny.close();
});

async function ask(picture: Buffer, reuse?: "near" | "exact", model = tiny) {
  const content = [image(new Uint8Array(picture)), "What colour is it?"];
  const options = { maxTokens: 8, ...(reuse && { reuse }), sampling: { temperature: 0 } };
  const { text, images } = await model.answer([{ role: "user", content }], options);
  return { text, image: images[0]! };
}

it("answers about another encoding by the kept picture when asked to, and says which", async () => {
  const first = await ask(original, "near");
  expect(first.image.source).toBe("encoded");
  const again = await ask(await encodedAnew(70), "near");
  expect(again.image).toMatchObject({ source: "near", known: true, near: { digest: first.image.digest } });
  expect(again.image.digest).not.toBe(first.image.digest);
  expect(again.image.near!.similarity).toBeGreaterThan(0.95);
  expect(again.text).toBe(first.text);
});

it("does so for no one who did not ask", async () => {
  await ask(original, "near");
  expect((await ask(await encodedAnew(71))).image.source).toBe("encoded");
});

it("is refused, at loading and in a request, by a model that was given nothing to find near-duplicates with", async () => {
  const missing = { code: "unsupported", details: { param: "reuse" } };
  await expect(loadTiny({ memory: { reuse: "near" } })).rejects.toMatchObject(missing);
  const model = await loadTiny();
  await expect(ask(original, "near", model)).rejects.toMatchObject(missing);
  await model.close();
});

it("refuses an option of the memory that there is not", async () => {
  const memory = { nearDuplicateBytes: 0 } as object;
  await expect(loadTiny({ memory })).rejects.toMatchObject({
    code: "invalid_request",
    details: { param: "nearDuplicateBytes" },
  });
});

it("encodes a picture of another colour", async () => {
  await ask(original, "near");
  expect((await ask(await otherColour(), "near")).image.source).toBe("encoded");
});

it("never answers by another model's picture, also where they share their features", async () => {
  const encoderCache = await openEncoderCache();
  const [a, b] = await Promise.all(
    (["fp32", "int4"] as const).map((weights) =>
      loadTiny({ weights, encoderCache, memory: { nearDuplicates: nearDuplicates(), reuse: "near" } }),
    ),
  );
  expect((await ask(original, undefined, a)).image.source).toBe("encoded");
  expect((await ask(await encodedAnew(72), undefined, b)).image.source).toBe("encoded");
  expect((await ask(await encodedAnew(73), undefined, a)).image.source).toBe("near");
  await Promise.all([a!.close(), b!.close()]);
});

it("encodes the picture itself when the kept features had to go", async () => {
  const model = await loadTiny({
    memory: { nearDuplicates: nearDuplicates(), encoderCacheBytes: 0, prefixCacheBytes: 0 },
  });
  await ask(original, "near", model);
  expect((await ask(await encodedAnew(74), "near", model)).image.source).toBe("encoded");
  await model.close();
});

it("gives a picture of another size the tokens and the kept prefix of the picture that answers", async () => {
  const model = await loadModel(await packSmallQwen3Vl(temporaryFolder()), {
    device: "cpu",
    threads: 1,
    maxLength: 512,
    memory: { nearDuplicates: nearDuplicates() },
  });
  const { width, height, data } = noise(1, 12, 9);
  const soft = (by: number) =>
    sharp(data, { raw: { width, height, channels: 3 } })
      .resize(12 * by, 9 * by)
      .png()
      .toBuffer();
  const content = async (by: number) => [image(new Uint8Array(await soft(by))), "What is shown here, and what else?"];
  const options = { maxTokens: 4, reuse: "near" as const };
  const large = await model.answer([{ role: "user", content: await content(10) }], options);
  const small = await model.answer([{ role: "user", content: await content(8) }], options);
  expect(small.images[0]).toMatchObject({ source: "near", numTokens: large.images[0]!.numTokens });
  expect(small.usage.cachedTokens).toBeGreaterThan(0);
  expect(small.text).toBe(large.text);
  await model.close();
});

it("is asked for under the key ocellus, and told in the answer, the header and the metrics", async () => {
  const body = (picture: Buffer) => ({
    messages: [
      {
        role: "user",
        content: [{ type: "image_url", image_url: { url: `data:image/jpeg;base64,${picture.toString("base64")}` } }],
      },
    ],
    max_tokens: 4,
    ocellus: { reuse: "near" },
  });
  await (await server.post("/v1/chat/completions", body(original))).json();
  const response = await server.post("/v1/chat/completions", body(await encodedAnew(75)));
  const { ocellus } = (await response.json()) as ChatCompletion;
  const [picture] = ocellus.cache.images;
  expect(ocellus.cache.vision).toBe("near");
  expect(picture).toMatchObject({ from: "near" });
  expect(response.headers.get("x-ocellus-cache")).toBe(
    `vision=near; prefix=0; images=${picture!.sha256}; near=${picture!.near!.sha256}`,
  );
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/ocellus_images_total\{model="tiny",cached="near"\} 1/);
  const refused = await server.post("/v1/chat/completions", { ...body(original), ocellus: { reuse: "anything" } });
  expect(refused.status).toBe(400);
});
