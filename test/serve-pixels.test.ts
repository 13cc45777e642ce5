/** Pictures on their way through the server: how many may be held at once, what a hang-up stops, what a request may choose. */

import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { VisionEncoder } from "../src/core/runtime/vision-encoder.js";
import type { ServerConfig } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";
import { scriptedModel } from "./support/scripted-model.js";
import { startServer, type TestServer } from "./support/server.js";
import { noise, packSmallQwen3Vl } from "./support/small-qwen3-vl.js";

const path = "/v1/chat/completions";

let server: TestServer;

describe("room for fitted pictures", () => {
  /** Names of the requests whose pictures are being prepared, each until it is told to continue. */
  const preparing = new Map<string, () => void>();
  const post = (name: string, numBytes: number, signal?: AbortSignal) =>
    fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ messages: [{ role: "user", content: `${name} ${numBytes}` }] }),
      ...(signal && { signal }),
    });

  /** A model whose pictures take what the words of the message say. */
  async function start(config: Partial<ServerConfig> = {}): Promise<void> {
    const model = scriptedModel(8);
    const { prepare } = model;
    const wordsOf = (messages: Parameters<typeof prepare>[0]) => String(messages.at(-1)!.content).split(" ");
    model.pixelBytes = async (messages) => Number(wordsOf(messages)[1]);
    model.prepare = async (messages, options) => {
      await new Promise<void>((goOn) => preparing.set(wordsOf(messages)[0]!, goOn));
      void model.say(); // answered as soon as it is asked
      return prepare(messages, options);
    };
    server = await startServer({ scripted: model }, { maxPixelBytes: 1000, ...config });
  }
  const goOn = async (name: string) => {
    await until(() => expect([...preparing.keys()]).toContain(name));
    preparing.get(name)!();
    preparing.delete(name);
  };
  afterEach(async () => {
    preparing.clear();
    await server.close();
  });

  it("is given in turn; words need none; and /metrics tells of it", async () => {
    await start();
    const [first, second] = [post("first", 600), post("second", 600)];
    await until(() => expect([...preparing.keys()]).toEqual(["first"]));
    const words = post("words", 0);
    await goOn("words");
    expect((await words).status).toBe(200);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/^ocellus_pixel_bytes 600$/m);
    expect(metrics).toMatch(/^ocellus_pixel_waiting 1$/m);
    await goOn("first");
    await goOn("second");
    const answers = await Promise.all([first, second]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const queued = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as any).ocellus.timings.queue_ms),
    );
    expect(queued[1]).toBeGreaterThan(queued[0]);
    expect(server.services.pixels.taken).toBe(0);
  });

  it("is not kept for one who hangs up while it waits, or while it is read", async () => {
    await start();
    const leaving = new AbortController();
    const gone = post("gone", 900, leaving.signal).catch(() => "gone");
    await until(() => expect(preparing.size).toBe(1));
    const waiting = post("waiting", 900, leaving.signal).catch(() => "gone");
    const staying = post("staying", 100);
    await until(() => expect(server.services.pixels.numWaiting).toBe(2));
    leaving.abort();
    await goOn("staying");
    expect((await staying).status).toBe(200);
    expect(await Promise.all([gone, waiting])).toEqual(["gone", "gone"]);
    await goOn("gone"); // a picture that is being decoded is decoded to its end
    await until(() => expect(server.services.pixels.taken).toBe(0));
    await until(() => expect(server.gate(undefined).stats).toEqual({ running: 0, waiting: 0 }));
    expect([...preparing.keys()]).toEqual([]);
  });

  it("is waited for until the deadline, and what never fits is refused at once", async () => {
    await start({ deadlineMs: 2000 });
    const held = post("held", 1000);
    await until(() => expect(preparing.size).toBe(1));
    expect((await post("late", 1)).status).toBe(504);
    const refused = await post("huge", 1001);
    expect([refused.status, await refused.json()]).toMatchObject([
      413,
      { error: { code: "too_large", message: expect.stringMatching(/1001 bytes.*max_pixels/) } },
    ]);
    await goOn("held");
    expect((await held).status).toBe(504);
    await until(() => expect(server.services.pixels.taken).toBe(0));
  });
});

