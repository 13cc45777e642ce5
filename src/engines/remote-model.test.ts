import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import type { OcellusError } from "../core/base/index.js";
import { until } from "../core/base/until.testkit.js";
import { decodeAndDigest } from "../core/image/node/index.js";
import { type ChatOptions, collect, image } from "../core/runtime/index.js";
import { EngineClient } from "./client.js";
import type { EngineDescription } from "./description.js";
import { sizeWithin } from "./outgoing-images.js";
import { PinnedEngine } from "./pinned.js";
import { probeEngine } from "./probe.js";
import { RemoteModel } from "./remote-model.js";
import { type StandInOptions, startStandIn } from "./stand-in.testkit.js";

const words = [{ role: "user" as const, content: "hello" }];

async function openModel(options: StandInOptions = {}, changes: Partial<EngineDescription> = {}) {
  const engine = await startStandIn({ kind: "vllm", ...options });
  const { kind = "vllm" } = options;
  const client = new EngineClient({ url: engine.url, kind, model: "stand-in", name: "gpu" });
  const description: EngineDescription = {
    ...{ schemaVersion: 1, kind, url: engine.url, model: "stand-in", reported: await client.reported() },
    can: { images: true, tools: true, schema: true, logprobs: true },
    ...{ maxLength: 4096, maxSequences: 4, maxPixels: 2 ** 20, ...changes },
  };
  const pinned = new PinnedEngine(client, description.reported);
  const model = new RemoteModel({ description, engine: pinned, decode: decodeAndDigest, limits: {} });
  onTestFinished(() => model.close());
  const questions = () => engine.seen.filter(({ path }) => path.endsWith("/completions"));
  const last = () => questions().at(-1)!;
  const ask = async (messages: Parameters<RemoteModel["prepare"]>[0], options: ChatOptions = {}) =>
    collect(model.generate(await model.prepare(messages, options)));
  return { engine, model, ask, questions, last };
}

async function failure(promise: Promise<unknown>): Promise<Pick<OcellusError, "code" | "details">> {
  return promise.then(
    () => expect.fail("expected a failure"),
    (error) => error,
  );
}

/** Left half red, right half blue. */
async function photo(width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) data[3 * i + (i % width < width / 2 ? 0 : 2)] = 255;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

function partsIn(body: any): any[] {
  return body.messages[0].content.filter(({ type }: any) => type === "image_url");
}

async function pixelsOf(part: any) {
  const bytes = Buffer.from(part.image_url.url.split(",")[1], "base64");
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, metadata: await sharp(bytes).metadata() };
}

