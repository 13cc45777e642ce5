/**
 * Packed models in a real Chromium, by the entry that pages import, in one browser profile: a download that two tabs want and that is frozen
 * meanwhile, the worker behind the page, WebAssembly with threads and without, WebGPU by SwiftShader, and a GPU that is lost. What is computed
 * is compared with Node's and with the reference's tokens.
 *
 * Tolerance: that of test/webgpu.test.ts, a bound; with int4 weights 6e-2, as there, for each device rounds activations in its own way.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page as Tab } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { pack, webPlan } from "../src/core/pack/index.js";
import { type ChatMessage, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { noBrowser, openUserBrowser, type UserBrowser } from "./support/browser.js";
import { expectClose } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import type { Page } from "./support/web-page/main.js";
import { openWebSite, type WebSite } from "./support/web-site.js";
import { goldenChats, messagesOf, sureTokens, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("NODE_ENV", "production"); // what is built is what ships

declare const ocellus: Page;
declare const document: { addEventListener(type: string, listener: () => void): void };

const [tolerance, roundedTolerance] = [1e-4, 6e-2];
const families = ["qwen3_vl", "qwen3_5"] as const;
const softwareGpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** More entries than are written while a test waits; each is a choice of the model. */
const long = {
  maxTokens: 1000,
  responseFormat: {
    type: "json_schema",
    schema: { type: "array", items: { enum: ["dress", "shirt", "bag", "other"] }, minItems: 300 },
  },
} as const;
const item = {
  type: "json_schema",
  schema: {
    type: "object",
    properties: { kind: { enum: ["dress", "shirt", "bag"] }, count: { enum: [1, 2] } },
    required: ["kind", "count"],
    additionalProperties: false,
  },
} as const;

const base64 = (name: string) => readFileSync(join(repository, "examples/pictures", name)).toString("base64");
const pictures = {
  dress: `data:image/jpeg;base64,${base64("dress.jpg")}`,
  shirt: `data:image/png;base64,${base64("shirt.png")}`,
};
const about = (picture: string, question = "Describe this product."): ChatMessage[] => [
  { role: "user", content: [image(picture), question] },
];
const dress = about(pictures.dress);