describe("a model that takes pictures of any size", () => {
  let model: VisionLanguageModel;
  let urls: string[];
  const asked = (shown: readonly string[], extra: object = {}) => ({
    messages: [
      {
        role: "user",
        content: [...shown.map((url) => ({ type: "image_url", image_url: { url } })), { type: "text", text: "?" }],
      },
    ],
    max_tokens: 2,
    ...extra,
  });
  const tokensOf = async (extra: object) => {
    const response = await server.post(path, asked(urls.slice(0, 1), extra));
    const { usage, error, ocellus } = (await response.json()) as any;
    return error ?? { tokens: usage.prompt_tokens, ofImage: ocellus.images[0].tokens };
  };
  beforeAll(async () => {
    model = await loadModel(await packSmallQwen3Vl(temporaryFolder()), { device: "cpu", threads: 1, maxLength: 512 });
    server = await startServer({ small: model }, { maxPixelBytes: 3 * 2 ** 20 });
    urls = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const { data, ...size } = noise(seed);
        const png = await sharp(data, { raw: { ...size, channels: 3 } })
          .png()
          .toBuffer();
        return `data:image/png;base64,${png.toString("base64")}`;
      }),
    );
  });
  afterAll(async () => {
    await server.close();
    await model.close();
  });

  it("shows each request's pictures in the size that it chose, and refuses a size that is none", async () => {
    const usual = await tokensOf({});
    const coarse = await tokensOf({ max_pixels: 4096 });
    const fine = await tokensOf({ min_pixels: 40_000, max_pixels: 50_000 });
    expect(coarse.ofImage).toBeLessThan(usual.ofImage);
    expect(fine.ofImage).toBeGreaterThan(usual.ofImage);
    expect(usual.tokens - coarse.tokens).toBe(usual.ofImage - coarse.ofImage);
    expect(await tokensOf({})).toEqual(usual);
    expect(await tokensOf({ max_pixels: 10 })).toMatchObject({ code: "invalid_request" });
    expect(await tokensOf({ max_pixels: "many" })).toMatchObject({ param: "max_pixels" });
  });

  it("weighs its pictures before they are decoded, each once, and refuses more than there is room for", async () => {
    const content = [...urls, urls[0]!].map((url) => ({ type: "image" as const, image: url }));
    const messages = [{ role: "user" as const, content }];
    const numBytes = await model.pixelBytes(messages);
    expect(await model.pixelBytes([{ role: "user", content: content.slice(0, 1) }])).toBe(numBytes / 3);
    expect(
      await model.pixelBytes([{ role: "user", content: [{ type: "image", image: "data:image/png;base64,AA" }] }]),
    ).toBe(0);
    const refused = await server.post(path, asked(urls, { min_pixels: 60_000, max_pixels: 70_000 }));
    expect([refused.status, await refused.text()]).toEqual([413, expect.stringContaining("--max-pixel-bytes")]);
    expect((await server.post(path, asked(urls))).status).toBe(200);
  });

  it("encodes nothing more for a client that hangs up while its first picture is encoded", async () => {
    let finish = () => {};
    const begun = new Promise<void>((resolve) => (finish = resolve));
    const { encodePixels } = VisionEncoder.prototype;
    const encoding = vi.spyOn(VisionEncoder.prototype, "encodePixels");
    encoding.mockImplementation(async function (this: VisionEncoder, pixels) {
      await begun;
      return encodePixels.call(this, pixels);
    });
    const fresh = { min_pixels: 20_000, max_pixels: 30_000 }; // sizes that no one has asked for yet
    const leaving = new AbortController();
    const gone = fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(asked(urls, fresh)),
      signal: leaving.signal,
    }).catch(() => "gone");
    await until(() => expect(encoding).toHaveBeenCalledTimes(1));
    leaving.abort();
    expect(await gone).toBe("gone");
    await until(() => expect(server.gate(undefined).stats).toEqual({ running: 0, waiting: 0 }));
    expect(server.services.pixels.taken).toBe(0);
    finish();
    const next = await server.post(path, asked(urls.slice(2), fresh));
    expect(next.status).toBe(200);
    expect(encoding).toHaveBeenCalledTimes(2); // the one that was begun, and the one of the next request
    encoding.mockRestore();
  });
});
