/**
 * Whether a page's model holds more after many questions: each is about another image, and the caches are small. Printed every tenth of the way: the
 * WebAssembly's memory of the model's worker and what the page's process takes. In Chromium, on Linux.
 *   npm run bench -- browser-soak [--questions 500]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page as Tab } from "playwright-core";
import { pack, webPlan } from "../src/core/pack/index.js";
import { openUserBrowser } from "../test/support/chromium.js";
import type { Page } from "../test/support/web-page/main.js";
import { openWebSite } from "../test/support/web-site.js";

declare const ocellus: Page;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { questions: { type: "string", default: "500" } },
  });
  const folder = mkdtempSync(join(tmpdir(), "ocellus-browser-soak-"));
  process.env.NODE_ENV = "production"; // what is built is what ships
  const model = join(folder, "model");
  await pack(join(import.meta.dirname, "../checkpoints/ocellus-tiny"), {
    plan: webPlan({}),
    forWeb: true,
    into: model,
  });
  const site = await openWebSite(join(folder, "site"), { tiny: model });
  const browser = await openUserBrowser(join(folder, "profile"));
  try {
    const tab = await browser.context.newPage();
    await tab.goto(site.isolatedUrl);
    await tab.waitForFunction("globalThis.ocellus", undefined, { polling: 100 });
    await soak(tab, Number(values.questions), browser.context.browser()!);
  } finally {
    await browser.close();
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function soak(tab: Tab, numQuestions: number, browser: Browser): Promise<void> {
  const opened = await tab.evaluate(async () => {
    const memory = { encoderCacheBytes: 2 ** 20, prefixCacheBytes: 2 ** 20 };
    const model = await ocellus.open("tiny", { device: "cpu", memory });
    ocellus.models.tiny = model;
    return { timings: model.timings, notes: model.info.notes };
  });
  console.log(opened);
  const atOnce = Math.ceil(numQuestions / 10);
  for (let asked = 0; asked < numQuestions; asked += atOnce) {
    const { held, text, ms } = await tab.evaluate(ask, { asked, atOnce });
    const memory = { "WebAssembly, MB": held.wasmBytes / 1e6, "process, MB": (await pageBytes(browser)) / 1e6 };
    console.log({ asked: asked + atOnce, ...memory, "a question, ms": ms / atOnce, text });
  }
}

/** In the page. */
async function ask({ asked, atOnce }: { asked: number; atOnce: number }) {
  const started = performance.now();
  const [width, height] = [112, 112];
  let text = "";
  for (let i = asked; i < asked + atOnce; i++) {
    const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * (i + 1)) >> 3);
    const content = [ocellus.image({ width, height, data }), "Describe this product."];
    ({ text } = await ocellus.models.tiny!.answer([{ role: "user", content }]));
  }
  return { held: await ocellus.held(), text, ms: performance.now() - started };
}

/** Of the page's process, the largest: its share of what several processes map is counted in part. Linux only. */
async function pageBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const pages = processInfo.filter(({ type }) => type === "renderer");
  const sizes = pages.map(({ id }) => /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1]);
  return 1024 * Math.max(...sizes.map(Number));
}