describe.skipIf(noBrowser)("in Chromium", () => {
  const node: Record<string, VisionLanguageModel> = {};
  let browser: UserBrowser;
  let site: WebSite;
  /** Has the bundled model open, in WebAssembly. */
  let tab: Tab;
  const faults: string[] = [];

  beforeAll(async () => {
    const tiny = join(temporaryFolder(), "tiny");
    await pack(join(repository, "checkpoints/ocellus-tiny"), { plan: webPlan({}), forWeb: true, into: tiny });
    node.tiny = await loadModel(tiny, { device: "cpu", threads: 1 });
    for (const family of families)
      node[family] = await loadModel(wholeFolder(family), { weights: "fp32", device: "cpu", threads: 1 });
    const folders = Object.entries(node).map(([name, model]) => [name, model.info.path]);
    [site, browser] = await Promise.all([
      openWebSite(join(temporaryFolder(), "site"), Object.fromEntries(folders)),
      openUserBrowser(temporaryFolder(), softwareGpu),
    ]);
    browser.context.setDefaultTimeout(120_000); // a machine may be slow, and stall
    tab = await openTab();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    for (const model of Object.values(node)) await model.close();
  });

  async function openTab(url = site.url): Promise<Tab> {
    const opened = await browser.context.newPage();
    opened.on("pageerror", (error) => faults.push(error.message));
    opened.on("console", (message) => faults.push(message.text()));
    await opened.goto(url);
    await opened.waitForFunction("globalThis.ocellus");
    return opened;
  }

  /** As a browser does to a tab that is long out of sight; its workers too. */
  async function frozen(sleeper: Tab, meanwhile: () => Promise<void>): Promise<void> {
    const session = await browser.context.newCDPSession(sleeper);
    await sleeper.evaluate(() =>
      document.addEventListener("freeze", () => Object.assign(globalThis, { wasFrozen: true })),
    );
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    await meanwhile();
    await session.send("Page.setWebLifecycleState", { state: "active" });
    expect(await sleeper.evaluate("globalThis.wasFrozen")).toBe(true);
  }
  /** A tab that is out of sight draws no frames, by which else is looked. */
  const seen = (of: Tab, condition: string) => of.waitForFunction(condition, undefined, { polling: 100 });
  const pause = (ms: number) => new Promise((resume) => setTimeout(resume, ms));

  it("is built of nothing that is Node's", () => {
    expect(site.modules.length).toBeGreaterThan(100);
    expect(site.modules.filter((id) => /browser-external|node:|onnxruntime-node|sharp/.test(id))).toEqual([]);
  });

  it("two tabs that want a model download it once, though the one that does is frozen meanwhile", async () => {
    const release = site.hold(/safetensors$/);
    const other = await openTab();
    await tab.evaluate(() => {
      const opening = ocellus.open("tiny", { device: "cpu", threads: 2 });
      Object.assign(globalThis, { opening });
      void opening.then((model) => Object.assign(ocellus.models, { tiny: model }));
    });
    await vi.waitFor(() => expect(site.requests.join()).toMatch(/safetensors/), 60_000);
    await other.evaluate(() => {
      const onProgress = ({ isWaiting }: { isWaiting: boolean }) => Object.assign(globalThis, { isWaiting });
      Object.assign(globalThis, { opening: ocellus.open("tiny", { device: "auto", onProgress }) });
    });
    await seen(other, "globalThis.isWaiting");
    await frozen(tab, async () => {
      release();
      await pause(300);
      expect(await tab.evaluate(() => "tiny" in ocellus.models)).toBe(false);
    });
    await seen(tab, "'tiny' in ocellus.models");
    const found = await other.evaluate(async (messages) => {
      const model = await (globalThis as unknown as { opening: ReturnType<Page["open"]> }).opening;
      const { text } = await model.answer(messages);
      await model.close();
      return { text, info: model.info };
    }, dress);
    expect(found.text).toBe("A red dotted dress.");
    expect(found.info).toMatchObject({
      device: "cpu",
      notes: expect.arrayContaining([expect.stringContaining("software")]),
    });
    await other.close();
    const { files } = JSON.parse(readFileSync(join(node.tiny!.info.path, "packed.json"), "utf8"));
    const numParts = files.list.flatMap(({ parts }: { parts: string[] }) => parts).length;
    expect(
      site.requests.filter((path) => path.startsWith("/models/tiny/") && !path.endsWith("packed.json")),
    ).toHaveLength(numParts);
  });

  describe("a model in a worker", () => {
    let numRequests = 0;
    const fromPage: string[] = [];
    beforeAll(() => {
      numRequests = site.requests.length;
      browser.context.on("request", (request) => fromPage.push(request.url()));
    });
    /** Pictures are given as bytes: once a model is open, nothing is asked of any network. */
    afterAll(() => {
      expect(site.requests.slice(numRequests)).toEqual([]);
      expect(fromPage.filter((url) => !/^(blob|data):/.test(url))).toEqual([]);
    });

    it("streams the answer that Node gives, and says how it was", async () => {
      const { events, stats, notes, numThreads } = await tab.evaluate(async (messages) => {
        const model = ocellus.models.tiny!;
        const events = await ocellus.all(model.chat(messages));
        const { numThreads } = await ocellus.held();
        return { events, stats: model.stats, notes: model.info.notes, numThreads };
      }, dress);
      const expected = await node.tiny!.answer(dress);
      const words = events.flatMap((event) => (event.type === "text" ? [event.text] : []));
      expect(words.length).toBeGreaterThan(1);
      expect(words.join("")).toBe(expected.text);
      const end = events.at(-1)!;
      expect(end).toMatchObject({ type: "end", finishReason: "stop", usage: expected.usage });
      expect(stats).toMatchObject({ generatedTokens: expected.usage.completionTokens });
      expect(numThreads).toBe(0); // the page is not isolated, where two were asked for
      expect(notes).toEqual([expect.stringContaining("isolated")]);
    });

    it("knows a picture again, and the start of a prompt", async () => {
      const [again, other] = await tab.evaluate(
        async ([same, other]) => {
          const model = ocellus.models.tiny!;
          return [await model.answer(same!), await model.answer(other!)];
        },
        [dress, about(pictures.dress, "Which product do you see?")],
      );
      expect(again!.usage.cachedTokens).toBe(again!.usage.promptTokens - 1);
      expect(again!.images[0]).toMatchObject({ known: true, source: "prefix" });
      expect(other!.images[0]).toMatchObject({ known: true });
      expect(other!.usage.cachedTokens).toBeGreaterThan(32); // all of the image
      expect(other!.text).toBe("A dress.");
    });

    it("gives up an answer at once, and answers the next question", async () => {
      const found = await tab.evaluate(
        async ({ messages, long }) => {
          const model = ocellus.models.tiny!;
          const before = (model.stats as { generatedTokens: number }).generatedTokens;
          const codes: unknown[] = [];
          const given = new AbortController();
          const asked = model.answer(messages, { ...long, signal: given.signal });
          await Promise.resolve();
          given.abort(); // the worker hears it behind the question
          await asked.catch(({ code }) => codes.push(code));
          const left = new AbortController();
          try {
            for await (const _ of model.chat(messages, { ...long, signal: left.signal })) left.abort();
          } catch (error) {
            codes.push((error as { code: string }).code);
          }
          for await (const _ of model.chat(messages, long)) break;
          const { text, usage } = await model.answer(messages);
          const { generatedTokens } = model.stats as { generatedTokens: number };
          return { codes, text, numGivenUp: generatedTokens - before - usage.completionTokens };
        },
        { messages: dress, long },
      );
      expect(found).toMatchObject({ codes: ["aborted", "aborted"], text: "A red dotted dress." });
      expect(found.numGivenUp).toBeLessThan(900); // of three answers with at least 300 tokens
    });

    it("answers several questions at once, a short one before a long one that was asked first", async () => {
      const found = await tab.evaluate(
        async ({ questions, long }) => {
          const model = ocellus.models.tiny!;
          const ended: string[] = [];
          const given = new AbortController();
          const endless = model
            .answer(questions[0]!, { ...long, signal: given.signal })
            .catch(() => ended.push("long"));
          const answers = questions.map(async (messages) => {
            const { text } = await model.answer(messages);
            ended.push("short");
            return text;
          });
          const texts = await Promise.all(answers);
          given.abort();
          await endless;
          return { texts, ended };
        },
        { questions: [dress, about(pictures.shirt)], long },
      );
      expect(found.ended).toEqual(["short", "short", "long"]);
      expect(found.texts).toEqual(["A red dotted dress.", (await node.tiny!.answer(about(pictures.shirt))).text]);
    });

    it("keeps a JSON schema, and tells as much of an answer as in Node", async () => {
      const found = await tab.evaluate(
        async ({ messages, responseFormat, picture }) => {
          const model = ocellus.models.tiny!;
          const { text } = await model.answer(messages, { responseFormat });
          const trace = await model.trace(messages);
          const looks = await model.answerAttention(messages, trace.text);
          const vector = [...(await model.embedImage(picture))];
          return { text, trace, looks, vector, map: await model.attentionMap(picture), version: model.vectorVersion };
        },
        { messages: dress, responseFormat: item, picture: pictures.dress },
      );
      const { kind, count } = item.schema.properties; // it was not trained on JSON: which of them, rounding decides
      const among = ({ enum: values }: { enum: readonly unknown[] }) =>
        expect.toSatisfy((value) => values.includes(value));
      expect(JSON.parse(found.text)).toEqual({ kind: among(kind), count: among(count) });
      const { trace } = found;
      const expected = await node.tiny!.trace(dress);
      expect(trace.tokens.map(({ tokenId }) => tokenId)).toEqual(expected.tokens.map(({ tokenId }) => tokenId));
      expectClose(
        trace.tokens.map(({ probability }) => probability),
        expected.tokens.map(({ probability }) => probability),
        roundedTolerance,
        "probabilities",
      );
      const [looked, wanted] = [trace, expected].map(({ images }) =>
        images[0]!.attention.flatMap(({ probabilities }) => Object.values(probabilities)),
      );
      expectClose(looked!, wanted!, roundedTolerance, "attention");
      const map = (await node.tiny!.attentionMap(pictures.dress))!;
      expect(found.map).toMatchObject({ rows: map.rows, columns: map.columns });
      const looks = await node.tiny!.answerAttention(dress, expected.text);
      expect(found.looks.tokens.map(({ text }) => text)).toEqual(looks.tokens.map(({ text }) => text));
      expectClose(found.vector, await node.tiny!.embedImage(pictures.dress), roundedTolerance, "vector");
    });

    it("answers a prepared prompt more than once, and keeps a picture that is pinned", async () => {
      const found = await tab.evaluate(
        async ({ messages, picture }) => {
          const model = ocellus.models.tiny!;
          const unpin = await model.pin(picture);
          const prepared = await model.prepare(messages, { maxTokens: 4 });
          const copy = { ...prepared, options: { ...prepared.options, sampling: { temperature: 0, seed: 2 } } };
          const texts: string[] = [];
          for (const each of [prepared, copy]) {
            let text = "";
            for await (const event of model.generate(each)) if (event.type === "text") text += event.text;
            texts.push(text);
          }
          unpin();
          return { texts, promptTokens: prepared.promptTokens, pixelBytes: await model.pixelBytes(messages) };
        },
        { messages: dress, picture: pictures.dress },
      );
      const { text, usage } = await node.tiny!.answer(dress, { maxTokens: 4 });
      expect(found).toEqual({
        texts: [text, text],
        promptTokens: usage.promptTokens,
        pixelBytes: await node.tiny!.pixelBytes(dress),
      });
    });

    it("fails with the codes and details that it has in Node", async () => {
      const asked = {
        "an unknown option": { messages: dress, options: { maxToken: 3 } },
        "no image": { messages: about(`data:image/png;base64,${btoa("no image")}`), options: {} },
        "a schema that is not supported": {
          messages: dress,
          options: { responseFormat: { type: "json_schema", schema: { type: 3 } } },
        },
        "no messages": { messages: [], options: {} },
        "no list": { messages: undefined as never, options: {} },
        "too long": { messages: about(pictures.dress, "word ".repeat(5000)), options: {} },
      };
      const found = await tab.evaluate(async (asked) => {
        const facts = async ({ messages, options }: (typeof asked)[keyof typeof asked]) => {
          const error = await ocellus.models.tiny!.answer(messages, options as never).catch((error) => error);
          return error instanceof ocellus.OcellusError ? { code: error.code, details: error.details } : String(error);
        };
        return Object.fromEntries(
          await Promise.all(Object.entries(asked).map(async ([name, each]) => [name, await facts(each)])),
        );
      }, asked);
      for (const [name, { messages, options }] of Object.entries(asked)) {
        const { code, details } = await node.tiny!.answer(messages, options as never).catch((error) => error);
        expect(found[name], name).toEqual({ code, details: JSON.parse(JSON.stringify(details)) });
      }
    });

    it("continues an answer that was frozen with its tab", async () => {
      await tab.evaluate(
        ({ messages, long }) => {
          const answered = ocellus.models.tiny!.answer(messages, { ...long, maxTokens: 60 });
          Object.assign(globalThis, { answered });
        },
        { messages: dress, long },
      );
      await frozen(tab, async () => void (await pause(300)));
      const { usage } = await tab.evaluate<{ usage: { completionTokens: number } }>("globalThis.answered");
      expect(usage.completionTokens).toBe(60);
    });

    it("fails with closed what is asked while it is closed", async () => {
      const codes = await tab.evaluate(
        async ({ messages, long }) => {
          const model = ocellus.models.tiny!;
          const answered = model.answer(messages, long).catch(({ code }) => code);
          await model.close();
          return [await answered, await model.answer(messages).catch(({ code }) => code)];
        },
        { messages: dress, long },
      );
      expect(codes).toEqual(["closed", "closed"]);
    });
  });

  it("computes with threads where the page is isolated", async () => {
    const isolated = await openTab(site.isolatedUrl);
    const found = await isolated.evaluate(async (messages) => {
      const model = await ocellus.open("tiny", { device: "cpu", threads: 2 });
      const { text } = await model.answer(messages);
      const { numThreads } = await ocellus.held();
      await model.close();
      return { text, numThreads, notes: model.info.notes };
    }, dress);
    await isolated.close();
    expect(found).toMatchObject({ text: "A red dotted dress.", notes: [] });
    expect(found.numThreads).toBeGreaterThan(0);
  });

  it("holds no more memory after many questions about many images", async () => {
    const found = await tab.evaluate(async () => {
      const small = { encoderCacheBytes: 2 ** 16, prefixCacheBytes: 2 ** 16 };
      const model = await ocellus.openFiles("qwen3_vl", { device: "cpu", memory: small });
      const [width, height] = [40, 40];
      const held: number[] = [];
      for (let asked = 1; asked <= 30; asked++) {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => i * asked);
        await model.answer([{ role: "user", content: [ocellus.image({ width, height, data }), "What?"] }], {
          maxTokens: 4,
        });
        if (asked % 10 === 0) held.push((await ocellus.held()).wasmBytes);
      }
      const { stats } = model;
      await model.close();
      return { held, stats: stats as { encoderCacheBytes: number; prefixCacheBytes: number } };
    });
    expect(found.held[2]).toBe(found.held[0]); // what is given back is used again; one more copy of anything would be seen
    expect(found.stats.encoderCacheBytes).toBeLessThanOrEqual(2 ** 16);
    expect(found.stats.prefixCacheBytes).toBeLessThanOrEqual(2 ** 16);
  });

  it("on WebGPU: keys and values stay on the device, an answer is Node's, and a lost GPU is told", async () => {
    const [messages] = goldenChats("qwen3_vl").map(messagesOf);
    const options = { maxTokens: 8, sampling: { temperature: 0, logprobs: true } };
    const found = await tab.evaluate(
      async ({ messages, options }) => {
        const model = await ocellus.openFiles("qwen3_vl", { device: "webgpu" });
        const { tokens } = await model.answer(messages, options);
        const { readBytes } = await ocellus.held();
        const { info, stats } = model;
        const prepared = await model.prepare(messages);
        const lost: object[] = [];
        try {
          for await (const _ of model.chat(messages, { maxTokens: 500 })) ocellus.loseGpu();
        } catch (error) {
          const { code, details } = error as { code: string; details: object };
          lost.push({ code, details });
        }
        const pixelBytes = await model.pixelBytes(messages);
        await ocellus.all(model.generate(prepared)).catch(({ code }) => lost.push({ code }));
        await model.close();
        return { tokens, readBytes, lost, pixelBytes, info, stats: stats as { cacheBytes: number } };
      },
      { messages: messages!, options },
    );
    expect(found.info.device).toBe("webgpu");
    const { tokens } = await node.qwen3_vl!.answer(messages!, options);
    expect(found.tokens.map(({ tokenId }) => tokenId)).toEqual(tokens.map(({ tokenId }) => tokenId));
    const [own, wanted] = [found.tokens, tokens].map((each) => each.map(({ logprob }) => logprob!));
    expectClose(own!, wanted!, tolerance, "log probabilities");
    expect(found.readBytes).toBeLessThan(found.stats.cacheBytes); // in one step that fetched them it were more
    expect(found.pixelBytes).toBe(await node.qwen3_vl!.pixelBytes(messages!)); // by the model that was opened again
    expect(found.lost).toEqual([
      { code: "unavailable", details: { device: "webgpu", lost: "destroyed" } },
      { code: "closed" }, // prepared by the one that was lost
    ]);
  }, 300_000); // every shader is compiled and run by the CPU

  it("has no fault to report", () => {
    expect(faults).toEqual([]);
  });

  it.each(families)("%s: the reference's prompts, tokens, and Node's logits", async (family) => {
    const asked = goldenChats(family).map((chat) => {
      const { name, greedyIds } = chat;
      return { name, messages: messagesOf(chat), numTokens: greedyIds.length, ids: [...sureTokens(chat)] };
    });
    const all = await tab.evaluate(
      async ({ family, asked }) => {
        const model = await ocellus.openHere(family, { device: "cpu" });
        const found = [];
        for (const { messages, numTokens, ids } of asked) {
          const prepared = await model.prepare(messages);
          const { tokens } = await model.answer(messages, { maxTokens: numTokens, sampling: { temperature: 0 } });
          const logits: number[][] = [];
          for await (const row of model.score(prepared, ids)) logits.push([...row]);
          found.push({ promptIds: [...prepared.promptIds], tokens: tokens.map(({ tokenId }) => tokenId), logits });
        }
        await model.close();
        return found;
      },
      { family, asked },
    );
    for (const [i, chat] of goldenChats(family).entries()) {
      const { promptIds, tokens, logits } = all[i]!;
      const { name, messages, ids } = asked[i]!;
      expect(promptIds).toEqual(chat.promptIds);
      expect(tokens.slice(0, ids.length)).toEqual(ids.slice(0, tokens.length));
      const prepared = await node[family]!.prepare(messages);
      const expected: Float32Array[] = [];
      for await (const row of node[family]!.score(prepared, ids)) expected.push(row.slice());
      for (const [token, row] of expected.entries())
        expectClose(logits[token]!, row, tolerance, `${name}, token ${token}`);
    }
  });
});