describe("a remote model", () => {
  it("answers with text, thoughts, usage and probabilities, and tells tool calls as local models write them", async () => {
    const { ask, last } = await openModel({
      answer: () => ({
        reasoning: "hm",
        text: "let me look",
        toolCalls: [
          { name: "find", arguments: '{"colour": "red"}' },
          { name: "stop", arguments: "" },
        ],
      }),
    });
    const answer = await ask(words, { sampling: { logprobs: true, top_logprobs: 1, seed: 3 }, maxTokens: 50 });
    expect(answer).toMatchObject({
      ...{ reasoning: "hm", finishReason: "stop", images: [] },
      usage: { promptTokens: 40, cachedTokens: 16, completionTokens: 3 },
    });
    expect(answer.text).toBe(
      'let me look\n<tool_call>\n{"name": "find", "arguments": {"colour": "red"}}\n</tool_call>' +
        '\n<tool_call>\n{"name": "stop", "arguments": {}}\n</tool_call>',
    );
    expect(answer.tokens.map(({ spelling, topLogprobs }) => [spelling?.text, topLogprobs?.length])).toEqual([
      ["let", 1],
      [" me", 1],
      [" look", 1],
    ]);
    expect(last().body).toMatchObject({ model: "stand-in", max_tokens: 50, seed: 3, stream: true });
  });

  it("writes a call whose arguments hold the end of a block as one block, with the same arguments", async () => {
    const page = { html: "</tool_call>\n<tool_call>\n" };
    const { ask } = await openModel({
      answer: () => ({ text: "", toolCalls: [{ name: "show", arguments: JSON.stringify(page) }] }),
    });
    const { text } = await ask(words);
    expect(text.match(/<\/tool_call>/g)).toHaveLength(1);
    const [, block = ""] = /<tool_call>\n(.*)\n<\/tool_call>$/.exec(text) ?? [];
    expect(JSON.parse(block)).toEqual({ name: "show", arguments: page });
  });

  it("reports how sure each field is, without its client having asked for probabilities", async () => {
    const { ask } = await openModel({ answer: () => ({ text: '{"a": "yes", "b": 3}' }) });
    const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "number" } } };
    const answer = await ask(words, { fields: true, responseFormat: { type: "json_schema", schema } });
    expect(answer.tokens).toEqual([]);
    expect(Object.keys(answer.fields!)).toEqual(["/a", "/b"]);
    expect(answer.fields!["/b"]).toMatchObject({ kind: "number" });
    for (const { probability } of Object.values(answer.fields!)) {
      expect(probability).toBeGreaterThan(Math.exp(-0.1) - 1e-6); // what else had a part in it says the same value
      expect(probability).toBeLessThan(1);
    }
  });

  it("refuses what its engine cannot do, and what is not known here, by name", async () => {
    const able = await openModel();
    const poor = await openModel({}, { can: { images: false, tools: false, schema: false, logprobs: false } });
    const schema = { type: "json_schema", schema: {} } as const;
    const picture = [{ role: "user" as const, content: [image(await photo(8, 8))] }];
    const refused: [typeof able, Parameters<typeof able.ask>, string][] = [
      [able, [words, { boxes: true }], "boxes"],
      [able, [words, { citeFields: true }], "citeFields"],
      [able, [words, { zoom: true }], "zoom"],
      [able, [words, { reuse: "near" }], "reuse"],
      [poor, [words, { tools: [{}] }], "tools"],
      [poor, [words, { responseFormat: schema }], "response_format"],
      [poor, [words, { responseFormat: schema, fields: true }], "response_format"],
      [poor, [words, { sampling: { logprobs: true } }], "logprobs"],
      [poor, [picture], "image_url"],
    ];
    for (const [{ ask }, asked, param] of refused)
      expect(await failure(ask(...asked)), param).toMatchObject({ code: "unsupported", details: { param } });
    for (const field of ["minPixels", "imageTokens"] as const)
      expect(await failure(able.ask(picture, { [field]: 256 }))).toMatchObject({
        code: "unsupported",
        details: { field },
      });
    expect(await failure(able.ask(picture, { maxPixels: 2 ** 21 }))).toMatchObject({ code: "invalid_request" });
    expect(await failure(able.model.prepareText())).toMatchObject({ code: "unsupported" });
    expect(able.engine.seen.filter(({ path }) => path.endsWith("completions"))).toEqual([]);
  });

  it("sends an image upright, at most as large as it may be, without its metadata, under one name however it was encoded", async () => {
    const { ask, last, model } = await openModel({}, { maxPixels: 5000 });
    const png = await photo(200, 100);
    const turned = await sharp(await sharp(png).rotate(270).toBuffer())
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const about = (file: Buffer, detail?: "low") => [{ role: "user" as const, content: [image(file, detail), "?"] }];
    expect(await model.pixelBytes(about(png))).toBe(200 * 100 * 3);
    const answer = await ask(about(png));
    expect(await model.pixelBytes(about(png))).toBe(0);
    const [part] = partsIn(last().body);
    const { data, width, height, metadata } = await pixelsOf(part);
    expect([width, height, metadata.format, metadata.exif]).toEqual([100, 50, "png", undefined]);
    expect([...data.subarray(0, 3), ...data.subarray(3 * (width - 1), 3 * width)]).toEqual([255, 0, 0, 0, 0, 255]);
    const { digest } = await decodeAndDigest(png);
    expect(answer.images).toMatchObject([
      { digest, source: "encoded", known: false, sent: { width: 200, height: 100 }, shown: { width: 100, height: 50 } },
    ]);
    const again = await ask(about(turned));
    const [named] = partsIn(last().body);
    expect([named.image_url, named.uuid]).toEqual([null, part.uuid]);
    expect(again.images).toMatchObject([{ digest, source: "engine", known: true }]);
    expect(again.timings.imagesCached).toBe(1);
    expect(last().headers["x-ocellus-image"]).toBe(part.uuid);
    await ask(about(await photo(20, 10)));
    expect(partsIn(last().body)[0].uuid).not.toBe(part.uuid);
    expect(model.stats.imageTraffic).toMatchObject({ imagesSent: 2, imagesNamed: 1, imagesForgotten: 0 });
  });

  it("writes photos as JPEG and everything else as PNG, pixel for pixel", async () => {
    const { ask, questions } = await openModel();
    const png = await photo(30, 20);
    const jpeg = await sharp(png).jpeg({ quality: 60 }).toBuffer();
    for (const file of [png, jpeg]) await ask([{ role: "user", content: [image(file)] }]);
    const [lossless, lossy] = await Promise.all(questions().map(({ body }) => pixelsOf(partsIn(body)[0])));
    expect([lossless!.metadata.format, lossy!.metadata.format]).toEqual(["png", "jpeg"]);
    const { image: decoded } = await decodeAndDigest(png);
    expect(lossless!.data.equals(Buffer.from(decoded.data))).toBe(true);
  });

  it("is not served by another model after a restart, and is again when the first is back", async () => {
    const { ask, engine } = await openModel();
    expect((await ask(words)).text).not.toBe("");
    const restart = () => engine.closeConnections();
    for (const change of [{ version: "0.33.0" }, { maxModelLen: 128 }] as const) {
      const before = { ...engine.options };
      Object.assign(engine.options, change);
      restart();
      const { code, details } = await failure(ask(words));
      expect([code, details.fault]).toEqual(["unavailable", "identity"]);
      expect(details.changed).toMatchObject([{ found: Object.values(change)[0] }]);
      Object.assign(engine.options, { version: before.version, maxModelLen: before.maxModelLen });
      restart();
      expect((await ask(words)).text).not.toBe("");
    }
    engine.options.model = "another";
    restart();
    expect(await failure(ask(words))).toMatchObject({ code: "unavailable" });
  });

  it("asks what runs there once for each time that the engine was started", async () => {
    const { ask, engine } = await openModel();
    for (let i = 0; i < 5; i++) await ask(words);
    const before = engine.seen.filter(({ path }) => path === "/v1/models").length;
    for (let i = 0; i < 5; i++) await ask(words);
    expect(engine.seen.filter(({ path }) => path === "/v1/models").length).toBe(before);
  });

  it("frees the engine when its reader leaves, and is closed for good", async () => {
    const { model, last } = await openModel({ tokenMs: 5, answer: () => ({ text: "word ".repeat(500) }) });
    const events = model.generate(await model.prepare(words));
    for await (const event of events) if (event.type === "text") break;
    expect(model.stats.running).toBe(0);
    await until(() => expect(last().wasLeft).toBe(true));
    await model.close();
    expect(await failure(model.prepare(words))).toMatchObject({ code: "closed" });
  });
});

