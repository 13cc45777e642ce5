/**
 * Every state of the page, from the gallery's fixed data in a real Chromium: nothing is wider than the screen, axe finds nothing, the
 * console stays silent, and the Chinese page speaks no English. Pictures are for people (`npm run screenshots`) and not compared:
 * fonts differ between machines, and hundreds of them would be the largest part of the repository.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { faultsOf, noBrowser, openBrowser } from "../support/browser.js";
import { temporaryFolder } from "../support/folders.js";
import { buildGallery, type Gallery, type View } from "../support/gallery.js";

vi.stubEnv("NODE_ENV", "production"); // the page as it is shipped: vitest would have it built for testing

/** Each two of language, theme and width meet once. Of axe's rules, which take most of the time, those of colours depend on the theme. */
const views: readonly (View & { readonly rules: readonly string[] | undefined })[] = [
  { language: "en", theme: "light", width: 1440, rules: undefined },
  { language: "en", theme: "dark", width: 390, rules: ["color-contrast"] },
  { language: "zh", theme: "light", width: 390, rules: [] },
  { language: "zh", theme: "dark", width: 1440, rules: [] },
];

/** What scrolls up and down must not scroll sideways too. Tables and code may, each in a frame of its own. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate<
    string[]
  >(`[document.documentElement, ...document.querySelectorAll("main, .sheet, .turns, .settings, .sidebar, dialog, .panel")]
    .filter((each) => each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.localName + "." + each.className + " is " + (each.scrollWidth - each.clientWidth) + " pixels too wide")
    .concat(document.querySelector(".frame") && document.documentElement.scrollHeight > innerHeight ? ["the frame scrolls away"] : [])`);
}

/** Names, which have no Chinese: of the data, of formats and programs, of keys. */
const names =
  /^(ocellus|qwen\w*|tiny|clip|vit|base|api|json|schema|curl|typescript|python|enter|shift|esc|openai|anthropic|markdown|pdf|prometheus|messages|english|metrics|guards|admin|gallery|min|top|lora|nan|cpu|prod|staging|alice|laptop|https|words|pii|known|weapons|violence|phone|kib|mib|gib|webassembly|webgpu|simd|localhost)$/i;

/** Texts, labels and placeholders that are in English, outside of what says so and of code. */
async function englishOf(page: Page): Promise<string[]> {
  const texts = await page.evaluate<string[]>(`(() => {
    const isOther = (node) => node.closest("[lang=en], code, pre, kbd, textarea, option, .mono, .name, script, style, title");
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      if (!isOther(node.parentElement)) found.push(node.textContent);
    for (const node of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]"))
      if (!isOther(node)) for (const name of ["aria-label", "placeholder", "title"]) found.push(node.getAttribute(name) ?? "");
    return found;
  })()`);
  return texts.filter((text) =>
    (text.match(/(?<![\w./-])[a-z]{3,}(?![\w./-])/gi) ?? []).some((word) => !names.test(word)),
  );
}

describe.skipIf(noBrowser)("the gallery", () => {
  let browser: Browser;
  let gallery: Gallery;
  beforeAll(async () => {
    browser = await openBrowser();
    gallery = await buildGallery(browser, temporaryFolder());
  });
  afterAll(() => browser?.close());

  it.each(views)("is whole in $language, $theme, $width pixels wide", async ({ rules, ...view }) => {
    const { page, boards, show } = await gallery.open(view);
    const faults: string[] = [];
    let board = "";
    page.on("pageerror", (error) => faults.push(`${board}: ${error.message}`));
    page.on("console", (message) => message.type() === "error" && faults.push(`${board}: ${message.text()}`));
    for (board of boards) {
      await show(board);
      faults.push(...(await tooWide(page)).map((fault) => `${board}: ${fault}`));
      if (rules?.length !== 0)
        faults.push(...(await faultsOf(page, { all: true, rules })).map((fault) => `${board}: ${fault}`));
      if (view.language === "zh") faults.push(...(await englishOf(page)).map((text) => `${board}: English: ${text}`));
    }
    await page.context().close();
    expect(faults).toEqual([]);
  });

  it.each(["growing text", "growing tokens"])(
    "does little work for one token more among ten thousand: %s",
    async (board) => {
      const { page, show } = await gallery.open(views[0]!);
      await show(board);
      // Each token that is rendered takes an exponential; each piece of Markdown that is parsed, its first match.
      const numSteps = await page.evaluate<number>(`(async () => {
      let steps = 0;
      for (const [owner, name] of [[Math, "exp"], [document, "createElement"], [document, "createTextNode"]]) {
        const own = owner[name].bind(owner);
        owner[name] = (...args) => { steps++; return own(...args); };
      }
      for (let i = 0; i < 20; i++) { grow(); await new Promise(requestAnimationFrame); }
      return steps / 20;
    })()`);
      expect(numSteps).toBeGreaterThan(0);
      expect(numSteps).toBeLessThan(450); // a run of tokens, or a part of a text; not ten thousand
      await page.context().close();
    },
  );
});
