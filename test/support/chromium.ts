/** A real browser: which one. Without vitest, so that the packed package is tried with it too. */
import { type ChildProcess, spawn } from "node:child_process";
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

export interface UserBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** As a user has one, in a folder of its own: its tabs are not told that each of them is in front, and can be put to sleep. */
export async function openUserBrowser(folder: string, args: readonly string[] = []): Promise<UserBrowser> {
  const given = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--remote-debugging-port=0",
    `--user-data-dir=${folder}`,
  ];
  const child = spawn(chromiumPath!, [...given, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const browser = await chromium.connectOverCDP(await addressOf(child), { noDefaults: true, timeout: 120_000 });
  const close = async () => {
    await browser.close();
    child.kill();
    await ended;
  };
  return { context: browser.contexts()[0]!, close };
}

function addressOf(child: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`Chromium ended before it could be driven: ${said}`)));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096); // read to its end: it waits where no one does
      const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (address !== undefined) resolve(address);
    });
  });
}
