/** The pages of `inspect --html` and `diff --html` in a real browser: what they show, how they are driven, and that no name becomes markup. */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diffCheckpoints, diffPage, examine, inspectPage, pageDocument, tracePage } from "../src/inspect/index.js";
import type { GoldenData, RocData } from "../src/inspect/page/page-data.js";
import { writeCheckpoint } from "../src/inspect/unknown-family.testkit.js";
import { faultsOf, noBrowser, openBrowser, openHtml } from "./support/browser.js";
import { temporaryFolder } from "./support/folders.js";
import { dot, trace } from "./support/sample-trace.js";

const evil = `</script><img src=x onerror="window.broken=1"><b>`;
const folder = temporaryFolder();

const shapes = {
  "visual.patch_embed.proj.weight": [64, 32],
  ...Object.fromEntries([0, 1, 2].map((i) => [`visual.blocks.${i}.attn.qkv.weight`, [96, 64]])),
  "resampler.proj.weight": [64, 64],
  "model.embed_tokens.weight": [128, 64],
  ...Object.fromEntries([0, 1, 2, 3].map((i) => [`model.layers.${i}.mlp.up_proj.weight`, [128, 64]])),
  ...Object.fromEntries([0, 1, 2, 3].map((i) => [`model.layers.${i}.self_attn.q_proj.weight`, [64, 64]])),
  "model.norm.weight": [64],
  [`${evil}.weight`]: [8, 8],
};

/** Of the whole model a sine; layer 2 four times as large, the strange tensor all zeros. */
const value = (name: string, i: number) =>
  name.startsWith(evil) ? 0 : Math.sin(i * i + 1) * (name.includes("layers.2.") ? 4 : 1);

const checkpoint = (name: string, of: typeof value) => writeCheckpoint(join(folder, name), shapes, {}, of);

