/** A real browser: which one. Without vitest, so that the packed package is tried with it too. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { isMissing } from "../../src/core/base/prerequisite.testkit.js";

/** CHROMIUM, or where the packages of Debian and Chrome put it. */
const chromiumPath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => path && existsSync(path));
export const noBrowser = isMissing("Chromium", chromiumPath, "apt install chromium, or name one in CHROMIUM");

/** Only pages of this repository are opened: a container's root may go without the sandbox. */
const launched = { executablePath: chromiumPath!, args: ["--no-sandbox"], timeout: 120_000 };

export function openBrowser(): Promise<Browser> {
  return chromium.launch(launched);
}

/** With a folder of its own: what pages store has a disk, and is there the next time. */
export function openBrowserProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, launched);
}
