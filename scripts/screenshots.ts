/**
 * Pictures of every board of the gallery in both languages, both themes and two widths, and one page that shows them side by side.
 * Usage: npm run screenshots -- [FOLDER] [PART OF A BOARD'S NAME]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { openBrowser } from "../test/support/chromium.js";
import { buildGallery, type View } from "../test/support/gallery.js";

process.env.NODE_ENV = "production";
const [folder = "screenshots", wanted = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const views: readonly View[] = ([1440, 390] as const).flatMap((width) =>
  (["en", "zh"] as const).flatMap((language) =>
    (["light", "dark"] as const).map((theme): View => ({ language, theme, width })),
  ),
);

/** Of all that scrolls within the board, so that it is in the picture. */
async function heightOf(page: Page): Promise<number> {
  const usual = 900;
  const needed = await page.evaluate<number>(`Math.max(...["html", ".sheet", ".turns", ".settings"]
    .flatMap((selector) => [...document.querySelectorAll(selector)])
    .map((each) => innerHeight + each.scrollHeight - each.clientHeight))`);
  return Math.min(4000, Math.max(usual, needed));
}

const browser = await openBrowser();
const built = mkdtempSync(join(tmpdir(), "gallery-"));
const rows = new Map<string, string[]>();
try {
  const gallery = await buildGallery(browser, built);
  for (const view of views) {
    const { page, boards, show } = await gallery.open(view);
    for (const board of boards.filter((name) => name.includes(wanted))) {
      await page.setViewportSize({ width: view.width, height: 900 });
      await show(board);
      await page.setViewportSize({ width: view.width, height: await heightOf(page) });
      const name = `${board.replaceAll(" ", "-")}-${view.language}-${view.theme}-${view.width}.png`;
      await page.screenshot({ path: join(folder, name) });
      rows.set(board, [...(rows.get(board) ?? []), name]);
    }
    await page.context().close();
  }
} finally {
  await browser.close();
  rmSync(built, { recursive: true });
}
const pictures = (names: readonly string[]) =>
  names.map((name) => `<a href="${name}"><img src="${name}" alt="${name}" loading="lazy"></a>`).join("");
const sections = [...rows].map(([board, names]) => `<h2>${board}</h2><p>${pictures(names)}</p>`);
const style =
  "body{font:1rem system-ui;margin:2rem}p{display:flex;gap:1rem;overflow:auto}img{height:22rem;border:1px solid #888}";
writeFileSync(
  join(folder, "index.html"),
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Screenshots</title><style>${style}</style>${sections.join("")}`,
);
console.log(`${rows.size} boards in ${views.length} views: ${resolve(folder, "index.html")}`);