describe("a probe", () => {
  it("finds the kind, what the engine reports and can do, and says what is missing", async () => {
    for (const kind of ["vllm", "sglang", "llama-server", "ocellus", "openai"] as const) {
      const { url } = await startStandIn({ kind });
      const { description, findings } = await probeEngine({ url: `${url}/v1`, model: "stand-in" });
      expect(description, kind).toMatchObject({ kind, url, maxLength: kind === "openai" ? 32_768 : 4096 });
      expect(description.can).toEqual({ images: true, tools: true, schema: true, logprobs: true });
      expect(findings.filter(({ can }) => !can).map(({ what }) => what)).toEqual(["thinking"]);
    }
    const lacks = ["schema", "tools", "logprobs", "images"] as const;
    const poor = await startStandIn({ kind: "vllm", lacks });
    const { description, findings } = await probeEngine({ url: poor.url, model: "stand-in" });
    expect(description.can).toEqual({ images: false, tools: false, schema: false, logprobs: false });
    expect(findings.find(({ what }) => what === "images")?.reason).toContain("At most 0 image");
    expect(await failure(probeEngine({ url: poor.url, model: "stand-out" }))).toMatchObject({ code: "not_found" });
    const weak = await startStandIn({ kind: "vllm", answer: () => ({ text: `{"colour"${"  \n".repeat(200)}` }) });
    expect((await probeEngine({ url: weak.url, model: "stand-in" })).description.can.schema).toBe(true);
    const thinking = await startStandIn({ kind: "vllm", answer: () => ({ reasoning: "hm", text: "{}" }) });
    const always = await probeEngine({ url: thinking.url, model: "stand-in" });
    expect(always.description.can.thinking).toBe("always");
  });
});

it("sizes keep their shape within the budget", () => {
  for (const [width, height, most] of [
    [4000, 3000, 2 ** 20],
    [100_000, 1, 1000],
    [1, 100_000, 7],
    [640, 480, 2 ** 20],
  ] as const) {
    const found = sizeWithin({ width, height }, most);
    expect(found.width * found.height).toBeLessThanOrEqual(Math.max(most, 1));
    expect(Math.min(found.width, found.height)).toBeGreaterThanOrEqual(1);
    if (width * height <= most) expect(found).toEqual({ width, height });
  }
});
