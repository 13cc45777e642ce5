/**
 * Packed models in a real Chromium, by the entry that pages import: golden fixtures on WebAssembly against the reference's tokens and
 * Node's logits. Tolerance: that of test/webgpu.test.ts, a bound; how much smaller the difference is was not measured.
 */
import type { Browser, BrowserContext, Page as Tab } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { noBrowser, openBrowser } from "./support/browser.js";
import { expectClose } from "./support/close.js";
import { temporaryFolder } from "./support/folders.js";
import type { Page } from "./support/web-page/main.js";
import { openWebSite, type WebSite } from "./support/web-site.js";
import { goldenChats, messagesOf, sureTokens, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("NODE_ENV", "production"); // what is built is what ships

declare const ocellus: Page;

const tolerance = 1e-4;
const families = ["qwen3_vl", "qwen3_5"] as const;

describe.skipIf(noBrowser)("in Chromium", () => {
  const models: Record<string, VisionLanguageModel> = {};
  let browser: Browser;
  let context: BrowserContext;
  let site: WebSite;
  let tab: Tab;
  const faults: string[] = [];

  beforeAll(async () => {
    models.tiny = await loadModel(undefined, { device: "cpu", threads: 1 });
    for (const family of families)
      models[family] = await loadModel(wholeFolder(family), { weights: "fp32", device: "cpu", threads: 1 });
    const folders = Object.entries(models).map(([name, model]) => [name, model.info.path]);
    [site, browser] = await Promise.all([openWebSite(Object.fromEntries(folders)), openBrowser()]);
    context = await browser.newContext();
    tab = await open();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    for (const model of Object.values(models)) await model.close();
  });

  async function open(path = ""): Promise<Tab> {
    const opened = await context.newPage();
    opened.on("pageerror", (error) => faults.push(error.message));
    opened.on("console", (message) => faults.push(message.text()));
    await opened.goto(site.url + path);
    await opened.waitForFunction("globalThis.ocellus");
    return opened;
  }

  it("is built of nothing that is Node's", () => {
    expect(site.modules.length).toBeGreaterThan(100);
    expect(site.modules.filter((id) => /browser-external|node:|onnxruntime-node|sharp/.test(id))).toEqual([]);
  });

  it.each(families)("%s: the reference's prompts, tokens, and Node's logits", async (family) => {
    for (const chat of goldenChats(family)) {
      const messages = messagesOf(chat);
      const sure = sureTokens(chat);
      const found = await tab.evaluate(
        async ({ family, messages, numTokens, ids }) => {
          const model = await ocellus.loadHere(family, { device: "cpu" });
          try {
            const prepared = await model.prepare(messages);
            const options = { maxTokens: numTokens, sampling: { temperature: 0 } };
            const { tokens } = await model.answer(messages, options);
            const logits: number[][] = [];
            for await (const row of model.score(prepared, ids)) logits.push([...row]);
            return { promptIds: [...prepared.promptIds], tokens: tokens.map(({ tokenId }) => tokenId), logits };
          } finally {
            await model.close();
          }
        },
        { family, messages: plain(messages), numTokens: chat.greedyIds.length, ids: [...sure] },
      );
      expect(found.promptIds).toEqual(chat.promptIds);
      expect(found.tokens.slice(0, sure.length)).toEqual(sure.slice(0, found.tokens.length));
      const prepared = await models[family]!.prepare(messages);
      const expected: Float32Array[] = [];
      for await (const row of models[family]!.score(prepared, sure)) expected.push(row.slice());
      for (const [i, row] of expected.entries())
        expectClose(found.logits[i]!, row, tolerance, `${chat.name}, token ${i}`);
    }
  });
});

/** Pixels as arrays, which a page can be sent. */
function plain(messages: ReturnType<typeof messagesOf>) {
  return messages;
}
