/**
 * The gallery of the page, built once and opened in a browser without any server: its files are handed to the browser here. Without
 * vitest, so that a script takes its pictures too.
 */
import { readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";

export interface View {
  readonly language: "en" | "zh";
  readonly theme: "light" | "dark";
  readonly width: number;
}

export interface Gallery {
  /** A page in a context of its own, with the names of the boards. */
  open(view: View): Promise<{ page: Page; boards: readonly string[]; show(board: string): Promise<void> }>;
}

/** Browsers trust it as they do https; nothing listens there. */
const origin = "http://gallery.localhost/";
const types: Readonly<Record<string, string>> = {
  ...{ ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2" },
  ...{ ".jpg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml" },
};

const repository = resolve(import.meta.dirname, "../..");

/** @param outDir an empty folder of the caller's */
export async function buildGallery(browser: Browser, outDir: string): Promise<Gallery> {
  const web = join(repository, "web");
  await build({ root: web, configFile: join(web, "gallery.config.ts"), logLevel: "warn", build: { outDir } });
  const read = (path: string) =>
    path.startsWith("assets/pictures/")
      ? readFileSync(join(repository, "examples", path.slice("assets/".length)))
      : readFileSync(join(outDir, path));
  return {
    async open({ language, theme, width }) {
      const viewport = { width, height: width < 600 ? 844 : 900 };
      const context = await browser.newContext({
        viewport,
        reducedMotion: "reduce",
        timezoneId: "UTC",
        locale: "en-US",
      });
      await context.route(`${origin}**`, async (route) => {
        const path = new URL(route.request().url()).pathname.slice(1) || "gallery.html";
        await route.fulfill({ body: read(path), contentType: types[extname(path)] ?? "application/octet-stream" });
      });
      const page = await context.newPage();
      await page.goto(origin);
      await page.waitForFunction("globalThis.show");
      const show = (board: string) => page.evaluate<void>(`show(${JSON.stringify(board)}, "${language}", "${theme}")`);
      return { page, boards: await page.evaluate<string[]>("boards"), show };
    },
  };
}
