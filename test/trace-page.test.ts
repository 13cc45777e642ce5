/** The page of a trace in a real browser: what it shows, how it is driven, and that no text in it becomes markup. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { tracePage } from "../src/inspect/index.js";
import { noBrowser, openBrowser, openHtml } from "./support/browser.js";
import { dot, evil, trace } from "./support/sample-trace.js";

describe.skipIf(noBrowser)("the page of a trace", () => {
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
    const html = tracePage(trace, { question: `What? ${evil}`, images: [dot, dot], model: `tiny ${evil}` });
    page = await openHtml(browser, html, faults, { colorScheme: "dark" });
  });
  afterAll(() => browser?.close());

  it("shows questions, answers and alternatives as text, whatever they spell, and asks the network for nothing", async () => {
    expect(await page.textContent("h1")).toBe(`What? ${evil}`);
    expect(await page.textContent(".answer")).toBe(`A red${evil}<|im_end|>`);
    expect(await page.title()).toContain(evil);
    expect(await page.locator("b, img[src=x]").count()).toBe(0);
    expect(await page.evaluate("window.broken")).toBeUndefined();
    expect(faults).toEqual([]);
  });

  it("opens at the least certain token, and shows another one's alternatives by click and by key", async () => {
    const pressed = page.locator('.answer [aria-pressed="true"]');
    expect(await pressed.textContent()).toBe(" red");
    expect(await page.locator(".alternatives .number").allTextContents()).toEqual(["40.0 %", "30.0 %"]);
    await page.locator(".answer button").first().click();
    expect(await page.textContent(".alternatives .aside")).toBe("Token 1 of 4, 3.0 ms");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    expect(await pressed.textContent()).toBe(evil);
  });

  it("tells where a query looked in a layer, chosen by click, by key or by pointing at it", async () => {
    const caption = page.locator("figcaption").first();
    // all layers: patches 0 and 1 by turns for query 1; both queries' means 0.75 + 3 · 0.05 on the picture
    await until(async () =>
      expect(await caption.textContent()).toMatch(/^All queries together, all layers: 90.0 % .* on row 1, column 2\.$/),
    );
    await page.getByRole("button", { name: "layer 2" }).click();
    await page.locator(".queries button").first().click();
    await page.keyboard.press("ArrowRight");
    expect(await caption.textContent()).toMatch(/^Query 1, layer 2: 90.0 % .*most, 75.0 %, on row 1, column 2\.$/);
    await page.locator(".queries button").nth(2).hover();
    expect(await caption.textContent()).toMatch(/^Query 2, layer 2: .* on row 2, column 1\.$/);
    await page.mouse.move(0, 0);
    await until(async () => expect(await caption.textContent()).toMatch(/^Query 1, layer 2/));
  });

  it("darkens the picture where nothing looked, and leaves the strongest patch clear", async () => {
    const alphas = await page.evaluate(`(() => {
      const canvas = document.querySelector(".frame canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [3, 7, 11, 15].map((i) => data[i]);
    })()`);
    expect(alphas).toEqual([210, 0, 210, 210]); // 225 · (1 - 0.05 / 0.75)
  });

  it("shows a picture without queries, and each stage's time", async () => {
    expect(await page.locator("figcaption").nth(1).textContent()).toMatch(/^Seen as 6 × 4 patches, .* 6 tokens\./);
    expect(await page.locator(".legend dd").allTextContents()).toEqual(["10 ms", "20 ms", "3.0 ms", "9.0 ms"]);
    expect(await page.textContent("section:last-child h2")).toBe("Where the time went: 42 ms");
    expect(await page.locator(".times i").count()).toBe(3 + 3);
  });

  it("follows the system's theme, and changes it at a press", async () => {
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const dark = await paper();
    await page.click("#theme");
    expect(await paper()).not.toBe(dark);
    expect(await page.textContent("#theme")).toBe("Dark");
  });
});
