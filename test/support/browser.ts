/** Pages of ours in a real browser: which one, and a page that writes down its faults. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { temporaryFolder } from "./folders.js";

/** CHROMIUM, or where the packages of Debian and Chrome put it. */
export const chromiumPath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path && existsSync(path));
if (!chromiumPath) console.warn("no Chromium found: tests of pages are skipped; name one in CHROMIUM");

/** Opens a page of ours from a file. `faults` gets errors, what is logged, and every request but for files and data. */
export async function openHtml(
  browser: Browser,
  html: string,
  faults: string[],
  options: BrowserContextOptions = {},
): Promise<Page> {
  const path = join(temporaryFolder(), "page.html");
  writeFileSync(path, html);
  const page = await browser.newPage(options);
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => faults.push(message.text()));
  page.on("request", (request) => /^(file|data):/.test(request.url()) || faults.push(request.url()));
  await page.goto(pathToFileURL(path).href);
  return page;
}