describe.skipIf(noBrowser)("pages about checkpoints", () => {
  let browser: Browser;
  const faults: string[] = [];
  let original: string;
  beforeAll(async () => {
    original = await checkpoint("original", value);
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  describe("the page of a checkpoint", () => {
    let page: Page;
    beforeAll(async () => {
      page = await openHtml(browser, inspectPage(await examine(original, {})), faults, { colorScheme: "light" });
    });
    const crumbs = async () => (await page.locator(".crumbs button").allTextContents()).join(" › ");
    const inside = () => page.textContent(".inside h3");

    it("shows findings first, the rooms in the order of the data, and every name as text", async () => {
      expect(await page.textContent("h1")).toBe("original");
      expect(await page.textContent("#findings .findings li span")).toBe(`${evil}.weight is all zeros`);
      expect(await page.locator(".rooms .door .name").allTextContents()).toEqual([
        ...["vision tower ×3", "resampler", "embeddings", "decoder ×4", "other"],
      ]);
      expect(await page.locator("b, img").count()).toBe(0);
      expect(await page.evaluate("window.broken")).toBeUndefined();
    });

    it("makes rooms as high as their parameters", async () => {
      const heights = await page.evaluate(
        `[...document.querySelectorAll(".wall")].map((wall) => Number(wall.getAttribute("height")))`,
      );
      const [vision, , embeddings, decoder] = (heights as number[]).map((height) => height - 34); // the least height
      expect(decoder! / embeddings!).toBeCloseTo((4 * 128 * 64 + 4 * 64 * 64 + 64) / (128 * 64), 1);
      expect(vision! / embeddings!).toBeCloseTo((3 * 96 * 64 + 64 * 32) / (128 * 64), 1);
    });

    it("leads by click from a room to a tensor, and back by the path above the picture", async () => {
      await page.locator(".door", { hasText: "decoder" }).first().click();
      await page.locator(".inside .list button", { hasText: "layers" }).click();
      await page.locator(".inside .list button", { hasText: "layer 2" }).click();
      await page.locator(".inside .list button", { hasText: "mlp" }).click();
      expect(await crumbs()).toBe("model › decoder ×4 › layers ×4 › layer 2 › mlp.up_proj.weight");
      expect(await inside()).toBe("model.layers.2.mlp.up_proj.weight");
      const facts = await page.textContent(".inside");
      expect(facts).toContain("bf16 [128, 64] · 16.4 kB · model.safetensors");
      expect(facts).toMatch(/root mean square2\.8/); // four times that of a sine
      expect(await page.locator(".histogram rect").count()).toBe(64);
      await page.locator(".crumbs button", { hasText: "model" }).first().click();
      expect(await inside()).toBe("The whole model");
    });

    it("leads by keys alone into a room, to a neighbour and out again", async () => {
      await page.locator(".door").first().focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Home");
      await page.keyboard.press("Enter");
      expect(await crumbs()).toBe("model › vision tower ×3");
      await page.keyboard.press("Enter");
      expect(await crumbs()).toBe("model › vision tower ×3 › blocks ×3");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      expect(await inside()).toBe("visual.blocks.1.attn.qkv.weight");
      for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
      expect(await crumbs()).toBe("model");
    });

    it("finds a tensor by parts of its name", async () => {
      await page.fill("input[type=search]", "layers.1 q_proj");
      await page.locator(".found").click();
      expect(await inside()).toBe("model.layers.1.self_attn.q_proj.weight");
    });

    it("plots the size of a kind of matrix over the layers, and opens the largest", async () => {
      const plot = page.locator(".plot", { hasText: "mlp.up_proj" });
      expect(await plot.textContent()).toMatch(/layer 2: 2\.8/);
      await plot.focus();
      await page.keyboard.press("ArrowRight");
      expect(await plot.textContent()).toMatch(/layer 3: 0\.7/);
      await page.keyboard.press("Enter");
      expect(await inside()).toBe("model.layers.3.mlp.up_proj.weight");
      await page.locator(".tabs button", { hasText: "peak" }).click();
      expect(await plot.textContent()).toMatch(/layer \d: 1\.4×/);
    });

    it("has a square for the int4 error of every matrix of the layers, walked in rows and columns", async () => {
      const heat = page.locator(".heat").last();
      expect(await heat.locator("button").count()).toBe(2 * 4);
      await heat.locator("button").first().focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowRight");
      expect(await page.textContent(".told")).toMatch(/^model\.layers\.1\.self_attn\.q_proj\.weight: \d+\.\d+ %$/);
    });

    it("follows the system's theme, changes it at a press, and fits a phone", async () => {
      const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
      const light = await paper();
      await page.click("#theme");
      expect(await paper()).not.toBe(light);
      await page.setViewportSize({ width: 390, height: 800 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    });

    it("asked the network for nothing and logged nothing", () => expect(faults).toEqual([]));

    it.each(["Light", "Dark"])("has no fault that axe finds, beside the button %s", async (theme) => {
      if ((await page.textContent("#theme")) !== theme) await page.click("#theme");
      expect(await faultsOf(page, { all: true })).toEqual([]);
    });
  });

  describe("the page of a diff", () => {
    let page: Page;
    beforeAll(async () => {
      const moved = await checkpoint("moved", (name, i) => value(name, i) * (/layers\.1.*q_proj/.test(name) ? 1.1 : 1));
      page = await openHtml(browser, diffPage(await diffCheckpoints(original, moved)), faults, { colorScheme: "dark" });
    });

    it("says what moved, colours it, and leads to the tensor", async () => {
      expect(await page.textContent("h1")).toBe("Only the decoder moved.");
      const tones = await page.evaluate(
        `[...document.querySelectorAll(".door")].map((door) => door.getAttribute("style"))`,
      );
      expect((tones as string[]).map((tone) => /warm\) ([\d.]+)%/.exec(tone)![1])).toEqual([
        "0.0",
        "0.0",
        "0.0",
        "100.0",
        "0.0",
      ]);
      expect(await page.locator("#moved li").count()).toBe(1);
      await page.locator("#moved button").first().click();
      expect(await page.textContent(".inside h3")).toBe("model.layers.1.self_attn.q_proj.weight");
      expect(await page.textContent(".inside")).toMatch(/moved by 9\.\d % of its size/);
    });

    it("shows strange names as text, and is silent", async () => {
      await page.locator(".crumbs button").first().click();
      await page.locator(".inside .list button", { hasText: "other" }).click();
      expect(await page.textContent(".inside .list")).toContain(evil);
      expect(await page.locator("b, img").count()).toBe(0);
      expect(await faultsOf(page, { all: true })).toEqual([]);
      expect(faults).toEqual([]);
    });
  });

  it("are in both languages and themes, whole on a phone, and without a fault that axe finds", async () => {
    const other = await checkpoint("other", (name, i) => value(name, i) * (name.includes("layers.1.") ? 1.1 : 1));
    const pages = {
      inspect: inspectPage(await examine(original, {})),
      diff: diffPage(await diffCheckpoints(original, other)),
      trace: tracePage(trace, { question: "What?", images: [dot, dot], model: "tiny" }),
      golden: pageDocument({ kind: "golden", title: "golden", heading: "A", facts: "b", data: golden }),
      roc: pageDocument({ kind: "roc", title: "roc", heading: "clip", facts: "b", data: roc }),
    };
    for (const [kind, html] of Object.entries(pages)) {
      const page = await openHtml(browser, html, faults, {
        colorScheme: "light",
        viewport: { width: 390, height: 844 },
      });
      for (const view of ["English, light", "Chinese, light", "Chinese, dark"]) {
        if (view === "Chinese, light") await page.click("#language");
        if (view === "Chinese, dark") await page.click("#theme");
        expect(await page.evaluate("document.documentElement.scrollWidth"), `${kind}, ${view}`).toBe(390);
        expect(await faultsOf(page, { all: true }), `${kind}, ${view}`).toEqual([]);
      }
      const titles = await page.locator("h2").allInnerTexts();
      expect(titles.length, kind).toBeGreaterThan(0);
      expect(await page.locator("#page [lang=en]:not(dd *)").allInnerTexts(), kind).toEqual([]); // errors alone
      if (kind === "diff") expect(await page.locator("h1").innerText()).toMatch(/变动/);
      for (const title of titles) expect(title, kind).toMatch(/[\u4e00-\u9fff]/);
      await page.context().close();
    }
    expect(faults).toEqual([]);
  });
});

const roc: RocData = {
  curves: [
    {
      ...{
        category: "暴力 violence",
        images: 20,
        others: 40,
        area: 0.93,
        points: [
          [0, 0],
          [0.1, 0.8],
          [1, 1],
        ],
      },
      chosen: { threshold: 0.41, truePositiveRate: 0.8, falsePositiveRate: 0.1 },
    },
  ],
};

const golden: GoldenData = {
  ...{ versions: ["v1 (fp32)", "v2 (int4)"], total: 1 },
  rows: [
    { group: "all", asked: 88, low: -6, value: -2.3, high: 1.4 },
    { group: "colour", asked: 20, low: -15, value: -10, high: -2 },
  ],
  entries: [
    {
      ...{ origin: "dress.jpg", question: "What colour is it?", expected: "red", image: dot },
      answers: [
        { text: "red", correct: true },
        { text: "", correct: false, failure: "timeout" },
      ],
    },
  ],
};
